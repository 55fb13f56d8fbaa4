/**
 * One row before and after a statement that changed it, as the database captured it. Cells are as `to_jsonb` shows them, but for those
 * of the types numeric, bigint and double precision, which are the text that Postgres prints, so that no digit is lost.
 */
import type { Row } from './plan.ts'

export type RowOperation = 'insert' | 'update' | 'delete'

/** What one statement did to one row of a mapped table, as the database captured it: owned columns only. */
export interface RowChange {
  readonly table: string
  readonly operation: RowOperation
  /** Absent for an insert. */
  readonly before?: Row
  /** Absent for a delete. */
  readonly after?: Row
}
