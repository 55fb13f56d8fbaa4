/**
 * Reads that wait for the gap between two entries, when the live document equals the committed one.
 *
 * A gap serves reads for at most 10 ms, the rest the next one, so that a storm of joins delays nobody's edit; a read that found
 * no gap for 5 s, since a commit is stuck, is told to come again.
 */
import type { Clock, Timer } from '@rapport/shared/clock.ts'
import { SyncError } from '@rapport/shared/errors.ts'

/** Milliseconds: of reading in one gap; after which a gap that goes on counts as a new one; of waiting. */
const BUDGET = 10
const GAP = 30
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
  #gapSince = Number.NEGATIVE_INFINITY
  #spent = 0

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

  /** In a gap: serves this one read at once, if none waits and this gap's time is not used up. False if it must be added. */
  serveNow(read: () => void): boolean {
    const now = this.#clock.elapsed()
    if (now - this.#gapSince > GAP) this.#open(now)
    if (this.#waiting.length > 0 || this.#spent > BUDGET) return false
    read()
    this.#spent += this.#clock.elapsed() - now
    return true
  }

  /** A new gap: serves what waits. */
  serve(): void {
    const start = this.#clock.elapsed()
    this.#open(start)
    let served = 0
    for (const read of this.#waiting) {
      served += 1
      read.serve()
      this.#spent = this.#clock.elapsed() - start
      if (this.#spent > BUDGET) break
    }
    this.#waiting = this.#waiting.slice(served)
    if (this.#waiting.length === 0) this.#stopWaiting()
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

  #open(now: number): void {
    this.#gapSince = now
    this.#spent = 0
  }

  #stopWaiting(): void {
    this.#deadline?.cancel()
    this.#deadline = undefined
  }
}
