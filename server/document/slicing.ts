/**
 * How much of one submission a room judges at a time. What is large is judged in pieces, as many as there is time for in one
 * entry, with a turn for everybody else before the next; it is acknowledged with the last.
 *
 * A piece cannot be interrupted, and what it costs is not to be seen in it: Yjs compares what is inserted at one place with all that
 * stands there. So pieces are small from the start, and smaller in a record where they turn out to be slow. Where structs lean on
 * the far end of something long, a piece is one of them.
 *
 * Whoever needs long for an entry is outrun by whoever needs less, every time. So one that was outrun is followed by a smaller one, until
 * it fits between those of the other instance; with each that was committed the next takes more again.
 */
import type * as Y from 'yjs'
import { goesFar } from '../access/cost.ts'
import type { ScannedUpdate } from '../access/pre-scan.ts'
import { createSlicer, isHeavier, type Slicer, weightOf } from '../access/slices.ts'
import type { Inbox, Waiting } from './inbox.ts'

/** Structs and deletions of one piece; what is no larger than that, as a busy edit is, is never cut in a record of usual speed. */
const MOST = 32
/** Pieces for one entry. */
const AT_ONCE = 160
/** Milliseconds that a piece should take at most, and those below which the next ones may be larger. */
const LONG = 15
const SHORT = 5
/** Milliseconds that judging takes at a stretch, but for a single submission; what has not had its turn waits for the next entry. */
const JUDGING = 20
/** By how much more one entry takes after a commit, as long as that is less than usual. */
const RECOVERY = 1.5
/** The least share of what one entry takes usually: a piece of one struct. */
const LEAST = 1 / (MOST * AT_ONCE)

export class Slicing {
  #size = MOST
  /** How many times in a row judging took too long: once may be a pause of the process. */
  #slow = 0
  /** How much of what an entry takes usually the next one takes. */
  #share = 1
  /** Of what is left of something large. */
  readonly #slicers = new WeakMap<Waiting, Slicer>()

  /** The next batch to judge: all before the first submission that is too large, or pieces of that one alone. */
  take(inbox: Inbox, document: Y.Doc): readonly Waiting[] {
    const waiting = inbox.take().filter(({ part }) => part?.settled !== true)
    const batch = waiting.slice(0, this.#atOnce())
    this.leave(waiting.slice(batch.length), inbox)
    const index = batch.findIndex((waiting) => this.#isLarge(waiting, document))
    const large = batch[index]
    if (large === undefined) return batch
    inbox.putBack(batch.slice(index > 0 ? index : 1))
    return index > 0 ? batch.slice(0, index) : this.#pieces(large, inbox, document)
  }

  /** There was no time for these. */
  leave(left: readonly Waiting[], inbox: Inbox): void {
    if (left[0]?.part === undefined) inbox.putBack(left)
    else inbox.putBehindOthers(left)
  }

  /** Milliseconds for which to judge at a stretch. */
  get enough(): number {
    return JUDGING * this.#share
  }

  /** Another instance was faster than the entry. */
  outrun(): void {
    this.#share = Math.max(LEAST, this.#share / 2)
  }

  committed(): void {
    this.#share = Math.min(1, this.#share * RECOVERY)
  }

  /** Judging these took so many milliseconds. */
  took(batch: readonly Waiting[], milliseconds: number): void {
    const each = milliseconds / batch.length
    if (each > LONG) {
      this.#slow += 1
      const heaviest = Math.max(...batch.map(weigh))
      if (this.#slow > 1 && heaviest > 1) this.#size = Math.max(1, Math.min(this.#size, heaviest >>> 1))
    } else {
      this.#slow = 0
      if (each < SHORT) this.#size = Math.min(MOST, this.#size * 2)
    }
  }

  /** A piece that comes back is taken as it is. */
  #isLarge(waiting: Waiting, document: Y.Doc): boolean {
    const { submission, part } = waiting
    if (this.#slicers.has(waiting)) return true
    if (part !== undefined || submission.type !== 'update') return false
    const { update } = submission
    return isHeavier(update, this.#pieceSize(), document) || (weightOf(update) > 1 && goesFar(update, document))
  }

  /** Submissions or pieces for one entry; of those, the inbox has a limit of its own. */
  #atOnce(): number {
    return this.#share === 1 ? Number.POSITIVE_INFINITY : Math.max(1, Math.floor(AT_ONCE * this.#share))
  }

  /** Once there is but one piece to an entry, that becomes smaller. */
  #pieceSize(): number {
    return Math.max(1, Math.floor(this.#size * Math.min(1, AT_ONCE * this.#share)))
  }

  /** What is left goes back to the inbox. */
  #pieces(large: Waiting, inbox: Inbox, document: Y.Doc): readonly Waiting[] {
    const { submission, part = { bytes: large.bytes, settled: false } } = large
    if (submission.type !== 'update') return [large]
    const begun = this.#slicers.get(large)
    const slicer = begun ?? createSlicer(submission.update)
    const pieces: Waiting[] = []
    while (slicer.more() && pieces.length < Math.min(AT_ONCE, this.#atOnce())) {
      const update = slicer.next(this.#pieceSize(), document)
      if (update === undefined) break
      const singly = goesFar(update, document) ? oneByOne(update, document) : [update]
      for (const [index, single] of singly.entries()) {
        const unfinished = slicer.more() || index < singly.length - 1
        const continued = begun !== undefined || pieces.length > 0
        const piece = { ...submission, update: single, whole: submission.update, unfinished, continued }
        pieces.push({ ...large, submission: piece, bytes: single.bytes.length, part })
      }
    }
    if (slicer.more()) {
      const rest = { ...large, part }
      this.#slicers.set(rest, slicer)
      inbox.putBehindOthers([rest])
    }
    return pieces
  }
}

function oneByOne(update: ScannedUpdate, document: Y.Doc): ScannedUpdate[] {
  const slicer = createSlicer(update)
  const singly: ScannedUpdate[] = []
  for (let piece = slicer.next(1, document); piece !== undefined; piece = slicer.next(1, document)) singly.push(piece)
  return singly
}

function weigh({ submission }: Waiting): number {
  return submission.type === 'update' ? weightOf(submission.update) : 0
}
