/** A compiled mapping: what the projector needs to know, with nothing left to check. Only `compile.ts` makes one. */
import type { RecordType } from '../schema/record-type.ts'
import type { Mapping } from './mapping.ts'

export interface PlanColumn {
  readonly name: string
  /** As in the table's shape. */
  readonly type: string
}

export interface PlanTable {
  readonly name: string
  /** The columns that name the record a row belongs to: tenant, then id. */
  readonly record: readonly [tenant: string, id: string]
  /** The primary key, `record` first. For the main table they are the same. */
  readonly key: readonly string[]
  /** All columns that the mapping owns, the key among them. No other is ever written. */
  readonly columns: readonly PlanColumn[]
  /** Columns that flow into the document alone: a change of theirs counts, and they are never written. */
  readonly inbound: readonly PlanColumn[]
}

export interface Plan {
  readonly mapping: Mapping
  readonly type: RecordType
  readonly main: PlanTable
  /** In the order of the rules. */
  readonly children: readonly PlanTable[]
}

/** JSON that Postgres takes for a column: no NUL and no lone surrogate in any string. */
export type Cell = string | number | boolean | null | CellObject
export interface CellObject {
  readonly [name: string]: string | number | boolean | Readonly<Record<string, string | number | boolean>>
}

/** One row by column: exactly the columns that the plan owns in that table. */
export type Row = Readonly<Record<string, Cell>>

/** A record as rows: a pure function of its document, the plan and the record's name (P6). */
export interface Projection {
  readonly main: Row
  /** By table; every child table of the plan is there, rows in the order of the content. */
  readonly children: Readonly<Record<string, readonly Row[]>>
  /**
   * Paths in the content whose value fits no declaration or no column, and reads as NULL in the rows; and `["guards", MESSAGE]` for a
   * guard that struck.
   */
  readonly misfits: readonly (readonly string[])[]
  /** Absent where no rule asks for any. */
  readonly bindings?: Bindings
  /** Why the rows may not be written at all: a sentence without any value. */
  readonly blocked?: string
}

/**
 * What the rows do not tell of themselves and the way back must know: by a slot's first column the id of the entry that it showed, and by
 * `COLUMN/FIELD` the parts that a merged column was joined from.
 */
export type Bindings = Readonly<Record<string, string>>

/** A record's owned values as they were written: the columns of its main row, and the rows of each child table. */
export type Shadow = Readonly<Record<string, Cell | readonly Row[]>>
