/**
 * The seam between the log and a database: single statements, no policy. Three implementations pass one contract suite: the
 * SQL one on PGlite and on Postgres, and one in memory for simulations.
 */
import type { RecordKey } from '@rapport/shared/ids.ts'
import type {
  Claim,
  HeldBack,
  JudgedEntry,
  LogRow,
  Position,
  QuarantineRow,
  SetAsideRow,
  Snapshot,
  StoredRecord,
} from './entry.ts'
import type { LedgerRows } from './findings.ts'

export interface LogStore {
  /**
   * Writes a group atomically, at most one entry a record, and returns the ids of the entries that were admitted. An entry
   * is admitted if its record is not erased and its predecessor is exactly the record's head: the stored entry before it, or
   * the snapshot, has the id it names, and nothing stands at its own sequence; and if every client id that its findings
   * claim is free, relayed, or bound to the same `sub`; and if every change of a row that they settle still waits. Its findings are stored with it. The others leave no trace and do
   * not disturb the rest. An entry has at most one finding for a client id and for a conflict. The first entry of a record
   * creates the record. Any number of instances may call this at once, over the same records, without deadlock. Rejects with
   * the database's error if nothing was written, or if that is not known.
   */
  insert(entries: readonly JudgedEntry[]): Promise<ReadonlySet<string>>

  /** Which of these entries are stored at their place, by id: the answer to an unknown outcome. */
  stored(entries: readonly JudgedEntry[]): Promise<ReadonlySet<string>>

  /** Snapshot and tail as of one instant, or `undefined` for a record that was never written. */
  load(key: RecordKey): Promise<StoredRecord | undefined>

  /** The entries behind `after`, in order, at most `limit`; a plain read, for catching up with another instance. */
  readAfter(key: RecordKey, after: number, limit: number): Promise<readonly LogRow[]>

  /** The heads of those of the given records that exist, in the order asked, `undefined` for the others. */
  heads(keys: readonly RecordKey[]): Promise<readonly (Position | undefined)[]>

  /**
   * Puts a snapshot in place of the one at sequence `from` (0: none yet). False, and nothing changed, if the record's snapshot
   * is another one by now, or if the log does not hold the entry that the snapshot ends with.
   */
  swapSnapshot(key: RecordKey, from: number, snapshot: Snapshot): Promise<boolean>

  /** What judging the record needs to know beside its document, as of `sequence`. One statement. */
  ledger(key: RecordKey, sequence: number): Promise<LedgerRows>

  /**
   * Notes whose these client ids are, told by presence before anything was written with them. Ids that are somebody's already
   * stay so; those of records that do not exist are left out. Of one sender and record the newest 100 without a write are kept.
   */
  bind(claims: readonly Claim[]): Promise<void>

  /** Keeps a refused submission; of one record the newest 20 are kept. */
  quarantine(row: QuarantineRow): Promise<void>

  /** Keeps an update aside, in place of what the same sender has there in the same record. */
  setAside(row: SetAsideRow): Promise<void>

  /** One that is in quarantine or set aside, whole. */
  heldBack(tenant: RecordKey['tenant'], id: string): Promise<HeldBack | undefined>

  /** Removes it from where it is kept. False if it is not there. */
  dropHeldBack(tenant: RecordKey['tenant'], id: string): Promise<boolean>

  /** One page of ids of a tenant's records of one type, ascending, behind `after`; erased ones are left out. */
  page(tenant: RecordKey['tenant'], type: string, after: string, limit: number): Promise<readonly RecordKey['id'][]>

  /** Whether a record of any other tenant than this is stored. */
  hasOthers(tenant: RecordKey['tenant']): Promise<boolean>
}

/** What a failed statement means for the entries of its group. */
export type Failure =
  /** Trying the same again can help: connection, resources, shutdown. */
  | 'transient'
  /** The data itself is refused: split the group to find whose. */
  | 'data'
  /**
   * Nothing was written, for the sake of one record's rows: somebody holds a lock on them, or they are damaged. Its other
   * entries must not wait for it.
   */
  | 'contended'

/** Tells a database's failures apart; a store brings its own. */
export type ClassifyFailure = (thrown: unknown) => Failure
