/**
 * How much of one submission a room judges at a time. What is larger goes to the log in several entries, with a turn for
 * everybody else in between, and is acknowledged with the last.
 *
 * The cost of a struct depends on the record: Yjs compares what is inserted at one place with all that stands there. So the size is
 * guessed from the record's when the room opens, and then follows the time that judging took.
 */
import { createSlicer, type Slicer, weightOf } from '../access/slices.ts'
import type { Inbox, Waiting } from './inbox.ts'

/** Structs and deletions of one piece. */
const MOST = 5_000
/** A record of this many bytes or fewer starts with the most; a larger one with fewer, but never with less than a busy edit brings. */
const SMALL_RECORD = 20_000
const BUSY_EDIT = 64
/** Milliseconds for which a piece may hold the process, and those below which the next one may be larger. */
const LONG = 30
const SHORT = 10

export class Slicing {
  #size: number
  /** How many times in a row judging took too long: once may be a pause of the process. */
  #slow = 0
  /** Of submissions of which a piece was taken and another one is left. */
  readonly #slicers = new WeakMap<Waiting, Slicer>()

  /** `bytes`: of the encoded record. */
  constructor(bytes: number) {
    this.#size = Math.min(MOST, Math.max(BUSY_EDIT, Math.floor((MOST * SMALL_RECORD) / Math.max(bytes, 1))))
  }

  /** The next batch to judge: all before the first submission that is too large, or a piece of that one alone. */
  take(inbox: Inbox): readonly Waiting[] {
    const batch = inbox.take()
    const index = batch.findIndex((waiting) => isPiece(waiting) || this.#isLarge(waiting))
    const large = batch[index]
    if (large === undefined) return batch
    if (index > 0) {
      inbox.putBack(batch.slice(index))
      return batch.slice(0, index)
    }
    inbox.putBack(batch.slice(1))
    return [isPiece(large) ? large : this.#piece(large)]
  }

  /** Judging this batch took so many milliseconds. */
  took(batch: readonly Waiting[], milliseconds: number): void {
    const [only, ...more] = batch
    const weight = only === undefined || more.length > 0 ? 0 : weigh(only)
    if (weight === 0) return
    if (milliseconds > LONG) {
      this.#slow += 1
      this.#size = Math.max(this.#slow > 1 ? 1 : BUSY_EDIT, Math.min(this.#size, Math.floor(weight / 2)))
    } else {
      this.#slow = 0
      if (milliseconds < SHORT && weight >= this.#size) this.#size = Math.min(MOST, this.#size * 2)
    }
  }

  #isLarge(waiting: Waiting): boolean {
    return this.#slicers.has(waiting) || weigh(waiting) > this.#size
  }

  #piece(waiting: Waiting): Waiting {
    const { submission } = waiting
    if (submission.type !== 'update') return waiting
    const slicer = this.#slicers.get(waiting) ?? createSlicer(submission.update)
    const update = slicer.next(this.#size)
    if (update === undefined) return waiting
    const piece = { ...waiting, submission: { ...submission, update, whole: submission.update } }
    if (!slicer.more()) return piece
    const rest = { ...waiting }
    this.#slicers.set(rest, slicer)
    return { ...piece, rest, submission: { ...piece.submission, unfinished: true } }
  }
}

function weigh({ submission }: Waiting): number {
  return submission.type === 'update' ? weightOf(submission.update) : 0
}

/** A piece that was outrun is judged again as it is. */
function isPiece({ submission }: Waiting): boolean {
  return submission.type === 'update' && submission.whole !== undefined
}
