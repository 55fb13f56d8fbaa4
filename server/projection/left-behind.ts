/** What earlier versions of a mapping wrote and no mapping in this release does, as far as the database still has it. */
import type { Plan, PlanColumn, PlanTable } from '@rapport/shared/mapping/plan.ts'
import type { Sql } from '../db.ts'
import { type SeenVersion, seenVersions } from './mapping-versions.ts'
import { runPlanned } from './transaction.ts'

export interface LeftBehind {
  /** Columns of the mapping's own main table. */
  readonly main: readonly PlanColumn[]
  /** Child tables of which no mapping writes any column. */
  readonly tables: readonly PlanTable[]
  /** By table: all columns, those of tables that other mappings or rules go on writing among them. No key's. */
  readonly columns: Readonly<Record<string, readonly string[]>>
}

/** `plans`: all that this release has. Versions that were contracted count no more. */
export async function findLeftBehind(sql: Sql, plan: Plan, plans: readonly Plan[]): Promise<LeftBehind> {
  const { id, version } = plan.mapping
  const earlier = (await seenVersions(sql)).filter((seen) => seen.id === id && seen.version < version && !seen.contracted)
  const left = earlier.flatMap(({ tables }) => tables)
  const there = await runPlanned<{ table: string; column: string }>(sql, THERE, [left.map(({ name }) => name)])
  const exists = (table: string, column: string): boolean => there.some((one) => one.table === table && one.column === column)
  const written = new Map<string, Set<string>>()
  for (const { name, columns } of plans.flatMap(tablesOf)) {
    written.set(name, new Set([...(written.get(name) ?? []), ...columns.map((column) => column.name)]))
  }
  const gone = (table: PlanTable): readonly PlanColumn[] =>
    table.columns.filter(({ name }) => exists(table.name, name) && written.get(table.name)?.has(name) !== true)

  const columns = new Map<string, Set<string>>()
  for (const table of left) {
    const names = gone(table)
      .filter(({ name }) => !table.key.includes(name))
      .map(({ name }) => name)
    if (names.length > 0) columns.set(table.name, new Set([...(columns.get(table.name) ?? []), ...names]))
  }
  const mains = earlier.flatMap(({ tables: [main] }) => (main?.name === plan.main.name ? gone(main) : []))
  const children = earlier.flatMap(({ tables: [, ...rest] }) => rest).filter((table) => isWhole(table, written, exists))
  return {
    main: [...new Map(mains.map((column) => [column.name, column])).values()],
    tables: [...new Map(children.map((table) => [table.name, table])).values()],
    columns: Object.fromEntries([...columns].map(([name, names]) => [name, [...names]])),
  }
}

/** Nobody writes it any more, and it is there with every column that was written. */
function isWhole(
  table: PlanTable,
  written: ReadonlyMap<string, unknown>,
  exists: (table: string, column: string) => boolean,
): boolean {
  return !written.has(table.name) && table.columns.every(({ name }) => exists(table.name, name))
}

export function tablesOf({ main, children }: Plan): SeenVersion['tables'] {
  return [main, ...children]
}

const THERE = `
select c.relname as table, a.attname as column
from pg_catalog.pg_class c
join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relname = any($1::text[])`
