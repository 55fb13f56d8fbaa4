/**
 * The last step of a new mapping version: what earlier versions wrote, and no mapping does any more, is dropped, or given to the CRM to
 * keep. Refused while anything could still be wanted from there: rows that are not of the version in force yet, edits that wait, values that
 * somebody changed since. All that goes goes in one transaction.
 */
import type { Plan } from '@rapport/shared/mapping/plan.ts'
import type { Sql } from '../db.ts'
import { compareStatement, literal, type RecordState } from './drift-statements.ts'
import { findLeftBehind, type LeftBehind } from './left-behind.ts'
import { readBackfills } from './mapping-phases.ts'
import { BEGINNING, keyColumns, keyOf, type Place } from './marks.ts'
import { quoted } from './table-statements.ts'
import { run, runPlanned, transact } from './transaction.ts'

export interface ContractionOptions {
  /** Drops nothing: what is left is the CRM's own from now on. */
  readonly keep: boolean
  /** Also what somebody changed since. */
  readonly discard: boolean
  readonly dry: boolean
}

export interface Contraction {
  readonly mapping: string
  readonly version: number
  readonly dryRun: boolean
  readonly dropped: { readonly tables: readonly string[]; readonly columns: LeftBehind['columns'] }
  /** Tables and columns that are nobody's but the CRM's from now on. */
  readonly kept: LeftBehind['columns']
}

/** One sentence for the operator. */
export class Refusal extends Error {}

const LOCK_MILLISECONDS = 1_000
const RECORDS_AT_ONCE = 100
/** SQLSTATEs: lock_not_available, dependent_objects_still_exist. */
const BUSY = '55P03'
const DEPENDED_ON = '2BP01'

/** Throws a `Refusal`, and then nothing was changed. */
export async function contract(sql: Sql, plan: Plan, plans: readonly Plan[], options: ContractionOptions): Promise<Contraction> {
  await refuseUnfinished(sql, plan)
  const left = await findLeftBehind(sql, plan, plans)
  if (!options.discard && !options.keep) await refuseEdited(sql, plan, left)
  const whole = await wholeTables(sql, left)
  const tables = options.keep ? [] : left.tables.map(({ name }) => name).filter((name) => whole.has(name))
  const rest = Object.entries(left.columns).filter(([name]) => !tables.includes(name))
  // A table that nobody of ours writes, but with columns of the CRM's own, is left to the CRM as it is.
  const isKept = ([name]: readonly [string, unknown]): boolean => options.keep || left.tables.some((table) => table.name === name)
  const columns = Object.fromEntries(rest.filter((one) => !isKept(one)))
  if (!options.dry) await drop(sql, plan, tables, columns)
  const { id: mapping, version } = plan.mapping
  return { mapping, version, dryRun: options.dry, dropped: { tables, columns }, kept: Object.fromEntries(rest.filter(isKept)) }
}

async function refuseUnfinished(sql: Sql, { mapping: { id, version }, type }: Plan): Promise<void> {
  const backfill = (await readBackfills(sql)).find((one) => one.mapping === id)
  if (backfill === undefined || backfill.version < version) {
    throw new Refusal(`Version ${version} of the mapping ${id} is not in force yet: start a server of this release first.`)
  }
  if (backfill.version > version) {
    throw new Refusal(`A newer version of the mapping ${id} is in force: contract with the release that has it.`)
  }
  if (!backfill.finished) {
    throw new Refusal(`The backfill of ${id} is at ${backfill.seen} of ${backfill.total} records: wait until it is finished.`)
  }
  const [waiting] = await runPlanned<{ count: number }>(sql, WAITING, [id, version])
  if ((waiting?.count ?? 0) > 0) {
    throw new Refusal(
      `${waiting?.count} records have no rows of version ${version} of ${id} yet; "faults" and "drift" say which.`,
    )
  }
  const [edits] = await runPlanned<{ count: number }>(sql, PENDING, [type.name])
  if ((edits?.count ?? 0) > 0) {
    throw new Refusal(`${edits?.count} edits of rows of the type ${type.name} wait to be absorbed: wait until they are.`)
  }
}

async function refuseEdited(sql: Sql, plan: Plan, left: LeftBehind): Promise<void> {
  if (left.main.length === 0 && left.tables.length === 0) return
  const statement = compareStatement(plan, left)
  let edited = 0
  for (let last: Place = BEGINNING, more = true; more; ) {
    const page = [plan.mapping.id, last.tenant, last.type, last.id, RECORDS_AT_ONCE]
    const found = await runPlanned<{ tenant: string; type: string; id: string }>(sql, PAGE, page)
    const [tenants, , ids] = keyColumns(found.flatMap(keyOf))
    const states = await runPlanned<RecordState>(sql, statement, [tenants, ids, plan.type.name, plan.mapping.id])
    edited += states.filter(({ left: tables }) =>
      Object.values(tables).some((drift) => drift !== null && drift.missing + drift.extra + drift.differing > 0),
    ).length
    more = found.length === RECORDS_AT_ONCE
    last = found.at(-1) ?? last
  }
  if (edited === 0) return
  throw new Refusal(
    `Of ${edited} records somebody changed what version ${plan.mapping.version} of ${plan.mapping.id} left behind, after it had left it: "drift" names them; --discard drops it all the same.`,
  )
}

/** Tables without any column but those that were written. */
async function wholeTables(sql: Sql, { tables }: LeftBehind): Promise<ReadonlySet<string>> {
  const rows = await runPlanned<{ table: string; columns: readonly string[] }>(sql, COLUMNS, [tables.map(({ name }) => name)])
  const known = new Map(tables.map((table) => [table.name, new Set(table.columns.map(({ name }) => name))]))
  return new Set(
    rows.filter(({ table, columns }) => columns.every((name) => known.get(table)?.has(name))).map(({ table }) => table),
  )
}

async function drop(sql: Sql, { mapping }: Plan, tables: readonly string[], columns: LeftBehind['columns']): Promise<void> {
  const statements = [
    ...tables.map((name) => `drop table public.${quoted(name)}`),
    ...Object.entries(columns).map(
      ([name, names]) =>
        `alter table public.${quoted(name)} ${names.map((column) => `drop column ${quoted(column)}`).join(', ')}`,
    ),
  ]
  try {
    await transact(sql, async (session) => {
      await run(session, `set local lock_timeout = ${literal(`${LOCK_MILLISECONDS}ms`)}`, [])
      for (const statement of statements) await run(session, statement, [])
      await run(session, CONTRACTED, [mapping.id, mapping.version])
    })
  } catch (error) {
    const { code } = error as { readonly code?: unknown }
    if (code === BUSY) throw new Refusal('Somebody uses one of the tables just now, and nothing was dropped: try again.')
    if (code === DEPENDED_ON)
      throw new Refusal('A view, or something else of yours, depends on what would be dropped, and nothing was dropped.')
    throw error
  }
}

const WAITING = 'select count(*) as count from rapport.projection_state where mapping = $1 and mapping_version <> $2::int'

const PENDING = `select count(*) as count from rapport.inbound_changes where type = $1 and status = 'pending'`

const PAGE = `
select tenant, type, record_id as id from rapport.projection_state
where mapping = $1 and retired is not null and (tenant, type, record_id) > ($2, $3, $4)
order by tenant, type, record_id
limit $5::int`

const COLUMNS = `
select c.relname as table, array_agg(a.attname::text) as columns
from pg_catalog.pg_class c
join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relname = any($1::text[])
group by c.relname`

const CONTRACTED = 'update rapport.mappings set contracted_at = now() where id = $1 and version < $2 and contracted_at is null'
