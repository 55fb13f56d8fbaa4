/**
 * What a room was sent and has not judged yet, in order of arrival. Hands it out in batches that become one entry each.
 */
import type { SyncError } from '@rapport/shared/errors.ts'
import type { Submission } from '../access/submission.ts'
import type { Subscriber } from './subscriber.ts'

export interface Waiting {
  readonly submission: Submission
  /** Of the raw update, or of the request that the edit came with. */
  readonly bytes: number
  readonly source: Source
  /** The record's head as the log had it some time after this arrived: what is judged on an older state does not count yet. */
  readonly checked?: number
  /** It was alone when judging failed, once: it is judged again on what is read from the log. */
  readonly retried?: boolean
  /** Something large that is judged in pieces: all of them share this. */
  readonly part?: Part
}

export interface Part {
  /** Of all that was sent. */
  readonly bytes: number
  /** Its source has heard what became of it; what is left of it is dropped. */
  settled: boolean
}

/** Where a submission came from: a connection that hears of its verdict, or a caller in this process that awaits it. */
export type Source =
  | { readonly type: 'socket'; readonly subscriber: Subscriber }
  | { readonly type: 'caller'; readonly resolve: () => void; readonly reject: (error: SyncError) => void }

/** One batch takes at most so many submissions and, but for the first, bytes. */
const BATCH_SUBMISSIONS = 500
const BATCH_BYTES = 1024 * 1024

export class Inbox {
  #waiting: Waiting[] = []
  #alone = 0

  get length(): number {
    return this.#waiting.length
  }

  add(waiting: Waiting): void {
    this.#waiting.push(waiting)
  }

  /** The next batch. It stays until it is taken. */
  next(): readonly Waiting[] {
    let count = 0
    let bytes = 0
    for (const waiting of this.#waiting) {
      bytes += waiting.bytes
      if (count > 0 && (this.#alone > 0 || count >= BATCH_SUBMISSIONS || bytes > BATCH_BYTES)) break
      count += 1
    }
    return this.#waiting.slice(0, count)
  }

  take(): readonly Waiting[] {
    const batch = this.next()
    if (this.#alone > 0) this.#alone -= 1
    this.#waiting = this.#waiting.slice(batch.length)
    return batch
  }

  /** The batch last taken, or the end of it, was not stored: it comes first again. */
  putBack(batch: readonly Waiting[]): void {
    if (batch.length > 0) this.#waiting = [...batch, ...this.#waiting]
  }

  /**
   * What there was no time for: of the first one's source it comes behind everybody else, but before what came later from there;
   * of the others it comes first again.
   */
  putBehindOthers(left: readonly Waiting[]): void {
    const source = left[0]?.source
    if (source === undefined) return
    const own = (waiting: Waiting): boolean =>
      waiting.source === source ||
      (source.type === 'socket' && waiting.source.type === 'socket' && waiting.source.subscriber === source.subscriber)
    const all = [...left, ...this.#waiting]
    this.#waiting = [...all.filter((waiting) => !own(waiting)), ...all.filter(own)]
  }

  /** One of the first `count` is guilty of something: hand them out one at a time. */
  isolate(count: number): void {
    this.#alone = Math.max(this.#alone, count)
  }

  /** Takes out everything of one connection. */
  drop(subscriber: Subscriber): readonly Waiting[] {
    const own = (waiting: Waiting): boolean => waiting.source.type === 'socket' && waiting.source.subscriber === subscriber
    const dropped = this.#waiting.filter(own)
    if (dropped.length > 0) this.#waiting = this.#waiting.filter((waiting) => !own(waiting))
    return dropped
  }

  clear(): readonly Waiting[] {
    const all = this.#waiting
    this.#waiting = []
    return all
  }
}
