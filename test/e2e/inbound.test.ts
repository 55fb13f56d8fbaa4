import { afterAll, beforeAll } from 'vitest'
import { openEmbeddedForTest, type TestDatabase } from '../support/database.ts'
import { describeInboundSchedules } from '../support/inbound-schedule-suite.ts'
import { describeInbound } from '../support/inbound-suite.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await openEmbeddedForTest()
})
afterAll(() => database.close())

describeInbound('the embedded database', () => database.sql)
describeInboundSchedules('the embedded database', () => database.sql, [1, 2, 3])
