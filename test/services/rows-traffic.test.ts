/** The rows after traffic and kills, on Postgres. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { openPostgres, type TestPostgres } from '../support/postgres.ts'
import { describeTraffic, type Setting, settingOn } from '../support/traffic-suite.ts'

let postgres: TestPostgres
let setting: Setting
beforeAll(async () => {
  postgres = await openPostgres()
  setting = settingOn(await mkdtemp(join(tmpdir(), 'rapport-traffic-')), postgres.url)
})
afterAll(async () => {
  await rm(setting.dataDirectory, { recursive: true, force: true })
  await postgres.close()
})

describeTraffic(() => setting, [11, 12, 13, 14])
