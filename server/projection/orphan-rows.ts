/**
 * Rows of a mapping's tables that belong to no record: somebody put them there unseen, or they were left by a deletion that did not come to
 * its end. Found by walking the tables in the order of their keys, a thousand rows at a time; locks nothing.
 */
import type { Plan, PlanTable } from '@rapport/shared/mapping/plan.ts'
import type { Sql } from '../db.ts'
import { quoted, tableName } from './table-statements.ts'
import { run, runPlanned, transact } from './transaction.ts'

export interface Orphan {
  readonly table: string
  readonly tenant: string
  /** What the row names as its record; it need not be an id. */
  readonly id: string
  /** Of a record that was erased: nothing may be left of it. */
  readonly erased: boolean
}

interface PageRow extends Omit<Orphan, 'table'> {
  readonly owned: boolean
}

const ROWS_AT_ONCE = 1_000

/** Each record that has such rows in a table is named once for it. What waits to be absorbed is nobody's yet, and none of them. */
export async function* findOrphans(sql: Sql, plan: Plan): AsyncGenerator<readonly Orphan[]> {
  for (const table of [plan.main, ...plan.children]) {
    const statement = pageStatement(table)
    for (let [tenant, id, more] = ['', '', true]; more; ) {
      const rows = await runPlanned<PageRow>(sql, statement, [tenant, id, plan.type.name, ROWS_AT_ONCE])
      more = rows.length === ROWS_AT_ONCE
      ;({ tenant, id } = rows.at(-1) ?? { tenant, id })
      const orphans = rows.filter(({ owned }) => !owned)
      const distinct = new Map(orphans.map((row) => [`${row.tenant}\0${row.id}`, row]))
      if (distinct.size > 0) yield [...distinct.values()].map(({ owned: _, ...row }) => ({ table: table.name, ...row }))
    }
  }
}

/** Deletes these records' rows from all tables of the mapping, unless such a record is there by now. Throws what the database throws. */
export async function removeOrphans(sql: Sql, plan: Plan, rows: readonly Pick<Orphan, 'tenant' | 'id'>[]): Promise<void> {
  const [tenants, ids] = [rows.map((row) => row.tenant), rows.map((row) => row.id)]
  await transact(sql, async (session) => {
    for (const table of [...plan.children, plan.main]) await run(session, removeStatement(table), [tenants, ids, plan.type.name])
  })
}

function pageStatement(table: PlanTable): string {
  const [tenant, id] = table.record.map(quoted)
  return `
with page as materialized (
  select t.${tenant} as tenant, t.${id} as id from ${tableName(table)} as t
  where (t.${tenant}, t.${id}) > ($1, $2)
  order by t.${tenant}, t.${id}
  limit $4::int
)
select page.tenant, page.id, coalesce(r.erased, false) as erased,
  coalesce(not r.erased, false) or ${PENDING} as owned
from page
left join rapport.records r on r.tenant = page.tenant and r.type = $3 and r.id = page.id
order by page.tenant, page.id`
}

function removeStatement(table: PlanTable): string {
  const [tenant, id] = table.record.map(quoted)
  return `
delete from ${tableName(table)} as t using unnest($1::text[], $2::text[]) as given (tenant, id)
where t.${tenant} = given.tenant and t.${id} = given.id and not exists (
  select 1 from rapport.records r where r.tenant = given.tenant and r.type = $3 and r.id = given.id and not r.erased
)`
}

const PENDING = `exists (
    select 1 from rapport.inbound_changes i
    where i.tenant = page.tenant and i.type = $3 and i.record_id = page.id and i.status = 'pending'
  )`
