/**
 * What a room hands to the judge, and what it hears of each: an update that a client sent, or an edit by the server on somebody's
 * behalf.
 */
import type { Issue, SyncError } from '@rapport/shared/errors.ts'
import type * as Y from 'yjs'
import type { Principal } from '../auth/principal.ts'
import type { AbsorbedChange, ItemId, Settlement, Via } from '../log/findings.ts'
import type { ScannedUpdate } from './pre-scan.ts'

/** What an edit would be applied to. */
export interface Ground {
  /**
   * Of the committed state; 0: the record was never written. `undefined` if an earlier submission of the same entry has brought
   * content already: then the record exists, in a state that nobody has seen.
   */
  readonly sequence: number | undefined
  /** Only for the duration of the call, and only to be read. */
  readonly document: Y.Doc
}

/** Why an edit may not be made on this ground, or `undefined` if it may. Runs anew whenever the edit is judged anew. */
export type Precondition = (ground: Ground) => SyncError | undefined

export interface UpdateSubmission {
  readonly type: 'update'
  readonly principal: Principal
  readonly update: ScannedUpdate
  /**
   * The sender's state vector, where the update answers our question for what it has more: clock by client. `undefined`: the update is one of a
   * moment, and names no deletion but its own.
   */
  readonly vector?: ReadonlyMap<number, number> | 'unknown' | undefined
  /** Other people's items in it are taken as relayed: an administrator says so. */
  readonly relayed?: boolean
  /** All that was sent, where this is a part of it. */
  readonly whole?: ScannedUpdate | undefined
  /** More parts follow. */
  readonly unfinished?: boolean
  /** Other parts of it went before. */
  readonly continued?: boolean
}

/** What an edit takes into the document that was changed in rows, as of the last time that its change was made. */
export interface Absorption {
  /**
   * Places where the rows' writer had not seen what stands, nor whoever wrote that the rows' change: the edit's write there is concurrent to it (P5),
   * though the server makes it on top.
   */
  readonly unseen: readonly (readonly string[])[]
  /** Settled by the entry that the edit becomes part of. */
  readonly changes: readonly AbsorbedChange[]
}

export interface EditSubmission {
  readonly type: 'edit'
  readonly principal: Principal
  readonly change: (document: Y.Doc) => void
  readonly precondition?: Precondition | undefined
  readonly via: Via
  /** The conflict that it settles. Refused as `stale` if that is not open, or replaces another write by now. */
  readonly settles?: Settlement | undefined
  /** Of an edit that was made in rows: asked when its change has written something. */
  readonly absorbs?: (() => Absorption) | undefined
  /** It takes content away, or writes in `meta` alone. */
  readonly frees: boolean
}

export type Submission = UpdateSubmission | EditSubmission

export type Verdict =
  | {
      readonly type: 'admitted'
      /** What of it has no effect: it was refused, and written back in the same entry. */
      readonly issues: readonly Issue[]
    }
  /** The document holds all of it already, perhaps thanks to an earlier submission of the same entry. */
  | { readonly type: 'known' }
  /** Something that it builds on is missing; nothing of it was kept. */
  | { readonly type: 'gap' }
  /** It carries other people's items that they have not delivered; nothing of it was kept. */
  | { readonly type: 'foreign'; readonly awaits: readonly ItemId[] }
  /** Nothing of it was kept, nor would be another time. */
  | { readonly type: 'refused'; readonly error: SyncError }
