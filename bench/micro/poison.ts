/**
 * How long the editor of one record waits while every recipe that hurts documents is sent to another one: `npm run bench:poison`.
 * Prints the longest round trip of each; ends with exit code 1 if one took longer than the promise says, in every one of its tries,
 * since a machine that is busy with other things delays any round trip now and then.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MAIN, testEnvironment } from '../../test/support/data-folder.ts'
import { UPDATE_POISONS } from '../../test/support/poison.ts'
import { openPoisonStage } from '../../test/support/poison-stage.ts'
import { PRESENCE_POISONS } from '../../test/support/presence-poison.ts'
import { startServer } from '../../test/support/server-process.ts'

/** Milliseconds (P10). */
const PROMISED = 200
const TRIES = 3

const folder = await mkdtemp(join(tmpdir(), 'rapport-poison-'))
const server = await startServer(MAIN, testEnvironment(folder))
const stage = await openPoisonStage(server.address, folder)
try {
  const recipes = [
    ...UPDATE_POISONS.map((poison) => ({ name: poison.name, run: () => stage.update(poison) })),
    ...PRESENCE_POISONS.map((poison) => ({ name: `presence: ${poison.name}`, run: () => stage.presence(poison) })),
  ]
  for (const { name, run } of recipes) {
    const waits: number[] = []
    while (waits.length < TRIES && (waits.at(-1) ?? PROMISED + 1) > PROMISED) waits.push((await run()).worst)
    const late = waits.every((wait) => wait > PROMISED)
    if (late) process.exitCode = 1
    console.log(`${waits.map((wait) => wait.toFixed(0).padStart(5)).join(' ')} ms${late ? ' TOO LONG' : ''}: ${name}`)
  }
} finally {
  stage.close()
  await server.stop()
  await rm(folder, { recursive: true, force: true })
}
