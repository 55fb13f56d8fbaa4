/** What a mapping's compiler must know of a table, whoever declared it. */

export interface ColumnShape {
  readonly name: string
  /** As Postgres writes it, without modifiers and collation: `text`, `numeric`, `timestamp with time zone`. */
  readonly type: string
  /** In the brackets of the type: a length, or precision and scale. Empty where the type is used without. */
  readonly modifiers: readonly number[]
  readonly notNull: boolean
  /** Of the database's own; a default that only some client fills in does not count. */
  readonly hasDefault: boolean
  /** The database alone gives it its value. */
  readonly generated: boolean
}

export interface TableShape {
  /** Without schema: mapped tables stand in `public`. */
  readonly name: string
  readonly columns: readonly ColumnShape[]
  readonly primaryKey: readonly string[]
  /** Each UNIQUE constraint and index, by its columns; an expression in an index is none. */
  readonly uniques: readonly (readonly string[])[]
  readonly foreignKeys: readonly { readonly columns: readonly string[]; readonly deferrable: boolean }[]
}
