import { afterAll, beforeAll } from 'vitest'
import { joinDatabase } from '../../server/db.ts'
import { openEmbeddedForTest, silent, type TestDatabase } from '../support/database.ts'
import { describeLoading } from '../support/loading.ts'

let database: TestDatabase
let second: Awaited<ReturnType<typeof joinDatabase>>
beforeAll(async () => {
  database = await openEmbeddedForTest()
  second = await joinDatabase({ databaseUrl: undefined, dataDirectory: database.dataDirectory }, silent)
})
afterAll(async () => {
  await second.close()
  await database.close()
})

describeLoading('the embedded database', () => ({ sql: database.sql, second: second.sql }))
