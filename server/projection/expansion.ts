/**
 * Whether the tables are ready for a mapping that is to come into force, as they stand in the database and not as they are declared: a
 * migration may not have run, or somebody may have changed a table by hand.
 */
import type { Plan, PlanTable } from '@rapport/shared/mapping/plan.ts'
import type { Sql } from '../db.ts'
import { runPlanned } from './transaction.ts'

interface ColumnRow {
  readonly table: string
  readonly column: string
  readonly type: string
  /** NOT NULL, and the database has no value of its own for it. */
  readonly needed: boolean
}

/** One sentence for each mapping that misses something. */
export async function missingColumns(sql: Sql, plans: readonly Plan[]): Promise<readonly string[]> {
  if (plans.length === 0) return []
  const names = plans.flatMap(({ main, children }) => [main, ...children].map((table) => table.name))
  const rows = await runPlanned<ColumnRow>(sql, COLUMNS, [names])
  const found = Map.groupBy(rows, (row) => row.table)
  return plans.flatMap(({ mapping, main, children }) => {
    const problems = [main, ...children].flatMap((table) => tableProblems(table, found.get(table.name)))
    if (problems.length === 0) return []
    return [`Mapping ${mapping.id} cannot come into force in version ${mapping.version}: ${problems.join(', ')}.`]
  })
}

function tableProblems(table: PlanTable, rows: readonly ColumnRow[] | undefined): string[] {
  if (rows === undefined) return [`there is no table ${table.name}`]
  const types = new Map(rows.map((row) => [row.column, row.type]))
  const owned = new Set(table.columns.map(({ name }) => name))
  const missing = table.columns.filter(({ name }) => !types.has(name)).map(({ name, type }) => `${name} (${type})`)
  const other = table.columns.filter(({ name, type }) => types.has(name) && types.get(name) !== type)
  return [
    ...(missing.length > 0 ? [`table ${table.name} has no ${missing.join(' and no ')}`] : []),
    ...other.map(({ name, type }) => `${name} of ${table.name} is ${types.get(name)} and not ${type}`),
    ...rows
      .filter(({ column, needed }) => needed && !owned.has(column))
      .map(({ column }) => `${column} of ${table.name} is NOT NULL without a default, and no rule fills it`),
  ]
}

const COLUMNS = `
select c.relname as table, a.attname as column, format_type(a.atttypid, null) as type,
  a.attnotnull and not a.atthasdef and a.attidentity = '' as needed
from pg_catalog.pg_class c
join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relname = any($1::text[])`
