/** Relays in processes of their own that are killed without a word, on any database. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { createFeedReader } from '../../server/feed/reader.ts'
import { createRandom } from '../simulation/random.ts'
import { freshTenant } from './entries.ts'
import { readFeed, relayOn, writeEvent, written } from './feed-stage.ts'
import { guard } from './guard.ts'
import type { SharedDatabase } from './projection-kill-suite.ts'
import { until } from './stock-client.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const RELAY = fileURLToPath(new URL('./relay-process.ts', import.meta.url))

async function startRelay({ environment }: SharedDatabase): Promise<{ kill(): Promise<void> }> {
  const child = spawn(process.execPath, [RELAY], {
    cwd: ROOT,
    env: { ...process.env, LOG_LEVEL: 'error', ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const release = guard('kill -KILL "$1"', String(child.pid))
  const ended = once(child, 'exit').then(release)
  await once(createInterface(child.stdout), 'line')
  return {
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

export function describeKilledRelays(name: string, open: () => SharedDatabase, seeds: readonly number[]): void {
  describe(`killed relays on ${name}`, () => {
    test.each(seeds)(
      'P6: whenever relays are killed, positions stay dense, and one that lives goes on (seed %i)',
      async (seed) => {
        const { sql } = open()
        const random = createRandom(seed)
        const tenant = freshTenant()
        const ids: string[] = []
        let ending = false
        const write = async (): Promise<void> => {
          for (let n = 1; !ending; n += 1) {
            const event = written(tenant, `r${n}`)
            await writeEvent(sql, event)
            ids.push(event.id)
            await sleep(1)
          }
        }
        const writer = write()
        const reader = createFeedReader(sql)
        for (let round = 0; round < 3; round += 1) {
          const relays = await Promise.all([startRelay(open()), startRelay(open())])
          await sleep(50 + random.below(400))
          await relays[0]?.kill()
          // The other one has it for itself now.
          const there = await reader.head(tenant)
          await until(async () => (await reader.head(tenant)) > there, 'the other one goes on')
          await relays[1]?.kill()
        }
        ending = true
        await writer
        expect(await reader.head(tenant)).toBeGreaterThan(0)
        await relayOn(sql).drain()
        const events = await readFeed(sql, tenant, 0, 1_000)
        expect(events.map(({ position }) => position)).toEqual(ids.map((_, index) => index + 1))
        expect(events.map(({ id }) => id).sort()).toEqual(ids.toSorted())
      },
    )
  })
}
