/** Tables declared with drizzle, as a mapping's compiler sees them. */
import type { ColumnShape, TableShape } from '@rapport/shared/mapping/table-shape.ts'
import { is } from 'drizzle-orm'
import { getTableConfig, IndexedColumn, type PgColumn, type PgTable } from 'drizzle-orm/pg-core'

/** Types that drizzle names otherwise than Postgres does. */
const POSTGRES_NAMES: Readonly<Record<string, string>> = {
  varchar: 'character varying',
  char: 'character',
  timestamp: 'timestamp without time zone',
}

export function tableShape(table: PgTable): TableShape {
  const { name, schema, columns, primaryKeys, uniqueConstraints, indexes, foreignKeys } = getTableConfig(table)
  const unique = indexes.filter((index) => index.config.unique)
  return {
    // No mapping can name a table outside of `public`.
    name: schema === undefined ? name : `${schema}.${name}`,
    columns: columns.map(columnShape),
    primaryKey: [...columns.filter((column) => column.primary), ...primaryKeys.flatMap((key) => key.columns)].map(nameOf),
    uniques: [
      ...columns.filter((column) => column.isUnique).map((column) => [column.name]),
      ...uniqueConstraints.map((constraint) => constraint.columns.map(nameOf)),
      ...unique.map((index) => index.config.columns.flatMap((column) => (is(column, IndexedColumn) ? [column.name ?? ''] : []))),
    ],
    // Drizzle has no way to declare one deferrable.
    foreignKeys: foreignKeys.map((key) => ({ columns: key.reference().columns.map(nameOf), deferrable: false })),
  }
}

function columnShape(column: PgColumn): ColumnShape {
  const [, before = '', inside, after = ''] = /^([^(]*)(?:\(([^)]*)\))?(.*)$/s.exec(column.getSQLType()) ?? []
  const type = `${before.trim()}${after}`.replace(/ COLLATE .*$/s, '')
  return {
    name: column.name,
    type: POSTGRES_NAMES[type] ?? type,
    modifiers: inside === undefined ? [] : inside.split(',').map(Number),
    notNull: column.notNull,
    hasDefault: column.hasDefault && column.defaultFn === undefined,
    generated: column.generated !== undefined || column.generatedIdentity?.type === 'always',
  }
}

function nameOf(column: { readonly name: string }): string {
  return column.name
}
