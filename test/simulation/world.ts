/**
 * The simulated machine: virtual time, and a pool of things that could happen next. Each step picks one of them by the seed, lets
 * it happen, and waits until no promise has anything left to say, so a run is one sequence of steps and can be repeated.
 */
import type { Clock, Timer } from '@rapport/shared/clock.ts'
import type { Random } from './random.ts'

interface Due {
  readonly at: number
  readonly run: () => void
}

export class World {
  readonly random: Random
  #now = 0
  readonly #possible = new Set<() => void>()
  readonly #timers = new Set<Due>()

  constructor(random: Random) {
    this.random = random
  }

  get now(): number {
    return this.#now
  }

  /** Something that may happen at any later step. */
  offer(run: () => void): void {
    this.#possible.add(run)
  }

  /** A clock for one instance; nothing of it happens any more once `dead` says so. */
  clock(dead: () => boolean): Clock {
    const unlessDead = (run: () => void) => () => {
      if (!dead()) run()
    }
    return {
      now: () => 1_700_000_000_000 + this.#now,
      elapsed: () => this.#now,
      after: (milliseconds, run) => this.#after(milliseconds, unlessDead(run)),
      soon: (run) => this.offer(unlessDead(run)),
      random32: () => this.random.uint32(),
    }
  }

  #after(milliseconds: number, run: () => void): Timer {
    const due = { at: this.#now + milliseconds, run }
    this.#timers.add(due)
    return { cancel: () => this.#timers.delete(due) }
  }

  /** One step: something that is possible, or the next timer. False if there is nothing. */
  async step(patience: number): Promise<boolean> {
    const possible = [...this.#possible]
    const due = this.#nextTimer()
    if (possible.length > 0 && (due === undefined || !this.random.chance(patience))) {
      const run = this.random.pick(possible)
      this.#possible.delete(run)
      run()
    } else if (due !== undefined) {
      this.#timers.delete(due)
      this.#now = Math.max(this.#now, due.at)
      due.run()
    } else return false
    await settled()
    return true
  }

  /** True if nothing is possible but timers. */
  get idle(): boolean {
    return this.#possible.size === 0
  }

  #nextTimer(): Due | undefined {
    let next: Due | undefined
    for (const due of this.#timers) if (next === undefined || due.at < next.at) next = due
    return next
  }
}

/** Resolves when all promises that could settle by themselves have: a macrotask comes after every microtask. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
