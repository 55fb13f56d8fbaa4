import { afterAll, beforeAll } from 'vitest'
import { openEmbeddedForTest, type TestDatabase } from '../support/database.ts'

import { describeMappingSwitch } from '../support/mapping-switch-suite.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await openEmbeddedForTest()
})
afterAll(() => database.close())

describeMappingSwitch('the embedded database', () => database.sql)
