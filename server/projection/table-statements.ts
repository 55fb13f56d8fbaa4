/**
 * The SQL that brings the rows of many records in line with what a plan wants of them. Only owned columns are ever named (P8), a row
 * whose owned columns are right is neither written nor locked, and every name that comes from a plan is quoted. Values come as JSON
 * in one parameter, so the text of a statement is the same for every batch.
 *
 * A row that is there is updated and never proposed for insertion: that would fail on a NOT NULL column of the CRM's own, use up its
 * serials and fire its INSERT triggers.
 *
 * Rows that stand in the way are looked up one by one through their key (`offset 0`, or a lock, keeps the lookup from becoming a join),
 * and what is not wanted is found by a hashed list: neither depends on how large the planner believes the tables to be.
 *
 * A row that a SQL writer changed is left alone until the change was absorbed (P7), also one that was changed after the record was looked
 * at. So of every row a volatile function asks once more when the row's lock is held: it sees what is committed when it is called, and a row is committed together with what was captured of it. If it finds
 * anything it fails the statement, as a lock would that somebody holds.
 */
import type { Plan, PlanColumn, PlanTable } from '@rapport/shared/mapping/plan.ts'

export interface TableStatements {
  /**
   * `$1` rows: updates what is there and differs. Answers with a row for each that is not as it should be: its `place` among those
   * given, from 1, `tenant`, `id`, whether it is `there` and whether it was `written`, and `news`, false if only the column that counts
   * entries was behind.
   */
  readonly update: string
  /** `$1` rows that are missing: inserts them. Answers with `tenant` and `id` of each row written. */
  readonly insert: string
  /**
   * `$1` records as `{tenant, id}`, `$2` rows: deletes every other row of these records. Answers with `tenant` and `id` of each,
   * and whether it was `written`, that is deleted.
   */
  readonly prune: string
}

export interface PlanStatements {
  /** `$1` tenants, `$2` ids, `$3` record type: answers with `tenant` and `id` of those of which changes wait to be absorbed. */
  readonly awaited: string
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
const PLACE = '"rapport place"'
/** Types that mean a length of 1 where none is given. */
const UNBOUNDED: Readonly<Record<string, string>> = { character: 'bpchar', bit: 'bit varying' }
const TEXT_TYPES: ReadonlySet<string> = new Set(['text', 'character varying', 'character'])

export function planStatements(plan: Plan): PlanStatements {
  return {
    awaited: AWAITED,
    hold: holdStatement(plan),
    main: tableStatements(plan.main, plan, sequenceColumn(plan)),
    children: plan.children.map((table) => tableStatements(table, plan, undefined)),
  }
}

/** The column that shows how many entries the rows contain; it changes without anything else having changed. */
export function sequenceColumn({ mapping }: Plan): string | undefined {
  const [column] = mapping.rules.flatMap((rule) => (rule.rule === 'system' && rule.source === 'sequence' ? [rule.column] : []))
  return column
}

function tableStatements(table: PlanTable, plan: Plan, counting: string | undefined): TableStatements {
  return {
    update: updateStatement(table, plan, counting),
    insert: insertStatement(table, plan),
    prune: pruneStatement(table, plan),
  }
}

/** Locks are taken in the order of the keys, before anything is written. One that was deleted by then is missing. */
function updateStatement(table: PlanTable, plan: Plan, counting: string | undefined): string {
  const values = valuesOf(table)
  const telling = values.filter((name) => name !== counting)
  const names = table.columns.map((column) => quoted(column.name))
  const [tenant, id] = table.record.map(quoted)
  const missing = `stored.${tenant} is null`
  const outdated = values.length === 0 ? missing : `${missing} or ${distinct(values)}`
  const news = telling.length === 0 ? missing : `${missing} or ${distinct(telling)}`
  const wanted = `
with given as materialized (
  select * from rows from (${recordset('$1', '', table.columns)}) with ordinality as given (${[...names, PLACE].join(', ')})
  order by ${ordered(table)}
),
wanted as materialized (
  select given.*, (${news}) as ${NEWS}
  from given
  left join lateral (
    select ${names.map((name) => `t.${name}`).join(', ')} from ${tableName(table)} as t
    where ${pairs(table.key, 't', 'given')}
    offset 0
  ) as stored on true
  where ${outdated}
)`
  const answer = `wanted.${PLACE}::int as place, wanted.${tenant} as tenant, wanted.${id} as id, wanted.${NEWS} as news`
  if (values.length === 0) return `${wanted}\nselect ${answer}, false as there, false as written from wanted`
  return `${wanted},
held as materialized (
  select wanted.* from wanted
  cross join lateral (
    select true from ${tableName(table)} as t
    where ${pairs(table.key, 't', 'wanted')}
    for no key update
  ) as lock
),
written as (
  update ${tableName(table)} as t set ${values.map((name) => `${quoted(name)} = held.${quoted(name)}`).join(', ')}
  from held
  where ${pairs(table.key, 't', 'held')} and ${unawaited(plan, table, 'held')}
  returning held.${PLACE}
)
select ${answer}, held.${PLACE} is not null as there, written.${PLACE} is not null as written
from wanted left join held using (${PLACE}) left join written using (${PLACE})`
}

/** Somebody may insert the same row meanwhile: then it is made right. Where all is key, an update says no more than that it is there. */
function insertStatement(table: PlanTable, plan: Plan): string {
  const names = table.columns.map((column) => quoted(column.name)).join(', ')
  const values = valuesOf(table)
  const set = (values.length === 0 ? table.key.slice(-1) : values).map((name) => `${quoted(name)} = excluded.${quoted(name)}`)
  const [tenant, id] = table.record.map(quoted)
  return `
insert into ${tableName(table)} as t (${names})
select ${names} from ${recordset('$1', 'given', table.columns)}
order by ${ordered(table)}
on conflict (${table.key.map(quoted).join(', ')}) do update set ${set.join(', ')}
where ${unawaited(plan, table, 't')}
returning t.${tenant} as tenant, t.${id} as id`
}

/** All but the key. */
function valuesOf(table: PlanTable): readonly string[] {
  return table.columns.map((column) => column.name).filter((name) => !table.key.includes(name))
}

/** Locks as an update does. */
function pruneStatement(table: PlanTable, plan: Plan): string {
  const [tenant, id] = table.record
  const keys = table.columns.filter((column) => table.key.includes(column.name))
  const records = [
    { name: 'tenant', type: typeOf(table, tenant) },
    { name: 'id', type: typeOf(table, id) },
  ]
  const names = (alias: string): string => keys.map((column) => `${alias}.${quoted(column.name)}`).join(', ')
  return `
with doomed as materialized (
  select ${names('t')} from ${tableName(table)} as t, ${recordset('$1', 'record', records)}
  where t.${quoted(tenant)} = record.tenant and t.${quoted(id)} = record.id
    and ((${names('t')}) in (select ${names('given')} from ${recordset('$2', 'given', keys)})) is not true
  order by ${ordered(table, 't')}
  for update of t
),
deleted as (
  delete from ${tableName(table)} as t using doomed where ${pairs(table.key, 't', 'doomed')} and ${unawaited(plan, table, 'doomed')}
  returning ${names('doomed')}
)
select doomed.${quoted(tenant)} as tenant, doomed.${quoted(id)} as id, (${names('doomed')}) in (select * from deleted) as written
from doomed`
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

/** Nothing that was captured of the row's record waits; else the statement fails. */
function unawaited({ type }: Plan, { record }: PlanTable, alias: string): string {
  const [tenant, id] = record.map((name) => `${alias}.${quoted(name)}`)
  return `rapport.refuse_awaited(${tenant}, '${type.name.replaceAll("'", "''")}', ${id})`
}

const AWAITED = `
select given.tenant, given.id
from unnest($1::text[], $2::text[]) as given (tenant, id)
where exists (
  select 1 from rapport.inbound_changes c
  where c.tenant = given.tenant and c.type = $3 and c.record_id = given.id and c.status = 'pending'
)`

/** Some of these columns differ between `stored` and `given`; a null equals a null. */
function distinct(names: readonly string[]): string {
  const side = (alias: string): string => `(${names.map((name) => `${alias}.${quoted(name)}`).join(', ')})`
  return `${side('stored')} is distinct from ${side('given')}`
}

function pairs(names: readonly string[], one: string, other: string): string {
  return names.map((name) => `${one}.${quoted(name)} = ${other}.${quoted(name)}`).join(' and ')
}

/** The parameter is declared as text, or the driver would write the JSON as a JSON string. Within `rows from` the alias is empty. */
function recordset(parameter: string, alias: string, columns: readonly PlanColumn[]): string {
  return `jsonb_to_recordset(${parameter}::text::jsonb) as${alias && ` ${alias}`} (${definitions(columns)})`
}

/** Columns as a record from JSON is declared to have them. */
export function definitions(columns: readonly PlanColumn[]): string {
  return columns.map(({ name, type }) => `${quoted(name)} ${UNBOUNDED[type] ?? type}`).join(', ')
}

/** The key, by bytes, so that every writer takes locks in the same order, whatever the database's locale. */
function ordered(table: PlanTable, alias?: string): string {
  const place = (name: string): string => (alias === undefined ? quoted(name) : `${alias}.${quoted(name)}`)
  const byBytes = (name: string): string => (TEXT_TYPES.has(typeOf(table, name)) ? `${place(name)} collate "C"` : place(name))
  return table.key.map(byBytes).join(', ')
}

function typeOf(table: PlanTable, name: string): string {
  return table.columns.find((column) => column.name === name)?.type ?? 'text'
}

export function tableName(table: PlanTable): string {
  return `${quoted(SCHEMA)}.${quoted(table.name)}`
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
