/**
 * Records that somebody else was found to hold are left alone for a while, longer each time: to find that out again costs time that
 * others are waiting for. Kept in memory: whoever does not know tries once more.
 */
import type { Clock } from '@rapport/shared/clock.ts'
import { keyString, type RecordKey } from '@rapport/shared/ids.ts'

export interface Rests {
  /** Those that are not resting. */
  awake(keys: readonly RecordKey[]): RecordKey[]
  /** To be told of what was tried: those of it that were held rest. */
  tried(keys: readonly RecordKey[], held: readonly RecordKey[]): void
}

/** Milliseconds, doubling from one to the other. */
const SHORTEST = 250
const LONGEST = 5_000
/** Those that were found longest ago are forgotten. */
const MOST = 10_000

export function createRests(clock: Clock): Rests {
  const resting = new Map<string, { readonly milliseconds: number; readonly until: number }>()
  return {
    awake: (keys) => keys.filter((key) => (resting.get(keyString(key))?.until ?? 0) <= clock.elapsed()),
    tried(keys, held) {
      const rested = new Map(held.map((key) => [keyString(key), resting.get(keyString(key))?.milliseconds ?? 0]))
      for (const key of keys) resting.delete(keyString(key))
      for (const [key, before] of rested) {
        const milliseconds = Math.min(Math.max(before * 2, SHORTEST), LONGEST)
        resting.set(key, { milliseconds, until: clock.elapsed() + milliseconds })
      }
      for (const key of resting.keys()) {
        if (resting.size <= MOST) break
        resting.delete(key)
      }
    },
  }
}
