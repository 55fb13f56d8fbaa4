/** What a mapping's compiler must know of a table, whoever declared it. */

export interface ColumnShape {
  readonly name: string
  /** As Postgres writes it, without modifiers: `text`, `numeric`, `timestamp with time zone`. */
  readonly type: string
  readonly notNull: boolean
  readonly hasDefault: boolean
}

export interface TableShape {
  /** Without schema: mapped tables stand in `public`. */
  readonly name: string
  readonly columns: readonly ColumnShape[]
  readonly primaryKey: readonly string[]
  /** Each UNIQUE constraint and index, by its columns. */
  readonly uniques: readonly (readonly string[])[]
  readonly foreignKeys: readonly { readonly columns: readonly string[]; readonly deferrable: boolean }[]
}
