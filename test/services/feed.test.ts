import connect from 'postgres'
import { afterAll, beforeAll } from 'vitest'
import { type Database, openDatabase, type Sql } from '../../server/db.ts'
import { silent } from '../support/database.ts'
import { describeKilledRelays } from '../support/feed-kill-suite.ts'
import { describeFeed } from '../support/feed-suite.ts'
import { openPostgres, type TestPostgres } from '../support/postgres.ts'

let server: TestPostgres
let database: Database
/** So that transactions of very different lengths are open at once. */
let writers: Sql
beforeAll(async () => {
  server = await openPostgres()
  database = await openDatabase({ databaseUrl: server.url, dataDirectory: '' }, silent)
  writers = connect(server.url, { max: 40, onnotice: () => undefined }) as unknown as Sql
})
afterAll(async () => {
  await writers.end({ timeout: 1 })
  await database.close()
  await server.close()
})

const sql = () => database.sql
describeFeed('Postgres', sql, () => writers, [1, 2, 3])
describeKilledRelays('Postgres', () => ({ sql: database.sql, environment: { DATABASE_URL: server.url } }), [1, 2])
