import { afterAll, beforeAll } from 'vitest'
import { openEmbeddedForTest, type TestDatabase } from '../support/database.ts'
import { describeKilledProjectors, describeKilledRebuild } from '../support/projection-kill-suite.ts'
import { describeKilledSwitch } from '../support/switch-kill-suite.ts'

const opened: TestDatabase[] = []
beforeAll(async () => {
  for (let n = 0; n < 3; n += 1) opened.push(await openEmbeddedForTest())
})
afterAll(async () => {
  for (const database of opened) await database.close()
})

const shared = (index: number) => () => {
  const database = opened[index]
  if (database === undefined) throw new Error('not open')
  return { sql: database.sql, environment: { DATABASE_URL: '', RAPPORT_DATA_DIR: database.dataDirectory } }
}

describeKilledProjectors('the embedded database', shared(0), [1, 2])
describeKilledRebuild('the embedded database', shared(1), 1_000)
describeKilledSwitch('the embedded database', shared(2), 600, 11)
