import { afterAll, beforeAll } from 'vitest'
import { type Database, openDatabase } from '../../server/db.ts'
import { silent } from '../support/database.ts'
import { describeLoading } from '../support/loading.ts'
import { openPostgres, type TestPostgres } from '../support/postgres.ts'

let server: TestPostgres
let pools: Database[]
beforeAll(async () => {
  server = await openPostgres()
  pools = []
  for (let pool = 0; pool < 2; pool += 1) {
    pools.push(await openDatabase({ databaseUrl: server.url, dataDirectory: '' }, silent))
  }
})
afterAll(async () => {
  for (const pool of pools) await pool.close()
  await server.close()
})

describeLoading('Postgres', () => {
  const [first, second] = pools
  if (first === undefined || second === undefined) throw new Error('no database')
  return { sql: first.sql, second: second.sql }
})
