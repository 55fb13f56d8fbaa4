import postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDatabase } from '../../server/db.ts'
import { silent } from '../support/database.ts'
import { openPostgres, type TestPostgres } from '../support/postgres.ts'

let server: TestPostgres
beforeAll(async () => {
  server = await openPostgres()
})
afterAll(() => server.close())

test('a database with somebody else’s table of the same name is refused, and the table named', async () => {
  const url = await server.createDatabase()
  const sql = postgres(url, { max: 1 })
  await sql`create table contacts (email text)`
  await expect(openDatabase({ databaseUrl: url, dataDirectory: '' }, silent)).rejects.toMatchObject({
    code: 'configuration',
    message:
      "The tables of DATABASE_URL's database cannot be brought up to date: the relation contacts of somebody else's stands in the way.",
  })
  await sql`drop table contacts`
  const database = await openDatabase({ databaseUrl: url, dataDirectory: '' }, silent)
  await database.close()
  await sql.end()
})
