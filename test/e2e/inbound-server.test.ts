import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { type Setting, settingOn } from '../support/traffic-suite.ts'
import { describeWritableServer } from '../support/writable-server-suite.ts'

let setting: Setting
beforeAll(async () => {
  setting = settingOn(await mkdtemp(join(tmpdir(), 'rapport-writable-')))
})
afterAll(() => rm(setting.dataDirectory, { recursive: true, force: true }))

describeWritableServer('the embedded database', () => setting, 2_000, [1])
