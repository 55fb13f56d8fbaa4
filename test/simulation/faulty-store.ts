/**
 * The way from one instance to the shared store, with everything that can go wrong on it: a call takes effect at some later
 * step and is answered at another, or fails before it took effect, or after; an instance that died hears nothing more, though
 * its last call may still arrive.
 */

import type { JudgedEntry } from '../../server/log/entry.ts'
import type { ClassifyFailure, LogStore } from '../../server/log/log-store.ts'
import type { World } from './world.ts'

export interface Faults {
  /** Probability that a call fails without effect, and that it takes effect and seems to fail. */
  failBefore: number
  failAfter: number
}

/** Content with this text is refused by the simulated database, always. */
export const UNSTORABLE = 'UNSTORABLE'

class Refused extends Error {}

export const classifySimulated: ClassifyFailure = (thrown) => (thrown instanceof Refused ? 'data' : 'transient')

/** Hears of each entry in the step in which it was admitted, or not. */
export interface Witness {
  stored(entry: JudgedEntry): void
  outrun(): void
}

export function faultyStore(world: World, store: LogStore, faults: Faults, dead: () => boolean, witness: Witness): LogStore {
  const call = <T>(effect: () => Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      world.offer(async () => {
        if (world.random.chance(faults.failBefore))
          return world.offer(() => dead() || reject(new Error('the connection was lost')))
        const lost = world.random.chance(faults.failAfter)
        try {
          const result = await effect()
          world.offer(() => {
            if (dead()) return
            if (lost) reject(new Error('the answer was lost'))
            else resolve(result)
          })
        } catch (error) {
          world.offer(() => dead() || reject(error))
        }
      })
    })

  return {
    insert: (entries) =>
      call(async () => {
        if (entries.some(({ update }) => Buffer.from(update).includes(UNSTORABLE))) throw new Refused('a value is refused')
        const admitted = await store.insert(entries)
        for (const entry of entries) {
          if (admitted.has(entry.id)) witness.stored(entry)
          else witness.outrun()
        }
        return admitted
      }),
    stored: (entries) => call(() => store.stored(entries)),
    load: (key) => call(() => store.load(key)),
    readAfter: (key, after, limit) => call(() => store.readAfter(key, after, limit)),
    heads: (keys) => call(() => store.heads(keys)),
    swapSnapshot: (key, from, snapshot) => call(() => store.swapSnapshot(key, from, snapshot)),
    ledger: (key, sequence) => call(() => store.ledger(key, sequence)),
    bind: (claims) => call(() => store.bind(claims)),
    quarantine: (row) => call(() => store.quarantine(row)),
    setAside: (row) => call(() => store.setAside(row)),
    heldBack: (tenant, id) => call(() => store.heldBack(tenant, id)),
    dropHeldBack: (tenant, id) => call(() => store.dropHeldBack(tenant, id)),
    page: (tenant, type, after, limit) => call(() => store.page(tenant, type, after, limit)),
    hasOthers: (tenant) => call(() => store.hasOthers(tenant)),
  }
}
