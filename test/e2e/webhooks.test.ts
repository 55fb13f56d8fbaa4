import { afterAll, beforeAll } from 'vitest'
import { openEmbeddedForTest, type TestDatabase } from '../support/database.ts'
import { describeWebhooks } from '../support/webhook-suite.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await openEmbeddedForTest()
})
afterAll(() => database.close())

describeWebhooks('the embedded database', () => database.sql)
