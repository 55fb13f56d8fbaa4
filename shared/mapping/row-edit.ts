/**
 * What a change of a row becomes: edits of the record's document, each for one place, and refusals, each for one column. Both are data
 * until somebody writes the edits, and one of them never depends on another.
 */
import type * as Y from 'yjs'
import type { IssueCode } from '../errors.ts'
import type { RecordKey } from '../ids.ts'
import type { Plan, PlanTable, Row, Shadow } from './plan.ts'
import type { RowChange } from './row-change.ts'

/** What stands when a change arrives. */
export interface InverseGround {
  readonly key: RecordKey
  /** Only read. One without any content is no record yet. */
  readonly document: Y.Doc
  /** The rows as they were last written; `undefined` if they never were. */
  readonly base: Shadow | undefined
  /** Wall time in milliseconds: when a record is deleted. */
  readonly now: number
  /**
   * All changes of the record that are absorbed in one edit, in captured order, this one (the same object) among them; alone, if it is
   * not given. A list that is put in another order changes row by row, and only all rows together say what it is to be.
   */
  readonly batch?: readonly RowChange[]
}

export interface RowEdit {
  /** The place in the content, as history and conflicts name it: `["fields", "title"]`, `["emails", ENTRY, "address"]`, `["tags", MEMBER]`. */
  readonly path: readonly string[]
  /** The document no longer showed what the row showed before the statement: neither had seen the other (P5). */
  readonly unseen: boolean
  /** Into the document that was read, or one that reads alike. */
  readonly write: (document: Y.Doc) => void
}

/**
 * Why a column's change was not taken: its value does not fit, it is filled by the server alone (`outbound`), it could mean several
 * things (`ambiguous`), or the document was changed meanwhile and has the say (`overruled`).
 */
export type RefusalCode = IssueCode | 'outbound' | 'ambiguous' | 'overruled'

export interface RowRefusal {
  readonly column: string
  readonly path?: readonly string[]
  readonly code: RefusalCode
  /** A sentence without its end, the column its subject. It never holds the value. */
  readonly reason: string
}

export interface Inverse {
  readonly edits: readonly RowEdit[]
  readonly refusals: readonly RowRefusal[]
}

/** One change on its way into a document, as a rule sees it. */
export interface RowMerge extends InverseGround {
  readonly plan: Plan
  readonly table: PlanTable
  readonly change: RowChange
  /** Without any column where there was no row, or no record. */
  readonly before: Row
  /** Without any column where there is no row any more. */
  readonly after: Row
}

export const UNTOUCHED: Inverse = { edits: [], refusals: [] }

export function edited(...edits: readonly RowEdit[]): Inverse {
  return { edits, refusals: [] }
}

export function refused(...refusals: readonly RowRefusal[]): Inverse {
  return { edits: [], refusals }
}

export function together(parts: readonly Inverse[]): Inverse {
  return { edits: parts.flatMap((part) => part.edits), refusals: parts.flatMap((part) => part.refusals) }
}
