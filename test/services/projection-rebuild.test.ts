import { afterAll, beforeAll } from 'vitest'
import { type Database, openDatabase } from '../../server/db.ts'
import { silent } from '../support/database.ts'
import { openPostgres, type TestPostgres } from '../support/postgres.ts'

import { describeRebuild } from '../support/rebuild-suite.ts'

let server: TestPostgres
let database: Database
beforeAll(async () => {
  server = await openPostgres()
  database = await openDatabase({ databaseUrl: server.url, dataDirectory: '' }, silent)
})
afterAll(async () => {
  await database.close()
  await server.close()
})

describeRebuild('Postgres', () => database.sql)
