/** Which records have child rows that somebody else holds: found out by one look for a whole batch, without waiting for any of them. */
import { keyString, type RecordKey } from '@rapport/shared/ids.ts'
import type { Plan, PlanTable } from '@rapport/shared/mapping/plan.ts'
import type { Sql } from '../db.ts'
import { keyColumns, keyOf } from './marks.ts'
import { quoted, tableName } from './table-statements.ts'
import { run, transact } from './transaction.ts'

/** Resolves with the names, as `keyString`, of those records. What it locks to find out is free again by then. */
export function createHeldRows(sql: Sql, plan: Plan): (keys: readonly RecordKey[]) => Promise<ReadonlySet<string>> {
  const statements = plan.children.map(heldStatement)
  return (keys) =>
    transact(sql, async (session) => {
      const [tenants, , ids] = keyColumns(keys)
      const held = new Set<string>()
      for (const statement of statements) {
        const rows = await run<{ tenant: string; id: string }>(session, statement, [tenants, ids])
        for (const key of rows.flatMap((row) => keyOf({ ...row, type: plan.type.name }))) held.add(keyString(key))
      }
      return held
    })
}

function heldStatement(table: PlanTable): string {
  const [tenant, id] = table.record.map(quoted)
  const rows = `select 1 from ${tableName(table)} as t where t.${tenant} = given.tenant and t.${id} = given.id`
  return `
select given.tenant, given.id
from unnest($1::text[], $2::text[]) as given (tenant, id)
where (select count(*) from (${rows}) as stored) > (select count(*) from (${rows} for update skip locked) as free)`
}
