/**
 * What the judge found while it made an entry: stored in the entry's own statement, or not at all. Without these rows nobody could tell
 * later whose value stands in a key, which value a concurrent one replaced, or who set what when.
 *
 * A *write* is named by the Yjs item that first brought it, whatever item shows it now.
 */
import type { Author } from '@rapport/shared/ids.ts'
import type { Scalar } from '@rapport/shared/schema/register.ts'

/** Of a Yjs item, or of one clock within it. */
export interface ItemId {
  readonly client: number
  readonly clock: number
}

/**
 * What items stand for: kept for every item that the server wrote, since those say nothing of their author, and for every item
 * of a client that is no write of its own (refused, or overwritten before it was sent), since later items name it as origin.
 */
export interface Mark extends ItemId {
  /** In clocks; all of them stand for the same write, or, where `standsFor` is their own id, each for itself. */
  readonly length: number
  /** Who made the write that they stand for. */
  readonly author: Author
  /** `undefined`: no write at all, the key was empty. */
  readonly standsFor: ItemId | undefined
  /** They show that the key was emptied by a deletion, which yields to any value; a value of null does not. */
  readonly cleared: boolean
}

/** Whose a Yjs client id is, in one record. */
export interface ClientOwner {
  readonly client: number
  /** Of the server's own ids, `SERVER_AUTHOR`. */
  readonly owner: Author
  /** Its items came through somebody else after a restore from backup: until their owner writes, the id is nobody's. */
  readonly relayed: boolean
}

/** Who has written what the server writes of its own accord. */
export const SERVER_AUTHOR: Author = { sub: '', role: 'server' }

/** How a change reached the server. */
export type Via = 'socket' | 'rest' | 'import' | 'sql' | 'server'

/** One visible change of one field, column, member or text. Text shows what was taken away and what was put in, shortened. */
export interface FieldChange {
  /** As `["fields", "title"]`, `["emails", ENTRY, "address"]`, `["tags", MEMBER]` or `["summary"]`. */
  readonly path: readonly string[]
  readonly before: Scalar | null
  readonly after: Scalar | null
  readonly author: Author
  /** What wrote: the Yjs client id of a replica, in decimal; null for requests. */
  readonly device: string | null
  readonly via: Via
  /** The write that holds since then; `undefined` for text, and for a clear by deletion. */
  readonly item: ItemId | undefined
}

export interface ConflictWrite {
  readonly item: ItemId
  readonly value: Scalar | null
  readonly author: Author
}

/** Two writes of which neither had seen the other: one shows, the other can be put back. */
export interface Conflict {
  /** A UUID. */
  readonly id: string
  readonly path: readonly string[]
  readonly kept: ConflictWrite
  readonly replaced: ConflictWrite
}

/** A row as an entry puts it. */
export interface FoundConflict extends Conflict {
  /** By the server at once, since too many are open: it is listed, and stands in nobody's way. */
  readonly dismissed?: boolean
}

export type ConflictStatus = 'open' | 'restored' | 'dismissed'

/** What an edit does to a conflict, if it is still the one that was seen: a later piece may have taken the row over. */
export interface Settlement {
  readonly id: string
  readonly status: ConflictStatus
  /** The write that its row told as replaced. */
  readonly replaced: ItemId
}

/** What became of a captured change of a row: taken into the document, all but some columns of it, or nothing of it. */
export type InboundStatus = 'absorbed' | 'partial' | 'refused'

/** A captured change that an entry settles, for good. */
export interface AbsorbedChange {
  /** Of `inbound_changes`, in the entry's tenant. */
  readonly id: number
  readonly status: InboundStatus
  /** Which columns were refused and why; null if none was. Holds no value. */
  readonly reason: string | null
}

export interface Findings {
  readonly marks: readonly Mark[]
  /** Bindings that are new with this entry. It is not admitted if one of the ids belongs to somebody else by now. */
  readonly clients: readonly ClientOwner[]
  readonly changes: readonly FieldChange[]
  /** New rows, and new versions of rows that are there; either way open, unless they say otherwise. */
  readonly conflicts: readonly FoundConflict[]
  /** Ids of open rows that turned out to be none. */
  readonly withdrawn: readonly string[]
  /** Rows that this entry settles; `byServer`: for nobody, since too many are open. */
  readonly settled: readonly { readonly id: string; readonly status: ConflictStatus; readonly byServer?: boolean }[]
  /** Changes of rows that are in this entry. It is not admitted if one of them was settled before. */
  readonly absorbed: readonly AbsorbedChange[]
}

/** All that the judge needs to know of a record beside its document, as of one sequence. */
export interface LedgerRows {
  /** Of entries up to that sequence, in their order. */
  readonly marks: readonly Mark[]
  /** Bindings by entries up to that sequence and by presence. */
  readonly clients: readonly ClientOwner[]
  /** Open ones. */
  readonly conflicts: readonly Conflict[]
  /** What waits for somebody else's edits. */
  readonly setAside: readonly AwaitedItems[]
  /** The database was restored from a backup lately: other people's items are admitted as relayed. */
  readonly restored: boolean
}

/** An update that was set aside, and what it waits for: clocks, exclusive, by client. */
export interface AwaitedItems {
  readonly id: string
  readonly awaits: readonly ItemId[]
}

export const NO_FINDINGS: Findings = {
  ...{ marks: [], clients: [], changes: [], conflicts: [], withdrawn: [], settled: [], absorbed: [] },
}
export const EMPTY_LEDGER: LedgerRows = { marks: [], clients: [], conflicts: [], setAside: [], restored: false }
