/**
 * Every recipe that was seen to hurt a document, sent to the real server while somebody else edits another record. Afterwards the
 * process lives, the record can be read and edited, also after a restart, and memory is what it was. How long the other record's editor
 * waits at most is measured where time is: `npm run bench:poison`.
 */
import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { copyFolder, MAIN, testEnvironment } from '../support/data-folder.ts'
import { UPDATE_POISONS } from '../support/poison.ts'
import { openPoisonStage, type PoisonStage } from '../support/poison-stage.ts'
import { PRESENCE_POISONS } from '../support/presence-poison.ts'
import { residentBytes } from '../support/process-cpu.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { until } from '../support/stock-client.ts'

const MEBIBYTE = 1024 * 1024
/** What the process may keep of all recipes together: its heap has grown for them, and is handed back in part and late. */
const MOST_KEPT = 400 * MEBIBYTE

let folder: string
let server: ServerProcess
let stage: PoisonStage

const memory = (): number => residentBytes(server.pid) ?? Number.NaN

beforeAll(async () => {
  folder = await copyFolder(inject('preparedFolder'))
  server = await startServer(MAIN, testEnvironment(folder))
  stage = await openPoisonStage(server.address, folder)
})

afterAll(async () => {
  stage.close()
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

describe('P10: the process lives, and the record can be read and edited, after', () => {
  let before = 0
  beforeAll(() => {
    before = memory()
  })

  test.each(UPDATE_POISONS)(
    '$name',
    async (poison) => {
      const { code } = await stage.update(poison)
      if (poison.refusal !== undefined) expect(code).toBe(4422)
    },
    120_000,
  )

  test.each(PRESENCE_POISONS)('presence: $name', async (poison) => {
    await stage.presence(poison)
  })

  test('all of them, and memory returns', async () => {
    await until(() => memory() - before < MOST_KEPT, 'the memory is given back', 60_000)
    console.log(`memory: ${Math.round(before / MEBIBYTE)} MiB before, ${Math.round(memory() / MEBIBYTE)} MiB after`)
  }, 90_000)

  test('a restart', async () => {
    const { attacked } = stage
    expect(attacked).toHaveLength(UPDATE_POISONS.length + PRESENCE_POISONS.length)
    stage.close()
    await server.stop()
    server = await startServer(MAIN, testEnvironment(folder))
    stage = await openPoisonStage(server.address, folder)
    for (const id of attacked) await stage.requireAlive(id, 'restarted')
  }, 120_000)
})
