import { afterAll, beforeAll } from 'vitest'
import { openEmbeddedForTest, type TestDatabase } from '../support/database.ts'
import { describeKilledRelays } from '../support/feed-kill-suite.ts'
import { describeFeed } from '../support/feed-suite.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await openEmbeddedForTest()
})
afterAll(() => database.close())

const sql = () => database.sql
describeFeed('the embedded database', sql, sql, [1])
describeKilledRelays(
  'the embedded database',
  () => ({ sql: database.sql, environment: { DATABASE_URL: '', RAPPORT_DATA_DIR: database.dataDirectory } }),
  [1],
)
