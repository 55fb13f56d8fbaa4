/**
 * One cell, three ways: what the row showed before the statement, what it shows now, and what the document shows. A cell that the
 * statement left alone, or that says what the document says already, is no edit, however it is spelt.
 */
import type * as Y from 'yjs'
import type { IssueCode } from '../errors.ts'
import type { Codec } from './codecs.ts'
import type { Authority, Direction } from './mapping.ts'
import type { Cell } from './plan.ts'
import { refusalOf } from './refusal-reasons.ts'
import { edited, type Inverse, type RowMerge, refused, UNTOUCHED } from './row-edit.ts'

export interface CellPlace<V> {
  readonly column: string
  readonly path: readonly string[]
  readonly direction: Direction
  /** `merge`, if none is named. */
  readonly authority: Authority | undefined
  readonly codec: Codec<V>
  /** What the document shows in the column. */
  readonly ours: () => Cell
  /** Null is the empty value; `undefined` a cell that no value stands for. */
  readonly check: (value: V | null | undefined) => IssueCode | undefined
  /** Of a value that has this fault. */
  readonly reason?: (code: IssueCode, value: V | null | undefined) => string
  readonly write: (document: Y.Doc, value: V | null) => void
}

export function mergeCell<V>({ before, after }: RowMerge, place: CellPlace<V>): Inverse {
  const { column, path, codec, authority } = place
  const [base, theirs] = [before[column], after[column]]
  if (base === theirs || place.direction === 'off' || codec.equals(base, theirs)) return UNTOUCHED
  const ours = place.ours()
  if (codec.equals(theirs, ours)) return UNTOUCHED
  if (place.direction === 'out') return refused(refusalOf(column, path, 'outbound'))
  const value = theirs === null || theirs === undefined ? null : codec.decode(theirs)
  const code = place.check(value)
  if (code !== undefined || value === undefined) {
    return refused(refusalOf(column, path, code ?? 'kind', place.reason?.(code ?? 'kind', value)))
  }
  const unseen = !codec.equals(base, ours)
  if (unseen && authority === 'document') return refused(refusalOf(column, path, 'overruled'))
  return edited({ path, unseen, write: (document) => place.write(document, value) })
}
