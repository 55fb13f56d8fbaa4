/**
 * The mapping language: how records of one type become rows, declared as data. A mapping names its main table and lists rules; each
 * rule owns the columns that it names, and a column that no rule owns is never written (P8). Everything here is plain JSON, so a
 * mapping can be stored, compared and shown. `compile.ts` turns it into a plan, or says exactly what is wrong with it.
 */

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

/** A column with one value per row. In a child's rules `field` names a column of the entry. */
export type ColumnRule =
  /** A register as it is. */
  | ({ readonly rule: 'field'; readonly field: string; readonly column: string } & Flow)
  /** An enum register; `values` gives each member its value in the column, and where absent the member itself stands there. */
  | ({
      readonly rule: 'enum'
      readonly field: string
      readonly column: string
      readonly values?: Readonly<Record<string, string>>
    } & Flow)
  /** A reference to another record. Tables of this database know records by their own ids, so the crosswalk is the identity. */
  | ({ readonly rule: 'lookup'; readonly field: string; readonly column: string } & Flow)
  /** The same value in every row. */
  | { readonly rule: 'const'; readonly column: string; readonly value: string | number | boolean }

/** What the server knows of a record besides its content. */
export const SYSTEM_SOURCES = ['sequence', 'createdAt', 'createdBy'] as const
export type SystemSource = (typeof SYSTEM_SOURCES)[number]

export type MainRule =
  | ColumnRule
  /** A text, or a rich text without its formatting. */
  | ({ readonly rule: 'text'; readonly root: string; readonly column: string } & Flow)
  /** All custom fields (`x_…`) in one jsonb object. */
  | ({ readonly rule: 'custom'; readonly column: string } & Flow)
  | { readonly rule: 'system'; readonly source: SystemSource; readonly column: string }
  /** When the record was deleted; null while it is not. */
  | ({ readonly rule: 'lifecycle'; readonly column: string } & Flow)

/** The columns of a child table that name the record it belongs to. */
export interface ParentColumns {
  readonly tenant: string
  readonly id: string
}

export type TableRule =
  /** A collection as a table: a row an entry, deleted entries left out. `order` is the entry's place, counted from 0. */
  | {
      readonly rule: 'child'
      readonly root: string
      readonly table: string
      readonly parent: ParentColumns
      readonly id: string
      readonly order?: string
      readonly columns: readonly ColumnRule[]
    }
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
}
