/**
 * A process that opens the embedded database of the folder it is given and writes until it is killed, one line of stdout for
 * each acknowledged entry. A failure to open is one line on stderr and exit 1.
 */
import { openDatabase } from '../../server/db.ts'
import { createSqlLogStore } from '../../server/log/sql-log-store.ts'
import { silent } from './database.ts'
import { entryOf, recordKey } from './entries.ts'

try {
  const database = await openDatabase({ databaseUrl: undefined, dataDirectory: process.argv[2] ?? '' }, silent)
  const store = createSqlLogStore(database.sql)
  for (let written = 0; ; written++) {
    const entry = entryOf(recordKey(`r${written}`))
    if ((await store.insert([entry])).has(entry.id)) process.stdout.write(`${entry.id}\n`)
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : 'failed'}\n`)
  process.exit(1)
}
