/**
 * The SQL that brings the rows of many records in line with what a plan wants of them. Only owned columns are ever named (P8), a row
 * whose owned columns are right is neither written nor locked, and every name that comes from a plan is quoted. Values come as JSON
 * in one parameter, so the text of a statement is the same for every batch.
 *
 * Rows that stand in the way are looked up one by one through their key (`offset 0` keeps the lookup from becoming a join), and what is
 * not wanted is found by a hashed list: neither depends on how large the planner believes the tables to be.
 */
import type { Plan, PlanColumn, PlanTable } from '@rapport/shared/mapping/plan.ts'

export interface TableStatements {
  /**
   * `$1` rows: inserts what is missing and updates what differs. Answers with a row for each row written: `tenant`, `id`, and
   * `news`, false if only the column that counts entries was behind.
   */
  readonly put: string
  /** `$1` records as `{tenant, id}`, `$2` rows: deletes every other row of these records. Answers with `tenant` and `id` of each. */
  readonly prune: string
}

export interface PlanStatements {
  /**
   * `$1` tenants, `$2` ids, `$3` record type: locks the main rows that nobody else holds. Answers for each record with `tenant`, `id`,
   * whether its row is `free` to be written (an absent one is), and whether the record is `erased`.
   */
  readonly hold: string
  readonly main: TableStatements
  /** As `plan.children`. */
  readonly children: readonly TableStatements[]
}

/** Mapped tables stand here. */
const SCHEMA = 'public'
/** Quoted names that no column of anybody's has. */
const NEWS = '"rapport news"'
/** Types that mean a length of 1 where none is given. */
const UNBOUNDED: Readonly<Record<string, string>> = { character: 'bpchar', bit: 'bit varying' }
const TEXT_TYPES: ReadonlySet<string> = new Set(['text', 'character varying', 'character'])

export function planStatements(plan: Plan): PlanStatements {
  return {
    hold: holdStatement(plan),
    main: tableStatements(plan.main, sequenceColumn(plan)),
    children: plan.children.map((table) => tableStatements(table, undefined)),
  }
}

/** The column that shows how many entries the rows contain; it changes without anything else having changed. */
export function sequenceColumn({ mapping }: Plan): string | undefined {
  const [column] = mapping.rules.flatMap((rule) => (rule.rule === 'system' && rule.source === 'sequence' ? [rule.column] : []))
  return column
}

function tableStatements(table: PlanTable, counting: string | undefined): TableStatements {
  const [tenant, id] = table.record.map(quoted)
  return { put: putStatement(table, counting), prune: pruneStatement(table, `t.${tenant} as tenant, t.${id} as id`) }
}

function putStatement(table: PlanTable, counting: string | undefined): string {
  const keys = table.key.map(quoted)
  const values = table.columns.map((column) => column.name).filter((name) => !table.key.includes(name))
  const telling = values.filter((name) => name !== counting)
  const columns = table.columns.map((column) => quoted(column.name))
  const [tenant, id] = table.record.map(quoted)
  const missing = `stored.${tenant} is null`
  const outdated = values.length === 0 ? missing : `${missing} or ${distinct(values)}`
  const news = telling.length === 0 ? missing : `${missing} or ${distinct(telling)}`
  const update = values.map((name) => `${quoted(name)} = excluded.${quoted(name)}`)
  return `
with given as materialized (
  select * from ${recordset('$1', 'given', table.columns)}
),
wanted as materialized (
  select given.*, (${news}) as ${NEWS}
  from given
  left join lateral (
    select ${columns.map((name) => `t.${name}`).join(', ')} from ${tableName(table)} as t
    where ${pairs(table.key, 't', 'given')}
    offset 0
  ) as stored on true
  where ${outdated}
),
written as (
  insert into ${tableName(table)} (${columns.join(', ')})
  select ${columns.join(', ')} from wanted
  order by ${table.key.map((name) => ordered(name, table)).join(', ')}
  on conflict (${keys.join(', ')}) do ${update.length === 0 ? 'nothing' : `update set ${update.join(', ')}`}
)
select ${tenant} as tenant, ${id} as id, ${NEWS} as news from wanted`
}

function pruneStatement(table: PlanTable, returning: string): string {
  const [tenant, id] = table.record
  const keys = table.columns.filter((column) => table.key.includes(column.name))
  const records = [
    { name: 'tenant', type: typeOf(table, tenant) },
    { name: 'id', type: typeOf(table, id) },
  ]
  const names = (alias: string): string => keys.map((column) => `${alias}.${quoted(column.name)}`).join(', ')
  return `
delete from ${tableName(table)} as t
using ${recordset('$1', 'record', records)}
where t.${quoted(tenant)} = record.tenant and t.${quoted(id)} = record.id
  and ((${names('t')}) in (select ${names('given')} from ${recordset('$2', 'given', keys)})) is not true
returning ${returning}`
}

function holdStatement({ main }: Plan): string {
  const [tenant, id] = main.record.map(quoted)
  const row = `from ${tableName(main)} as t where t.${tenant} = given.tenant and t.${id} = given.id`
  return `
select given.tenant, given.id, held.free is not null or not exists (select 1 ${row}) as free,
  exists (
    select 1 from rapport.records r
    where r.tenant = given.tenant and r.type = $3 and r.id = given.id and r.erased
  ) as erased
from unnest($1::text[], $2::text[]) as given (tenant, id)
left join lateral (select true as free ${row} for no key update skip locked) as held on true`
}

/** Some of these columns differ between `stored` and `given`; a null equals a null. */
function distinct(names: readonly string[]): string {
  const side = (alias: string): string => `(${names.map((name) => `${alias}.${quoted(name)}`).join(', ')})`
  return `${side('stored')} is distinct from ${side('given')}`
}

function pairs(names: readonly string[], one: string, other: string): string {
  return names.map((name) => `${one}.${quoted(name)} = ${other}.${quoted(name)}`).join(' and ')
}

/** The parameter is declared as text, or the driver would write the JSON as a JSON string. */
function recordset(parameter: string, alias: string, columns: readonly PlanColumn[]): string {
  const definitions = columns.map(({ name, type }) => `${quoted(name)} ${UNBOUNDED[type] ?? type}`)
  return `jsonb_to_recordset(${parameter}::text::jsonb) as ${alias} (${definitions.join(', ')})`
}

/** By bytes, so that every writer takes locks in the same order, whatever the database's locale. */
function ordered(name: string, table: PlanTable): string {
  return TEXT_TYPES.has(typeOf(table, name)) ? `${quoted(name)} collate "C"` : quoted(name)
}

function typeOf(table: PlanTable, name: string): string {
  return table.columns.find((column) => column.name === name)?.type ?? 'text'
}

function tableName(table: PlanTable): string {
  return `${quoted(SCHEMA)}.${quoted(table.name)}`
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
