/**
 * Edits of rows that capture missed, made out from what the projector wrote last: each difference becomes a captured change like any other, so
 * that nothing that anybody typed is lost (P7). Rows that are gone are none of them: nobody typed those. What somebody holds, and what has
 * changes waiting already, is left for the next time.
 */
import type { RecordKey } from '@rapport/shared/ids.ts'
import type { Plan, PlanTable } from '@rapport/shared/mapping/plan.ts'
import type { Sql } from '../db.ts'
import { literal } from '../projection/drift-statements.ts'
import { quoted, sequenceColumn, tableName } from '../projection/table-statements.ts'
import { run, transact } from '../projection/transaction.ts'
import { EXACT_TYPES } from './capture.ts'

type Named = Pick<RecordKey, 'tenant' | 'id'>

export interface MissedRows {
  /** Differences between the rows of records and their shadows. */
  ofRecords(records: readonly Named[]): Promise<void>
  /** Main rows of records that are not there, with their children: new records. */
  ofNobody(records: readonly Named[]): Promise<void>
}

/** Nobody knows whose they were. */
const AUTHOR = 'sql:unseen'

/** Both throw what the database throws. */
export function createMissedRows(sql: Sql, plan: Plan): MissedRows {
  const capture = async (statements: readonly string[], records: readonly Named[], ...rest: readonly string[]): Promise<void> => {
    const values = [records.map(({ tenant }) => tenant), records.map(({ id }) => id), plan.type.name, ...rest]
    await transact(sql, async (session) => {
      for (const statement of statements) await run(session, statement, values)
    })
  }
  const differences = [mainStatement(plan), ...plan.children.map(childStatement)]
  const inserts = [plan.main, ...plan.children].map((table) => insertStatement(table, plan))
  return {
    ofRecords: (records) => capture(differences, records, plan.mapping.id),
    ofNobody: (records) => capture(inserts, records),
  }
}

const INTO = `insert into rapport.inbound_changes (tenant, table_name, type, record_id, op, before, after, author, transaction, at)`
const BEHIND = `'${AUTHOR}', pg_current_xact_id()::text::bigint, now()`

/** The states of the records given that nobody else holds: the projector leaves a record alone while its state is held. */
const STATES = `
with states as materialized (
  select given.tenant, given.id, s.base
  from unnest($1::text[], $2::text[]) as given (tenant, id)
  cross join lateral (
    select h.base from rapport.projection_state h
    where h.tenant = given.tenant and h.type = $3 and h.record_id = given.id and h.mapping = $4 and h.base is not null
    for update skip locked
  ) as s
  where not exists (
    select 1 from rapport.inbound_changes i
    where i.tenant = given.tenant and i.type = $3 and i.record_id = given.id and i.status = 'pending'
      and i.transaction <> pg_current_xact_id()::text::bigint
  )
)`

/** A shadow of another version need not know all columns. The count of entries says what a writer had seen, and here nobody read a row first. */
function mainStatement(plan: Plan): string {
  const { main } = plan
  const [tenant, id] = main.record.map(quoted)
  const counting = sequenceColumn(plan)
  const compared = main.columns.map(({ name }) => name).filter((name) => !main.key.includes(name) && name !== counting)
  const differs = compared.map(
    (name) => `(states.base ? ${literal(name)} and stored.${quoted(name)} is distinct from wanted.${quoted(name)})`,
  )
  const names = `array(select name from unnest(${arrayOf(main.columns.map(({ name }) => name))}) as name where states.base ? name)`
  const after = cells('stored', names, main)
  const count = counting === undefined ? '' : ` || jsonb_build_object(${literal(counting)}, wanted.${quoted(counting)}::text)`
  return `${STATES}
${INTO}
select states.tenant, ${literal(main.name)}, $3, states.id, 'update', ${cells('wanted', names, main)}, ${after}${count}, ${BEHIND}
from states
cross join lateral jsonb_populate_record(null::${tableName(main)}, states.base) as wanted
cross join lateral (
  select t.* from ${tableName(main)} as t
  where t.${tenant} = states.tenant and t.${id} = states.id
  for no key update skip locked
) as stored
where ${differs.length === 0 ? 'false' : differs.join(' or ')}`
}

function childStatement(table: PlanTable): string {
  const [tenant, id] = table.record.map(quoted)
  const names = arrayOf(table.columns.map(({ name }) => name))
  const values = table.columns.map(({ name }) => name).filter((name) => !table.key.includes(name))
  const differs = values.map((name) => `stored.${quoted(name)} is distinct from wanted.${quoted(name)}`)
  const same = table.key.map((name) => `wanted.${quoted(name)} = stored.${quoted(name)}`).join(' and ')
  return `${STATES}
${INTO}
select states.tenant, ${literal(table.name)}, $3, states.id, case when wanted.${id} is null then 'insert' else 'update' end,
  case when wanted.${id} is not null then ${cells('wanted', names, table)} end, ${cells('stored', names, table)}, ${BEHIND}
from states
cross join lateral (
  select t.* from ${tableName(table)} as t
  where t.${tenant} = states.tenant and t.${id} = states.id
  order by ${table.key.map((name) => `t.${quoted(name)}`).join(', ')}
  for no key update skip locked
) as stored
left join lateral jsonb_populate_recordset(null::${tableName(table)}, states.base->${literal(table.name)}) as wanted on ${same}
where states.base ? ${literal(table.name)} and (wanted.${id} is null${differs.map((one) => ` or ${one}`).join('')})`
}

/** A child waits for its record, so only those are taken that have a main row; an erased record's never are. */
function insertStatement(table: PlanTable, { main }: Plan): string {
  const [tenant, id] = table.record.map(quoted)
  const [mainTenant, mainId] = main.record.map(quoted)
  return `${INTO}
select given.tenant, ${literal(table.name)}, $3, given.id, 'insert', null, ${cells('stored', arrayOf(table.columns.map(({ name }) => name)), table)}, ${BEHIND}
from unnest($1::text[], $2::text[]) as given (tenant, id)
join ${tableName(main)} as m on m.${mainTenant} = given.tenant and m.${mainId} = given.id
join ${tableName(table)} as stored on stored.${tenant} = given.tenant and stored.${id} = given.id
where not exists (select 1 from rapport.records r where r.tenant = given.tenant and r.type = $3 and r.id = given.id)
  and not exists (
    select 1 from rapport.inbound_changes i
    where i.tenant = given.tenant and i.type = $3 and i.record_id = given.id and i.status = 'pending'
      and i.transaction <> pg_current_xact_id()::text::bigint
  )`
}

/** As the capturing triggers write a row. */
function cells(row: string, names: string, { columns }: PlanTable): string {
  const exact = columns.filter(({ type }) => EXACT_TYPES.has(type)).map(({ name }) => name)
  return `rapport.owned_cells(to_jsonb(${row}), ${names}, ${arrayOf(exact)})`
}

function arrayOf(names: readonly string[]): string {
  return `array[${names.map(literal).join(', ')}]::text[]`
}
