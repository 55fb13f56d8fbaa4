import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { openPostgres, type TestPostgres } from '../support/postgres.ts'
import { type Setting, settingOn } from '../support/traffic-suite.ts'
import { describeWritableServer } from '../support/writable-server-suite.ts'

let server: TestPostgres
let setting: Setting
beforeAll(async () => {
  server = await openPostgres()
  setting = settingOn(await mkdtemp(join(tmpdir(), 'rapport-writable-')), server.url)
})
afterAll(async () => {
  await server.close()
  await rm(setting.dataDirectory, { recursive: true, force: true })
})

describeWritableServer('Postgres', () => setting, 10_000, [1, 2, 3])
