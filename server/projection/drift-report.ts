/** What `drift` found, for people and for scripts: per mapping and kind how many, since when, and some of them by name. No value is in it. */
import type { Clock } from '@rapport/shared/clock.ts'
import type { Plan } from '@rapport/shared/mapping/plan.ts'
import type { Sql } from '../db.ts'
import { type Checked, checkRecords, type DriftDeps } from './drift.ts'
import { DRIFT_KINDS, type DriftKind, type Finding } from './drift-kinds.ts'
import { rfc3339 } from './marks.ts'
import { findOrphans, type Orphan } from './orphan-rows.ts'
import { runPlanned } from './transaction.ts'

export interface Sample {
  readonly tenant: string
  readonly id: string
  /** Tables, with the columns that differ. */
  readonly tables?: Finding['tables']
  /** Of an edit that was refused, whole or in part. */
  readonly reason?: string | null
}

export interface KindReport {
  /** Records; of `irreversible` edits of rows. One that belongs to nobody counts in each table that has rows of it. */
  readonly count: number
  /** Seconds; null where nothing says how long. */
  readonly oldestSeconds: number | null
  readonly samples: readonly Sample[]
}

export interface MappingReport {
  readonly mapping: string
  readonly type: string
  readonly version: number
  /** That were looked at. */
  readonly records: number
  readonly drift: Readonly<Record<DriftKind, KindReport>>
}

/** Told of what was found as it is found, a page at a time. */
export interface Finder {
  checked(page: readonly Checked[]): Promise<void>
  orphans(page: readonly Orphan[]): Promise<void>
}

const SAMPLES = 10

/** `finder`: what else is to be done with what is found. */
export async function reportDrift(
  deps: DriftDeps & { readonly clock: Clock },
  plan: Plan,
  plans: readonly Plan[],
  finder?: Finder,
): Promise<MappingReport> {
  const { sql, clock } = deps
  const tally = createTally(clock)
  let records = 0
  for await (const page of checkRecords(deps, plan, plans)) {
    records += page.length
    for (const { key, findings } of page) {
      const { tenant, id } = key
      const kinds = Map.groupBy(findings, ({ kind }) => kind)
      for (const [kind, [first, ...rest]] of kinds) {
        const tables = Object.fromEntries([first, ...rest].flatMap((finding) => Object.entries(finding?.tables ?? {})))
        tally.add(kind, first?.since ?? null, { tenant, id, ...(first?.tables && { tables }) })
      }
    }
    await finder?.checked(page)
  }
  for await (const page of findOrphans(sql, plan)) {
    for (const { table, tenant, id } of page) tally.add('extra', null, { tenant, id, tables: { [table]: [] } })
    await finder?.orphans(page)
  }
  const irreversible = await irreversibleEdits(sql, plan, clock)
  const { id, version } = plan.mapping
  return { mapping: id, type: plan.type.name, version, records, drift: { ...tally.report(), irreversible } }
}

/** Rows are what documents say. Edits that were refused are history: their rows were put right, and only people can do more. */
export function isClean(reports: readonly MappingReport[]): boolean {
  return reports.every(({ drift }) => DRIFT_KINDS.every((kind) => kind === 'irreversible' || drift[kind].count === 0))
}

function createTally(clock: Clock) {
  const kinds = new Map(DRIFT_KINDS.map((kind) => [kind, { count: 0, oldest: null as string | null, samples: [] as Sample[] }]))
  return {
    add(kind: DriftKind, since: string | null, sample: Sample): void {
      const one = kinds.get(kind)
      if (one === undefined) return
      one.count += 1
      if (since !== null && (one.oldest === null || since < one.oldest)) one.oldest = since
      if (one.samples.length < SAMPLES) one.samples.push(sample)
    },
    report(): Record<DriftKind, KindReport> {
      const entries = [...kinds].map(([kind, { oldest, ...rest }]) => [kind, { ...rest, oldestSeconds: ageOf(oldest, clock) }])
      return Object.fromEntries(entries) as Record<DriftKind, KindReport>
    },
  }
}

function ageOf(since: string | null, clock: Clock): number | null {
  return since === null ? null : Math.max(0, Math.round((clock.now() - Date.parse(since)) / 1000))
}

async function irreversibleEdits(sql: Sql, plan: Plan, clock: Clock): Promise<KindReport> {
  const tables = [plan.main, ...plan.children].map(({ name }) => name)
  const [total] = await runPlanned<{ count: number; oldest: string | null }>(sql, IRREVERSIBLE, [plan.type.name, tables])
  const rows = await runPlanned<{ tenant: string; id: string; table: string; reason: string | null }>(sql, NEWEST, [
    plan.type.name,
    tables,
    SAMPLES,
  ])
  return {
    count: total?.count ?? 0,
    oldestSeconds: ageOf(total?.oldest ?? null, clock),
    samples: rows.map(({ table, reason, ...key }) => ({ ...key, tables: { [table]: [] }, reason })),
  }
}

const SETTLED = `from rapport.inbound_changes where status in ('partial', 'refused') and type = $1 and table_name = any($2::text[])`

const IRREVERSIBLE = `select count(*) as count, ${rfc3339('min(at)')} as oldest ${SETTLED}`

const NEWEST = `select tenant, record_id as id, table_name as table, reason ${SETTLED} order by settled_at desc limit $3::int`
