/** Where registers lie that rows are read back into: the fields of a record, or the columns of one entry. */
import type { Columns } from '../schema/record-type.ts'
import type { Bindings } from './plan.ts'

export interface ColumnsPlace {
  readonly registers: Columns
  /** The root map that holds them. */
  readonly root: string
  /** Of a register in that map. */
  readonly key: (name: string) => string
  /** Of the place in the content. */
  readonly path: readonly string[]
  /** Of the rows as they were last written; none where they keep none of the place's columns. */
  readonly bindings: Bindings
}
