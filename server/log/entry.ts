/**
 * What the log stores. An entry is one judged step of one record; the log gives it nothing but durability, because its place
 * (sequence, and the entry it follows) was fixed when it was judged. Only `access/judge.ts` makes a `JudgedEntry` and only
 * the update log makes a `DurableSequence` (the architecture test holds both), so unjudged bytes cannot be stored and an
 * acknowledgement cannot be built before the commit.
 */
import type { Author, RecordKey } from '@rapport/shared/ids.ts'
import type { Findings, ItemId } from './findings.ts'

declare const judged: unique symbol
declare const durable: unique symbol

/** A record's sequence number of which the commit has been seen. */
export type DurableSequence = number & { readonly [durable]: true }

/**
 * A point in a record's history. `entry` is the id of the entry with that sequence (empty at sequence 0): two histories of
 * equal length that parted, as after a restore from a backup, differ in it.
 */
export interface Position {
  readonly sequence: number
  readonly entry: string
}

export const ORIGIN: Position = { sequence: 0, entry: '' }

export interface JudgedEntry {
  readonly [judged]: true
  readonly key: RecordKey
  /** A random UUID, drawn once: a retry after an unknown outcome is recognised by it. */
  readonly id: string
  /** The entry that this one was judged against; it is admitted only directly behind it. */
  readonly previous: Position
  /** Yjs update, format v1: the permitted content of all submissions and the server's own writes. */
  readonly update: Uint8Array
  readonly authors: readonly Author[]
  readonly findings: Findings
  /** Of the record type's declaration; the first entry's is noted with the record. */
  readonly schemaVersion: number
  /** Wall time in milliseconds, for people. */
  readonly at: number
}

export type AppendOutcome =
  | { readonly type: 'committed'; readonly sequence: DurableSequence }
  /** Another instance wrote behind the same predecessor, history was replaced, or the record was erased: load it again. */
  | { readonly type: 'outrun' }
  /** The database refuses this entry's data, and would again. */
  | { readonly type: 'refused'; readonly reason: string }
  /** The log is closing and the entry was not written. */
  | { readonly type: 'closed' }

/** A compacted state: everything up to and including `position`. */
export interface Snapshot {
  readonly position: Position
  readonly update: Uint8Array
  readonly stateVector: Uint8Array
}

/** One committed entry as it is read back. */
export interface LogRow {
  readonly position: Position
  readonly update: Uint8Array
  /** Wall time in milliseconds. */
  readonly at: number
}

/** A record as loaded by one statement: the newest snapshot and every entry behind it, dense. */
export interface StoredRecord {
  readonly key: RecordKey
  readonly createdAt: number
  readonly createdBy: string
  readonly erased: boolean
  /** Absent until the first compaction. */
  readonly snapshot: Snapshot | undefined
  /** Wall time of the newest entry. */
  readonly updatedAt: number
  readonly tail: readonly LogRow[]
}

/** The head of a stored record. */
export function headOf(record: StoredRecord): Position {
  return record.tail.at(-1)?.position ?? record.snapshot?.position ?? ORIGIN
}

/** All that is stored of a record's content, in order. */
export function updatesOf({ snapshot, tail }: StoredRecord): readonly Uint8Array[] {
  const updates = tail.map((row) => row.update)
  return snapshot === undefined ? updates : [snapshot.update, ...updates]
}

/** A submission that was not applied, kept for a person to look at. */
export interface QuarantineRow {
  readonly id: string
  readonly key: RecordKey
  readonly reason: string
  readonly author: Author
  /** The sender's at that time, by which it is judged if it is ever admitted. */
  readonly roles: readonly string[]
  readonly teams: readonly string[]
  readonly at: number
  readonly bytes: Uint8Array
}

/** An update with other people's items that nobody else has delivered: one a record and sender, kept whole. */
export interface SetAsideRow extends QuarantineRow {
  /** Clocks, exclusive, by client: once these are known it is admitted by itself. */
  readonly awaits: readonly ItemId[]
}

/** A submission that was not applied, and why: it could not be, or it waits for others' edits. */
export type HeldBack = ({ readonly state: 'quarantined' } & QuarantineRow) | ({ readonly state: 'set-aside' } & SetAsideRow)

/** A client id that somebody announced in a record. */
export interface Claim {
  readonly key: RecordKey
  readonly client: number
  readonly owner: Author
}
