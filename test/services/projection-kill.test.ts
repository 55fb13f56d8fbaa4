import { afterAll, beforeAll } from 'vitest'
import { type Database, openDatabase } from '../../server/db.ts'
import { silent } from '../support/database.ts'
import { openPostgres, type TestPostgres } from '../support/postgres.ts'
import { describeKilledProjectors, describeKilledRebuild } from '../support/projection-kill-suite.ts'
import { describeKilledSwitch } from '../support/switch-kill-suite.ts'

let server: TestPostgres
const opened: { readonly database: Database; readonly url: string }[] = []
beforeAll(async () => {
  server = await openPostgres()
  for (const url of [server.url, await server.createDatabase(), await server.createDatabase()]) {
    opened.push({ url, database: await openDatabase({ databaseUrl: url, dataDirectory: '' }, silent) })
  }
})
afterAll(async () => {
  for (const { database } of opened) await database.close()
  await server.close()
})

const shared = (index: number) => () => {
  const place = opened[index]
  if (place === undefined) throw new Error('not open')
  return { sql: place.database.sql, environment: { DATABASE_URL: place.url } }
}

describeKilledProjectors('Postgres', shared(0), [1, 2, 3])
describeKilledRebuild('Postgres', shared(1), 5_000)
describeKilledSwitch('Postgres', shared(2), 2_000, 11)
