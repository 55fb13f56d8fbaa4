/**
 * What a reader makes of a file, whatever its format: one item for each person or company, or for each line that is none. An
 * item says what the file says and where it would go; whether a value fits there is decided later (`draft.ts`).
 */
import type { Line } from './lines.ts'
import type { ImportedType, Target } from './target.ts'

/** A value as the file has it, under the name that the file gives it. */
export interface Fact {
  readonly column: string
  readonly value: string
}

/** How a value is to be read, where that is not plain. */
export interface Reading {
  /** Other words for the values of the target: folded word → value. */
  readonly values?: Readonly<Record<string, string>>
  /** For custom fields, which hold text, numbers and booleans. */
  readonly as?: 'text' | 'number' | 'boolean'
  /** What separates several values in one. */
  readonly split?: RegExp
}

/** A value and its place. */
export interface Assignment extends Fact, Reading {
  readonly target: Target
  /** The custom field for a value whose place is taken already. */
  readonly spare: `x_${string}`
  readonly primary?: boolean
}

export interface SourceRecord {
  readonly type: 'record'
  readonly line: number
  readonly recordType: ImportedType
  /** Whose ids it carries: those of two programs may be alike. */
  readonly source: string
  /** Everything that makes this entry what it is; two entries with the same facts are the same entry. */
  readonly facts: readonly Fact[]
  /** In order of preference, where several go to one place. */
  readonly assignments: readonly Assignment[]
}

/** What is no person and no company. The reason never quotes the file. */
export interface BrokenLine {
  readonly type: 'broken'
  readonly line: number
  readonly reason: string
}

export type Item = SourceRecord | BrokenLine

export interface Reader {
  push(line: Line): readonly Item[]
  end(): readonly Item[]
}
