import { afterAll, beforeAll } from 'vitest'
import { type Database, openDatabase } from '../../server/db.ts'
import { silent } from '../support/database.ts'
import { openPostgres, type TestPostgres } from '../support/postgres.ts'
import { describeProjectionFaults } from '../support/projection-fault-suite.ts'
import { describeProjection } from '../support/projection-suite.ts'
import { describeRowWriting } from '../support/row-writing-suite.ts'

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

describeProjection('Postgres', () => database.sql)
describeProjectionFaults('Postgres', () => database.sql)
describeRowWriting('Postgres', () => database.sql)
