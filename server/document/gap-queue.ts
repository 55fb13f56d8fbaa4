/**
 * Reads that wait for the gap between two entries, when the live document equals the committed one.
 *
 * A gap serves reads for at most 10 ms, the rest the next one, so that a storm of joins delays nobody's edit; a read that found
 * no gap for 5 s, since a commit is stuck, is told to come again.
 */
import type { Clock, Timer } from '@rapport/shared/clock.ts'
import { SyncError } from '@rapport/shared/errors.ts'

/** Milliseconds. */
const BUDGET = 10
const PATIENCE = 5_000

interface Read {
  readonly serve: () => void
  readonly fail: (error: SyncError) => void
  readonly since: number
}

export class GapQueue {
  readonly #clock: Clock
  #waiting: Read[] = []
  #deadline: Timer | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get length(): number {
    return this.#waiting.length
  }

  add(serve: () => void, fail: (error: SyncError) => void): void {
    this.#waiting.push({ serve, fail, since: this.#clock.elapsed() })
    this.#deadline ??= this.#clock.after(PATIENCE, () => this.#expire())
  }

  /** Called in a gap. True if reads are left for the next one. */
  serve(): boolean {
    if (this.#waiting.length === 0) return false
    const start = this.#clock.elapsed()
    let served = 0
    for (const read of this.#waiting) {
      served += 1
      read.serve()
      if (this.#clock.elapsed() - start > BUDGET) break
    }
    this.#waiting = this.#waiting.slice(served)
    if (this.#waiting.length === 0) this.#stopWaiting()
    return this.#waiting.length > 0
  }

  /** Nothing will be served any more. */
  fail(error: SyncError): void {
    const reads = this.#waiting
    this.#waiting = []
    this.#stopWaiting()
    for (const read of reads) read.fail(error)
  }

  #expire(): void {
    this.#deadline = undefined
    const due = this.#clock.elapsed() - PATIENCE
    const late = this.#waiting.filter((read) => read.since <= due)
    this.#waiting = this.#waiting.filter((read) => read.since > due)
    const next = this.#waiting[0]
    if (next !== undefined) this.#deadline = this.#clock.after(next.since - due, () => this.#expire())
    for (const read of late) read.fail(new SyncError('overload', 'the record is busy; try again'))
  }

  #stopWaiting(): void {
    this.#deadline?.cancel()
    this.#deadline = undefined
  }
}
