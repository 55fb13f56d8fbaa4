/** The rows after traffic and kills, on the embedded database. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { describeTraffic, type Setting, settingOn } from '../support/traffic-suite.ts'

let setting: Setting
beforeAll(async () => {
  setting = settingOn(await mkdtemp(join(tmpdir(), 'rapport-traffic-')))
})
afterAll(() => rm(setting.dataDirectory, { recursive: true, force: true }))

describeTraffic(() => setting, [1, 2])
