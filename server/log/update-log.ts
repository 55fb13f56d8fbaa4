/** Placeholder of the seam, replaced by the implementation. */
import type { RecordKey } from '@rapport/shared/ids.ts'
import type { AppendOutcome, JudgedEntry, LogRow, Position, QuarantineRow, StoredRecord } from './entry.ts'

export interface UpdateLog {
  /**
   * Joins the group being gathered and resolves once its outcome is known. Never rejects: a transient failure is retried in
   * place with the same ids for as long as it takes (and shows in `healthy`), anything else is an outcome.
   */
  append(entry: JudgedEntry): Promise<AppendOutcome>
  /** Rejects with `overload` while the database cannot be reached. Concurrent loads of one record share one statement. */
  load(key: RecordKey): Promise<StoredRecord | undefined>
  readAfter(key: RecordKey, after: number, limit: number): Promise<readonly LogRow[]>
  heads(keys: readonly RecordKey[]): Promise<readonly (Position | undefined)[]>
  /** Rewrites the record's snapshot from its log bytes, if nobody else did meanwhile. */
  compact(key: RecordKey): Promise<boolean>
  quarantine(row: QuarantineRow): Promise<void>
  page(tenant: RecordKey['tenant'], type: string, after: string, limit: number): Promise<readonly RecordKey['id'][]>
  /** False while a group commit is failing and being retried. */
  healthy(): boolean
  /** Waits for what was appended, up to `milliseconds`; later appends answer `closed`. */
  close(milliseconds: number): Promise<void>
}
