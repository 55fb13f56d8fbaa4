/**
 * The mapping language: how records of one type become rows, declared as data. A mapping names its main table and lists rules; each
 * rule owns the columns that it names, and a column that no rule owns is never written (P8). Everything here is plain JSON, so a
 * mapping can be stored, compared and shown. `compile.ts` turns it into a plan, or says exactly what is wrong with it. MAPPING.md
 * shows each rule at work.
 */
import type { Scalar } from '../schema/register.ts'
import type { Options } from './functions.ts'

/**
 * Which way values go: `out` from the document into the rows, `in` from the rows into the document, `both`, or (`off`) neither, as if
 * the rule were not there. Without one it is `both`, and `out` for what has no way back.
 */
export const DIRECTIONS = ['both', 'out', 'in', 'off'] as const
export type Direction = (typeof DIRECTIONS)[number]

/**
 * Whose value stands where document and row were changed, neither having seen the other. `merge`, if none is named: the row's, as the later
 * one, unless the field has a rule of its own, and texts keep both. `document`: the document's; the row's is reported, and the row
 * returns to it. `target`: the row's, for texts too.
 */
export const AUTHORITIES = ['merge', 'document', 'target'] as const
export type Authority = (typeof AUTHORITIES)[number]

/** What every rule may say that has a way back. */
export interface Flow {
  readonly direction?: Direction
  readonly authority?: Authority
}

/** Names default to any text; `defineMapping` narrows them to those that a record type and its tables have. */
export interface FieldRule<F = string, C = string> extends Flow {
  readonly rule: 'field'
  readonly field: F
  readonly column: C
}

export interface EnumRule<F = string, C = string> extends Flow {
  readonly rule: 'enum'
  readonly field: F
  readonly column: C
  /** Each member's value in the column. Where absent, the member itself stands there. */
  readonly values?: Readonly<Record<string, string>>
  /**
   * For each value that several members share, the member that it becomes when a row is changed to it. A row that still shows what
   * the document's member becomes changes nothing.
   */
  readonly inverse?: Readonly<Record<string, string>>
  /** What a value that no member has becomes when a row is changed to it: nothing at all (`refuse`, if it does not say), or a member. */
  readonly unknown?: 'refuse' | { readonly member: string }
}

export interface DefaultRule<F = string, C = string> extends Flow {
  readonly rule: 'default'
  readonly field: F
  readonly column: C
  /** Of the register's kind. Stands in the column while the field is empty, and is never written into the document by itself. */
  readonly value: Scalar
}

export interface SplitRule<F = string, C = string> extends Flow {
  readonly rule: 'split'
  /** A string. */
  readonly field: F
  /** In the order of the parts, two or more. */
  readonly columns: readonly C[]
  /** A parts function: `words@1`. */
  readonly by: string
}

export interface MergeRule<F = string, C = string> extends Flow {
  readonly rule: 'merge'
  /** Strings, in the order of the parts, two or more. */
  readonly fields: readonly F[]
  readonly column: C
  /** A parts function: `words@1`. */
  readonly by: string
  /** What becomes of a new wording that could mean several things: it is taken apart as the function does, or refused. */
  readonly ambiguous: 'parse' | 'refuse'
}

/** What a function makes of fields. Never read back. */
export interface ComputedRule<F = string, C = string> {
  readonly rule: 'computed'
  readonly column: C
  /** A computed function: `choice@1`. */
  readonly by: string
  readonly fields: readonly F[]
  readonly options?: Options
}

/** Columns with one value per row. In a child's rules `field` names a column of the entry. */
export type ColumnRule<F = string, C = string> =
  /** A register as it is. */
  | FieldRule<F, C>
  /** An enum register. */
  | EnumRule<F, C>
  /** A reference to another record. Tables of this database know records by their own ids, so the crosswalk is the identity. */
  | ({ readonly rule: 'lookup'; readonly field: F; readonly column: C } & Flow)
  /** A register that reads as something where it is empty. */
  | DefaultRule<F, C>
  /** The CRM's own column: it flows into the field and is never written. */
  | { readonly rule: 'readonly'; readonly field: F; readonly column: C }
  /** One field as several columns. */
  | SplitRule<F, C>
  /** Several fields as one column. */
  | MergeRule<F, C>
  | ComputedRule<F, C>
  /** The same value in every row. */
  | { readonly rule: 'const'; readonly column: C; readonly value: string | number | boolean }

/** What the server knows of a record besides its content. */
export const SYSTEM_SOURCES = ['sequence', 'createdAt', 'createdBy'] as const
export type SystemSource = (typeof SYSTEM_SOURCES)[number]

/** Columns of the main table that show one entry of a collection. */
export interface Slot<E = string, C = string> {
  /** What the collection's discriminator holds for the entries that may stand here; any entry may where absent. */
  readonly value?: string
  readonly columns: readonly ColumnRule<E, C>[]
}

/** Where entries go that no slot has room for. As a table they are rows like a child's; `refuse` keeps the record from being written. */
export type Overflow<E = string, C = string> =
  | 'refuse'
  | { readonly column: C }
  | {
      readonly table: string
      readonly parent: ParentColumns
      readonly id: string
      readonly columns: readonly ColumnRule<E>[]
    }

/**
 * A collection in fixed columns. Slot by slot, those with a `value` first, the first entry that suits and has no slot yet is shown: one
 * with true in `first` before others, then by entry id, so that nobody's reordering moves values between columns.
 */
export interface SlotsRule<R = string, E = string, C = string> {
  readonly rule: 'slots'
  readonly root: R
  /** The discriminator: a column of the entries that holds text or an enum. */
  readonly by?: E
  /** A boolean column of the entries. */
  readonly first?: E
  readonly slots: readonly Slot<E, C>[]
  readonly overflow: Overflow<E, C>
}

export type MainRule =
  | ColumnRule
  /** A text, or a rich text without its formatting. */
  | ({ readonly rule: 'text'; readonly root: string; readonly column: string } & Flow)
  /** All custom fields (`x_…`) in one jsonb object. */
  | ({ readonly rule: 'custom'; readonly column: string } & Flow)
  | { readonly rule: 'system'; readonly source: SystemSource; readonly column: string }
  /** When the record was deleted; null while it is not. */
  | ({ readonly rule: 'lifecycle'; readonly column: string } & Flow)
  | SlotsRule

/** The columns of a child table that name the record it belongs to. */
export interface ParentColumns {
  readonly tenant: string
  readonly id: string
}

/** A collection as a table: a row an entry, deleted entries left out. `order` is the entry's place, counted from 0. */
export interface ChildRule {
  readonly rule: 'child'
  readonly root: string
  readonly table: string
  readonly parent: ParentColumns
  readonly id: string
  readonly order?: string
  readonly columns: readonly ColumnRule[]
}

export type TableRule =
  | ChildRule
  /** A set as a table: a row a member. */
  | {
      readonly rule: 'members'
      readonly root: string
      readonly table: string
      readonly parent: ParentColumns
      readonly member: string
    }
  /** A collection whose entries are named after the record they refer to, as a join table (N:M). */
  | {
      readonly rule: 'link'
      readonly root: string
      readonly table: string
      readonly parent: ParentColumns
      readonly other: string
      readonly columns: readonly ColumnRule[]
    }

export type Rule = MainRule | TableRule

/** Whether a rule fills a table of its own rather than a column of the main one. */
export function isTableRule(rule: Rule): rule is TableRule {
  return rule.rule === 'child' || rule.rule === 'members' || rule.rule === 'link'
}

/** A child's rule, or the one that the overflow of slots amounts to; `slots` are those that keep entries from being its rows. */
export interface TableSource {
  readonly rule: TableRule
  readonly slots?: SlotsRule
}

/** The table that the rule fills, if it fills one of its own. */
export function tableSource(rule: Rule): TableSource | undefined {
  if (isTableRule(rule)) return { rule }
  if (rule.rule !== 'slots' || rule.overflow === 'refuse' || 'column' in rule.overflow) return undefined
  return { rule: { rule: 'child', root: rule.root, ...rule.overflow }, slots: rule }
}

/** The column that a field can be read back from, or the first of them. */
export function columnOfField(rules: readonly Rule[], field: string): string | undefined {
  for (const rule of rules) {
    if (rule.rule === 'merge' && rule.fields.includes(field)) return rule.column
    if (!('field' in rule) || rule.field !== field) continue
    return rule.rule === 'split' ? rule.columns[0] : rule.column
  }
  return undefined
}

/** How bad it is when a guard strikes. */
export const SEVERITIES = ['block', 'quarantine', 'warn'] as const

/** Something that should not be in a record, whoever wrote it. */
export interface Guard<F = string, C = string> {
  /** It strikes where all of these hold. */
  readonly when: readonly GuardCondition<F>[]
  /**
   * `block`: the rows stay as they were, and the record carries the message as its fault. `quarantine`: the columns read NULL, and the
   * message is listed. `warn`: the message is listed.
   */
  readonly severity: (typeof SEVERITIES)[number]
  /** For people; one sentence. */
  readonly message: string
  /** Of the main table; for `quarantine` alone. */
  readonly columns?: readonly C[]
}

export interface GuardCondition<F = string> {
  /** A condition: `empty@1`. */
  readonly by: string
  readonly fields: readonly F[]
  readonly options?: Options
}

export interface Mapping {
  /** Unique among mappings. */
  readonly id: string
  /** A mapping that changed is another version: what was projected under the old one is projected again. */
  readonly version: number
  readonly recordType: string
  readonly table: string
  /** The columns of the main table that name the record. */
  readonly identity: ParentColumns
  readonly rules: readonly Rule[]
  readonly guards?: readonly Guard[]
}
