/**
 * Changes of rows that wait, and how they stop waiting without an entry: the statements about `inbound_changes` that stand alone. What
 * an entry settles, its own statement does (log/insert-statement.ts).
 */
import type { RecordKey } from '@rapport/shared/ids.ts'
import type { Plan, Row, Shadow } from '@rapport/shared/mapping/plan.ts'
import type { RowChange, RowOperation } from '@rapport/shared/mapping/row-change.ts'
import type { Sql } from '../db.ts'
import type { AbsorbedChange } from '../log/findings.ts'
import { demandRows, keyColumns, keyOf, type Place } from '../projection/marks.ts'
import { quoted, tableName } from '../projection/table-statements.ts'
import { run, runPlanned, type Session, transact } from '../projection/transaction.ts'

/** What one statement did to one row, as it was captured. */
export interface CapturedChange {
  readonly id: number
  readonly change: RowChange
  /** Who wrote it, by the name that the session gave. */
  readonly author: string
  /** What one transaction did shares this number. */
  readonly transaction: number
  /** Wall time in milliseconds. */
  readonly at: number
}

/** What waits of one record, in captured order: all of it, or the oldest part. */
export interface Waiting {
  readonly key: RecordKey
  readonly changes: readonly CapturedChange[]
  /** The record's rows as they were last written; `undefined` if they never were. */
  readonly base: Shadow | undefined
}

/** Changes of one record that no entry settles. */
export interface Settlement {
  readonly key: RecordKey
  readonly changes: readonly AbsorbedChange[]
}

interface CapturedRow {
  readonly id: number
  readonly tenant: string
  readonly type: string
  readonly record: string
  readonly table: string
  readonly op: RowOperation
  readonly before: Row | null
  readonly after: Row | null
  readonly author: string
  readonly transaction: number
  readonly at: number
}

/** Of one record, what is read at once: changes, and bytes as they are stored, which the first one may exceed alone. */
const CHANGES_AT_ONCE = 200
const BYTES_AT_ONCE = 512 * 1024
const KEPT_DAYS = 30

export interface CapturedChanges {
  /**
   * Records of which changes wait, in the order of their keys, behind `after`. Without those that are not there and have only rows
   * of children: a child waits for its record.
   */
  waitingAfter(after: Place, limit: number): Promise<readonly RecordKey[]>
  /** In the order of the keys; a record of which nothing waits any more is left out. */
  read(keys: readonly RecordKey[]): Promise<readonly Waiting[]>
  /**
   * Settles changes that are still waiting, and has the rows of their records projected again, to what the documents say. A row whose record is
   * not there, because all that it said was refused, is removed. Rejects as `busy`, with nothing done, where somebody holds the rows.
   */
  settle(settlements: readonly Settlement[]): Promise<void>
  /** Removes what was settled long ago. Resolves with how many were removed; a full `limit` means that more are left. */
  forgetSettled(limit: number): Promise<number>
  /** How many wait. */
  count(): Promise<number>
  /** Frees what removed and settled rows take up. */
  vacuum(): Promise<void>
}

export function createCapturedChanges(sql: Sql, plans: readonly Plan[]): CapturedChanges {
  const types = [...new Set(plans.map((plan) => plan.type.name))]
  const mains = plans.map((plan) => plan.main.name)

  async function bases(keys: readonly RecordKey[]): Promise<ReadonlyMap<string, Shadow>> {
    const mappings = plans.map((plan) => plan.mapping.id)
    const rows = await runPlanned<{ tenant: string; type: string; id: string; base: Shadow }>(sql, BASES, [
      ...keyColumns(keys),
      mappings,
    ])
    return new Map(rows.map(({ base, ...key }) => [nameOf(key), base]))
  }

  async function removeRowless(session: Session, settlements: readonly Settlement[]): Promise<void> {
    for (const [type, ofType] of Map.groupBy(settlements, ({ key }) => key.type)) {
      const [tenants, , ids] = keyColumns(ofType.map(({ key }) => key))
      for (const plan of plans.filter((one) => one.type.name === type)) {
        await run(session, removeStatement(plan), [tenants, ids, type])
      }
    }
  }

  return {
    async waitingAfter(after, limit) {
      const rows = await runPlanned<{ tenant: string; type: string; id: string }>(sql, WAITING, [
        ...[types, mains],
        ...[after.tenant, after.type, after.id, limit],
      ])
      return rows.flatMap(keyOf)
    },

    async read(keys) {
      const rows = await runPlanned<CapturedRow>(sql, READ, [...keyColumns(keys), CHANGES_AT_ONCE, BYTES_AT_ONCE])
      const byRecord = Map.groupBy(rows, ({ tenant, type, record }) => nameOf({ tenant, type, id: record }))
      const shadows = await bases(keys)
      return keys.flatMap((key): Waiting[] => {
        const changes = byRecord.get(nameOf(key))?.map(capturedOf) ?? []
        return changes.length === 0 ? [] : [{ key, changes, base: shadows.get(nameOf(key)) }]
      })
    },

    async settle(settlements) {
      const changes = settlements.flatMap(({ key, changes }) => changes.map((change) => ({ ...change, tenant: key.tenant })))
      if (changes.length === 0) return
      const mappings = plans.map((plan) => plan.mapping.id)
      await transact(sql, async (session) => {
        const keys = settlements.map(({ key }) => key)
        await demandRows(session, mappings, keys)
        await run(session, SETTLE, [
          changes.map(({ tenant }) => tenant),
          changes.map(({ id }) => id),
          changes.map(({ status }) => status),
          changes.map(({ reason }) => reason),
        ])
        await removeRowless(session, settlements)
      })
    },

    async forgetSettled(limit) {
      return (await runPlanned(sql, FORGET, [KEPT_DAYS, limit])).length
    },

    async count() {
      const [row] = await runPlanned<{ count: number }>(sql, COUNT, [])
      return row?.count ?? 0
    },

    async vacuum() {
      await runPlanned(sql, 'vacuum rapport.inbound_changes', [])
    },
  }
}

function capturedOf({ id, table, op, before, after, author, transaction, at }: CapturedRow): CapturedChange {
  const change = { table, operation: op, ...(before && { before }), ...(after && { after }) }
  return { id, change, author, transaction, at }
}

function nameOf({ tenant, type, id }: { readonly tenant: string; readonly type: string; readonly id: string }): string {
  return `${tenant}\0${type}\0${id}`
}

/** What came meanwhile fails the statement: it is absorbed together with what was refused. */
function removeStatement({ main }: Plan): string {
  const [tenant, id] = main.record.map(quoted)
  return `
delete from ${tableName(main)} as t
using unnest($1::text[], $2::text[]) as given (tenant, id)
where t.${tenant} = given.tenant and t.${id} = given.id
  and not exists (select 1 from rapport.records r where r.tenant = given.tenant and r.type = $3 and r.id = given.id)
  and rapport.refuse_awaited(given.tenant, $3, given.id)`
}

const WAITING = `
select p.tenant, p.type, p.record_id as id
from (
  select distinct c.tenant, c.type, c.record_id from rapport.inbound_changes c
  where c.status = 'pending' and c.type = any($1::text[]) and (c.tenant, c.type, c.record_id) > ($3, $4, $5)
) as p
where exists (select 1 from rapport.records r where r.tenant = p.tenant and r.type = p.type and r.id = p.record_id)
  or exists (
    select 1 from rapport.inbound_changes m
    where m.tenant = p.tenant and m.type = p.type and m.record_id = p.record_id and m.status = 'pending' and m.table_name = any($2::text[])
  )
order by p.tenant, p.type, p.record_id
limit $6::int`

const READ = `
select c.id, c.tenant, c.type, c.record_id as record, c.table_name as table, c.op, c.before, c.after, c.author, c.transaction,
  round(extract(epoch from c.at) * 1000)::float8 as at
from unnest($1::text[], $2::text[], $3::text[]) with ordinality as given (tenant, type, id, place)
cross join lateral (
  select oldest.*, row_number() over past as place,
    sum(coalesce(pg_column_size(oldest.before), 0) + coalesce(pg_column_size(oldest.after), 0)) over past as size
  from (
    select * from rapport.inbound_changes i
    where i.tenant = given.tenant and i.type = given.type and i.record_id = given.id and i.status = 'pending'
    order by i.id
    limit $4::int
  ) as oldest
  window past as (order by oldest.id rows unbounded preceding)
) as c
where c.place = 1 or c.size <= $5::bigint
order by given.place, c.id`

const BASES = `
select s.tenant, s.type, s.record_id as id, s.base
from unnest($1::text[], $2::text[], $3::text[]) as given (tenant, type, id)
join rapport.projection_state s on s.tenant = given.tenant and s.type = given.type and s.record_id = given.id
where s.mapping = any($4::text[]) and s.base is not null`

const SETTLE = `
select rapport.settle_inbound(given.tenant, given.id, given.status, given.reason)
from unnest($1::text[], $2::bigint[], $3::text[], $4::text[]) as given (tenant, id, status, reason)`

const FORGET = `
delete from rapport.inbound_changes
where (tenant, id) in (
  select c.tenant, c.id from rapport.inbound_changes c
  where c.settled_at is not null and c.settled_at < now() - $1::int * interval '1 day'
  limit $2::int
)
returning 1`

const COUNT = `select count(*) as count from rapport.inbound_changes where status = 'pending'`
