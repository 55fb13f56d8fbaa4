/**
 * Lets only so much work be under way at once. Who comes too many waits in line, in order, for a while; who finds the line too long, or
 * has waited in vain, is turned away with `overload`.
 */
import type { Clock } from '@rapport/shared/clock.ts'
import { SyncError } from '@rapport/shared/errors.ts'

export interface GateNeeds {
  readonly clock: Clock
  /** Pieces of work under way at once. */
  readonly places: number
  readonly line: number
  /** Milliseconds in line. */
  readonly patience: number
  readonly onTurnedAway: () => void
}

export type Gate = <T>(work: () => Promise<T>) => Promise<T>

export function createGate({ clock, places, line, patience, onTurnedAway }: GateNeeds): Gate {
  let free = places
  const waiting = new Set<() => void>()

  /** Resolves with a place. */
  function enter(): Promise<void> {
    if (free > 0) {
      free--
      return Promise.resolve()
    }
    if (waiting.size >= line) return Promise.reject(turnedAway())
    return new Promise((resolve, reject) => {
      const called = (): void => {
        waiting.delete(called)
        timer.cancel()
        resolve()
      }
      const timer = clock.after(patience, () => {
        waiting.delete(called)
        reject(turnedAway())
      })
      waiting.add(called)
    })
  }

  /** A place goes straight to the next in line, so nobody can slip in between. */
  function leave(): void {
    const [next] = waiting
    if (next === undefined) free++
    else next()
  }

  function turnedAway(): SyncError {
    onTurnedAway()
    return new SyncError('overload', 'too many requests of this kind at once')
  }

  return async (work) => {
    await enter()
    try {
      return await work()
    } finally {
      leave()
    }
  }
}
