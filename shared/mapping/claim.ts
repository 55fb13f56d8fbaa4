/** What a rule of a mapping lays claim to: a column, and what stands in it. Whether the column suits is the table's part. */
import type { Direction } from './mapping.ts'
import type { ColumnShape } from './table-shape.ts'

export interface Claim {
  readonly column: string
  /** The rule, as messages name it. */
  readonly by: string
  /** What stands in the column, as messages name it; absent where the rule itself is wrong, and anything may be. */
  readonly content?: ClaimContent
  /** When the cell is NULL, as messages say it; absent where it never is. */
  readonly empty?: string
  /** The places in the document that it could be written back to. */
  readonly paths?: readonly string[]
  /** Both ways, if it does not say. */
  readonly direction?: Direction
}

export interface ClaimContent {
  readonly noun: string
  readonly fits: (column: ColumnShape) => boolean
}
