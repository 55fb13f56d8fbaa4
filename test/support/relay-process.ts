/**
 * A process that gives positions to events, a few at a time and without a pause, until it is killed: on the Postgres of DATABASE_URL, or
 * on the embedded database of RAPPORT_DATA_DIR, which another process has open. One line of stdout says that it has begun.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { readConfig } from '../../server/config.ts'
import { joinDatabase } from '../../server/db.ts'
import { silent } from './database.ts'
import { relayOn } from './feed-stage.ts'

const { sql } = await joinDatabase(readConfig(), silent)
const relay = relayOn(sql, { eventsAtOnce: 3 })
process.stdout.write('relaying\n')
for (;;) {
  await relay.drain()
  await sleep(1)
}
