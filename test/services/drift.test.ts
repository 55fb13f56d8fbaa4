import { afterAll, beforeAll } from 'vitest'
import { type Database, openDatabase } from '../../server/db.ts'
import { silent } from '../support/database.ts'
import { describeDrift } from '../support/drift-suite.ts'
import { openPostgres, type TestPostgres } from '../support/postgres.ts'

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

describeDrift('Postgres', () => database.sql)
