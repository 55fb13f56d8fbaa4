/**
 * Whether the database was restored from a backup lately, as this process was last told: every ledger says so, and a record
 * that was never written has none.
 */
import type { Clock } from '@rapport/shared/clock.ts'

/** Milliseconds for which an answer holds. */
const HOLDS = 10_000

export class Restoration {
  readonly #clock: Clock
  #restored = false
  #until = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  learn(restored: boolean): void {
    this.#restored = restored
    this.#until = this.#clock.elapsed() + HOLDS
  }

  /** `undefined`: that is too long ago. */
  lately(): boolean | undefined {
    return this.#clock.elapsed() < this.#until ? this.#restored : undefined
  }
}
