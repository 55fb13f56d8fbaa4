/**
 * The SQL that compares the rows of many records with their shadows. One statement is one instant: state, marks and rows belong together,
 * whoever writes meanwhile. It locks nothing. Shadows are read as their columns' types, as the projector's own statements read them, so that
 * `1.5` and `1.50` are one amount.
 */
import type { Plan, PlanColumn, PlanTable } from '@rapport/shared/mapping/plan.ts'
import type { LeftBehind } from './left-behind.ts'
import { rfc3339 } from './marks.ts'
import { definitions, quoted, tableName } from './table-statements.ts'

/** How the rows of one table differ from a shadow, in rows. `columns`: those in which some row does. */
export interface TableDrift {
  readonly missing: number
  readonly extra: number
  readonly differing: number
  readonly columns: readonly string[]
}

/** A record as one instant of the database shows it. */
export interface RecordState {
  /** Among those asked for, from 1. */
  readonly place: number
  /** Of the log, and of what the rows show. */
  readonly head: number
  readonly sequence: number
  /** Of the mapping; 0 where the projector itself is not sure of the rows. */
  readonly version: number
  readonly base: Readonly<Record<string, unknown>> | null
  /** RFC 3339: when the rows were written, since when they cannot be, and when the oldest edit came that they do not show. */
  readonly projected: string | null
  readonly failing: string | null
  readonly waiting: string | null
  /** Somebody's edit of the rows is on its way into the document, or from there back into the rows. */
  readonly captured: boolean
  /** By table, the main one among them; null where the shadow does not know the table. */
  readonly tables: Readonly<Record<string, TableDrift | null>>
  /** The same of what only earlier versions of the mapping wrote; null where nothing was kept of it. */
  readonly left: Readonly<Record<string, TableDrift | null>>
}

/** `$1` tenants, `$2` ids, `$3` record type, `$4` mapping. Answers with a `RecordState` for each. */
export function compareStatement({ main, children }: Plan, left: LeftBehind): string {
  const kept = left.main.length === 0 ? [] : [entry(main, mainDrift({ ...main, columns: left.main }, 'state.retired'))]
  return `
with state as materialized (
  select given.place, given.tenant, given.id, s.sequence, s.mapping_version as version, s.base, s.retired, s.projected_at,
    case when s.fault is not null then s.fault_at end as fault_at
  from unnest($1::text[], $2::text[]) with ordinality as given (tenant, id, place)
  left join rapport.projection_state s
    on s.tenant = given.tenant and s.type = $3 and s.record_id = given.id and s.mapping = $4
)
select state.place::int as place, coalesce(state.sequence, 0) as sequence, coalesce(state.version, 0) as version, state.base,
  ${rfc3339('state.projected_at')} as projected, ${rfc3339('state.fault_at')} as failing,
  greatest(
    (
      select max(u.sequence) from rapport.record_updates u
      where u.tenant = state.tenant and u.type = $3 and u.record_id = state.id
    ),
    (select r.snapshot_sequence from rapport.records r where r.tenant = state.tenant and r.type = $3 and r.id = state.id)
  ) as head,
  (
    select ${rfc3339('min(m.at)')} from rapport.projection_marks m
    where m.tenant = state.tenant and m.type = $3 and m.record_id = state.id
      and (m.sequence > coalesce(state.sequence, 0) or state.version = 0)
  ) as waiting,
  ${CAPTURED} as captured,
  jsonb_build_object(${[
    entry(main, mainDrift(main, 'state.base')),
    ...children.map((table) => entry(table, childDrift(table, 'state.base'))),
  ].join(', ')}) as tables,
  jsonb_build_object(${[...kept, ...left.tables.map((table) => entry(table, childDrift(table, 'state.retired')))].join(', ')}) as left
from state
order by state.place`
}

function entry(table: PlanTable, drift: string): string {
  return `${literal(table.name)}, ${drift}`
}

/** A column that the shadow does not know, being of another version, is not compared. */
function mainDrift(table: PlanTable, shadow: string): string {
  const [tenant, id] = table.record.map(quoted)
  const compared = valuesOf(table).map((name): Comparison => {
    const differs = `stored.${quoted(name)} is distinct from wanted.${quoted(name)}`
    return { name, differs: `stored.${tenant} is not null and ${shadow} ? ${literal(name)} and ${differs}` }
  })
  const there = shadow === 'state.base' ? '' : `where ${shadow} is not null`
  return `(
    select jsonb_build_object(
      'missing', (stored.${tenant} is null and ${shadow} is not null)::int,
      'extra', (stored.${tenant} is not null and ${shadow} is null)::int,
      'differing', (${anyOf(compared)})::int,
      'columns', to_jsonb(${arrayOf(compared.map(({ name, differs }) => `case when ${differs} then ${literal(name)} end`))})
    )
    from (select 1) as one
    left join lateral (
      select * from ${tableName(table)} as t where t.${tenant} = state.tenant and t.${id} = state.id offset 0
    ) as stored on true
    left join lateral jsonb_to_record(${shadow}) as wanted (${definitions(table.columns)}) on true
    ${there}
  )`
}

function childDrift(table: PlanTable, shadow: string): string {
  const [tenant, id] = table.record.map(quoted)
  const names = table.columns.map(({ name }) => quoted(name))
  const key = table.key.map((name) => `wanted.${quoted(name)} = stored.${quoted(name)}`)
  const compared = valuesOf(table).map((name): Comparison => {
    const differs = `stored.${quoted(name)} is distinct from wanted.${quoted(name)}`
    return { name, differs: `wanted.${id} is not null and stored.${id} is not null and ${differs}` }
  })
  const columns = compared.map(({ name, differs }) => `case when bool_or(${differs}) then ${literal(name)} end`)
  const known =
    shadow === 'state.base' ? `${shadow} is null or ${shadow} ? ${literal(table.name)}` : `${shadow} ? ${literal(table.name)}`
  return `case when ${known} then (
    select jsonb_build_object(
      'missing', count(*) filter (where stored.${id} is null),
      'extra', count(*) filter (where wanted.${id} is null),
      'differing', count(*) filter (where ${anyOf(compared)}),
      'columns', to_jsonb(${arrayOf(columns)})
    )
    from (select * from jsonb_to_recordset(${shadow}->${literal(table.name)}) as one (${definitions(table.columns)})) as wanted
    full join (
      select ${names.map((name) => `t.${name}`).join(', ')} from ${tableName(table)} as t
      where t.${tenant} = state.tenant and t.${id} = state.id
      offset 0
    ) as stored on ${key.join(' and ')}
  ) end`
}

interface Comparison {
  readonly name: string
  readonly differs: string
}

function valuesOf({ key, columns }: PlanTable): readonly string[] {
  return columns.map(({ name }: PlanColumn) => name).filter((name) => !key.includes(name))
}

function anyOf(compared: readonly Comparison[]): string {
  return compared.length === 0 ? 'false' : compared.map(({ differs }) => `(${differs})`).join(' or ')
}

function arrayOf(names: readonly string[]): string {
  return `array_remove(array[${names.join(', ')}]::text[], null)`
}

/** Names come from mappings and may hold anything. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** What was settled is in the document; until the rows were projected again they may show what was refused. */
const CAPTURED = `(exists (
    select 1 from rapport.inbound_changes i
    where i.tenant = state.tenant and i.type = $3 and i.record_id = state.id and i.status = 'pending'
  ) or case when exists (
    select 1 from rapport.projection_marks m where m.tenant = state.tenant and m.type = $3 and m.record_id = state.id
  ) then exists (
    select 1 from rapport.inbound_changes i
    where i.settled_at > coalesce(state.projected_at, '-infinity') and i.tenant = state.tenant and i.type = $3 and i.record_id = state.id
  ) else false end)`
