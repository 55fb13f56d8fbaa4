/**
 * What the rest of the server may ask of a live record. Every answer is of committed state (P2); nothing here hands out the
 * document itself.
 */
import type { SyncError } from '@rapport/shared/errors.ts'
import type { RecordKey } from '@rapport/shared/ids.ts'
import type * as Y from 'yjs'
import type { Absorption, Precondition } from '../access/submission.ts'
import type { Principal } from '../auth/principal.ts'
import type { Settlement, Via } from '../log/findings.ts'
import type { Presence } from './presence.ts'
import type { Subscriber } from './subscriber.ts'

/** Committed state as of one gap between two entries. `sequence` 0: the record was never written. */
export interface RecordView {
  readonly key: RecordKey
  readonly sequence: number
  /** Wall times in milliseconds; 0 where the record was never written. */
  readonly createdAt: number
  readonly createdBy: string
  readonly updatedAt: number
  /** Only for the duration of the call, and only to be read. */
  readonly document: Y.Doc
}

export type Answer<T> =
  | { readonly type: 'answer'; readonly value: T }
  | { readonly type: 'unavailable'; readonly error: SyncError }

/** How an edit is made, and what it costs as far as whoever makes it knows. */
export interface Terms {
  /** Of the request that it came with, which it holds in memory while it waits. */
  readonly bytes: number
  /** It takes content away, or writes in `meta` alone: a full record takes it, too. */
  readonly frees: boolean
  /** `server` unless said otherwise. */
  readonly via?: Via
  /** The conflict that it settles, in the same commit. Refused as `stale` if that is not open, or replaces another write by now. */
  readonly settles?: Settlement | undefined
  /** Of an edit that was made in rows: what it settles in the same commit, asked each time that its change has written something. */
  readonly absorbs?: (() => Absorption) | undefined
}

export interface Room {
  readonly key: RecordKey
  readonly presence: Presence
  /**
   * At the next gap, and within 5 s or with `unavailable`: registers the subscriber and, in the same breath, answers with the
   * committed state vector. Everything committed behind that vector is delivered to it from then on.
   */
  join(subscriber: Subscriber, answer: (vector: Answer<Uint8Array>) => void): void
  leave(subscriber: Subscriber): void
  /**
   * At the next gap: committed content that a replica with this state vector lacks, deletions included. The callback runs
   * inside the gap, so a subscriber that resumes in it misses nothing. An undecodable vector answers `malformed`.
   */
  read(stateVector: Uint8Array, answer: (diff: Answer<Uint8Array>) => void): void
  /**
   * Puts a raw update into the inbox; the subscriber hears of every outcome. Bytes must not change afterwards. `vector`: the
   * state vector of the replica that answers with this update, as of its answer; one that cannot be decoded is `unknown`. Without: the update is one of a moment.
   */
  submit(subscriber: Subscriber, update: Uint8Array, vector?: Uint8Array | 'unknown'): void
  /**
   * Submits an update that was held back, in its sender's name. `relayed`: other people's items in it are taken as they are.
   * Resolves once what may stay of it is committed, or was there already; else rejects with a `SyncError`: `stale` if it builds on edits
   * that are not here, `foreign` if it carries other people's, `forbidden`, `refused` if it cannot be applied.
   */
  admit(sender: Principal, update: Uint8Array, terms?: { readonly relayed?: boolean }): Promise<void>
  /**
   * An edit by the server on somebody's behalf. `change` runs in the room's transaction, perhaps more than once (when another
   * instance was faster), and must depend on the document alone. Resolves once it is committed, or had nothing to change; rejects with a
   * `SyncError`, also with one that `change` throws.
   *
   * With a precondition, it is made only on ground that passes: each time that it is judged the precondition is asked first, in the
   * same transaction, and what it answers rejects the edit, of which nothing is kept then. A refusal by it costs nobody
   * anything; one thrown by `change` makes the room read its record anew.   */
  edit(principal: Principal, change: (document: Y.Doc) => void, precondition?: Precondition, terms?: Terms): Promise<void>
  /** Runs `look` on committed state at the next gap, within 5 s. A result must not keep the document. */
  view<T>(look: (view: RecordView) => T): Promise<T>
}
