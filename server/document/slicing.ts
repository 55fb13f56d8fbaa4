/**
 * How much of one submission a room judges at a time. What is larger goes to the log in several entries, with a turn for
 * everybody else in between, and is acknowledged with the last.
 *
 * The cost of a struct depends on the record: Yjs compares what is inserted at one place with all that stands there. So the size is guessed from
 * the record's when the room opens, and then follows the time that judging took.
 */

import { createSlicer } from '../access/slices.ts'
import type { Waiting } from './inbox.ts'

/** Structs and deletions of one piece. */
const MOST = 5_000
/** A record of this many bytes or fewer starts with the most; a larger one with fewer, but never with less than a busy edit brings. */
const SMALL_RECORD = 20_000
const FIRST_LEAST = 64
/** Milliseconds for which a piece may hold the process, and those below which the next one may be larger. */
const LONG = 30
const SHORT = 10

export class Slicing {
  #size: number

  /** `bytes`: of the encoded record. */
  constructor(bytes: number) {
    this.#size = Math.min(MOST, Math.max(FIRST_LEAST, Math.floor((MOST * SMALL_RECORD) / Math.max(bytes, 1))))
  }

  /**
   * What of a batch is to be judged now: all of it, all before the first submission that is too large, or a piece of that. Call
   * `rest` for what then comes next.
   */
  cut(batch: readonly Waiting[]): readonly Waiting[] {
    const large = batch.findIndex((waiting) => waiting.slicer !== undefined || this.#exceeds(waiting))
    const first = batch[large]
    if (first === undefined) return batch
    return large > 0 ? batch.slice(0, large) : [this.#piece(first)]
  }

  /** Judging this batch took so many milliseconds. */
  took(batch: readonly Waiting[], milliseconds: number): void {
    const [only, ...more] = batch
    if (milliseconds > LONG && more.length === 0) this.#size = Math.max(1, Math.floor(Math.min(this.#size, weight(only)) / 2))
    else if (milliseconds < SHORT && weight(only) >= this.#size) this.#size = Math.min(MOST, this.#size * 2)
  }

  #exceeds(waiting: Waiting): boolean {
    return weight(waiting) > this.#size
  }

  #piece(waiting: Waiting): Waiting {
    const { submission } = waiting
    if (submission.type !== 'update') return waiting
    const { whole = submission.update } = submission
    const slicer = waiting.slicer ?? createSlicer(whole)
    const update = slicer.next(this.#size) ?? submission.update
    return { ...waiting, submission: { ...submission, update, whole }, slicer: slicer.more() ? slicer : undefined }
  }
}
