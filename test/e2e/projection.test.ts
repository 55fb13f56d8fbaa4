import { afterAll, beforeAll } from 'vitest'
import { openEmbeddedForTest, type TestDatabase } from '../support/database.ts'
import { describeProjectionFaults } from '../support/projection-fault-suite.ts'
import { describeProjection } from '../support/projection-suite.ts'
import { describeRowWriting } from '../support/row-writing-suite.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await openEmbeddedForTest()
})
afterAll(() => database.close())

describeProjection('the embedded database', () => database.sql)
describeProjectionFaults('the embedded database', () => database.sql)
describeRowWriting('the embedded database', () => database.sql)
