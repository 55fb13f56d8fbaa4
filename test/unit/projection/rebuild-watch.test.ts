import { expect, test } from 'vitest'
import type { Logger } from '../../../server/observability/logger.ts'
import type { Rebuild, Standing } from '../../../server/projection/rebuild.ts'
import { createRebuildWatch } from '../../../server/projection/rebuild-watch.ts'
import { createFakeClock } from '../gateway/fake-clock.ts'

const since = '2026-01-01T00:00:00.000Z'

/** One mapping, of whose rebuild the database says what the test wants. */
function stage() {
  const clock = createFakeClock()
  const warnings: unknown[] = []
  const told = { standing: { state: 'finished', since, seen: 0 } as Standing, steps: 0 }
  const rebuild: Rebuild = {
    plan: { mapping: { id: 'contact', version: 1 } } as Rebuild['plan'],
    begin: async () => told.standing,
    async step() {
      told.steps += 1
      return told.steps < 3
    },
    progress: () => ({ seen: 0, changed: 0 }),
    total: async () => 0,
    faults: async () => 0,
  }
  const logger = { warn: (said: unknown) => warnings.push(said), info: () => undefined } as unknown as Logger
  const watch = createRebuildWatch([rebuild], clock, logger)
  async function look(standing: Standing): Promise<boolean> {
    told.standing = standing
    await watch.look()
    clock.pass(5_000)
    return watch.isPending()
  }
  return { watch, look, told, warnings }
}

test('a rebuild that somebody else is at is left to them, and finished once it stands still', async () => {
  const { watch, look, told } = stage()
  expect(await look({ state: 'finished', since, seen: 9 })).toBe(false)
  expect(await look({ state: 'unfinished', since, seen: 3 })).toBe(false)
  expect(await look({ state: 'unfinished', since, seen: 5 })).toBe(false)
  expect(await look({ state: 'unfinished', since, seen: 5 })).toBe(true)
  await watch.rebuild(() => true)
  expect(told.steps).toBe(3)
  expect(watch.isPending()).toBe(false)
})

test('at the start, what is unfinished is gone on with at once', async () => {
  const { look } = stage()
  expect(await look({ state: 'unfinished', since, seen: 3 })).toBe(true)
})

test('that a newer version is in force is said once', async () => {
  const { look, warnings } = stage()
  for (let n = 0; n < 3; n += 1) expect(await look({ state: 'newer', since, seen: 3 })).toBe(false)
  expect(warnings).toEqual([{ mapping: 'contact', version: 1 }])
})
