/**
 * Whether the rows of a mapping are what the documents say, by kinds of difference. Walks records in the order of their keys and the tables in
 * the order of theirs, in short steps with nothing kept between them, locks nothing, and judges each record by one instant of the database:
 * edits that go on meanwhile show as lag and as nothing else.
 */
import { SyncError } from '@rapport/shared/errors.ts'
import type { RecordKey } from '@rapport/shared/ids.ts'
import { forward } from '@rapport/shared/mapping/forward.ts'
import type { Plan, Shadow } from '@rapport/shared/mapping/plan.ts'
import { shadowOf } from '@rapport/shared/mapping/shadow.ts'
import type { Sql } from '../db.ts'
import { type PastNeeds, readPast } from '../log/past.ts'
import { type Finding, findingsOf } from './drift-kinds.ts'
import { compareStatement, type RecordState } from './drift-statements.ts'
import { changedNames } from './events.ts'
import { findLeftBehind } from './left-behind.ts'
import { keyColumns, keyOf } from './marks.ts'
import { runPlanned } from './transaction.ts'

export interface DriftDeps extends PastNeeds {
  readonly sql: Sql
  readonly recordsAtOnce: number
}

/** A record that was looked at; in step with its document if there are no findings. */
export interface Checked {
  readonly key: RecordKey
  readonly findings: readonly Finding[]
}

/** Every record of the mapping's type, some at a time, in the order of their keys. Throws only when the database is lost. */
export async function* checkRecords(deps: DriftDeps, plan: Plan, plans: readonly Plan[]): AsyncGenerator<readonly Checked[]> {
  const { sql, recordsAtOnce } = deps
  const statement = compareStatement(plan, await findLeftBehind(sql, plan, plans))
  for (let last: RecordKey | undefined, more = true; more; ) {
    const page = [plan.type.name, last?.tenant ?? '', last?.id ?? '', recordsAtOnce]
    const found = await runPlanned<{ tenant: string; type: string; id: string }>(sql, PAGE, page)
    const keys = found.flatMap(keyOf)
    more = found.length === recordsAtOnce
    last = keys.at(-1)
    if (keys.length > 0) yield await checkPage(deps, plan, statement, keys)
  }
}

async function checkPage(
  deps: DriftDeps,
  plan: Plan,
  statement: string,
  keys: readonly RecordKey[],
): Promise<readonly Checked[]> {
  const [tenants, , ids] = keyColumns(keys)
  const states = await runPlanned<RecordState>(deps.sql, statement, [tenants, ids, plan.type.name, plan.mapping.id])
  const checked: Checked[] = []
  for (const state of states) {
    const key = keys[state.place - 1]
    if (key === undefined) continue
    const stale = await staleNames(deps, plan, key, state)
    // Erased since: its rows went with it.
    if (stale !== 'gone') checked.push({ key, findings: findingsOf(plan, state, stale) })
  }
  return checked
}

/** What in the shadow is not what the document said at its sequence; nothing where that cannot be told. */
async function staleNames(
  deps: DriftDeps,
  plan: Plan,
  key: RecordKey,
  { base, sequence, version }: RecordState,
): Promise<readonly string[] | 'gone'> {
  if (base === null || version !== plan.mapping.version) return []
  try {
    const { document } = await readPast(deps, key, sequence)
    try {
      const wanted = shadowOf(forward(plan, { key, sequence, document }))
      return changedNames(plan, base as Shadow, JSON.parse(JSON.stringify(wanted)) as Shadow)
    } finally {
      document.destroy()
    }
  } catch (error) {
    if (!(error instanceof SyncError)) throw error
    if (error.code === 'gone') return 'gone'
    // A log that cannot be read back is told as the record's fault, by the projector.
    if (error.code === 'not_found' || error.code === 'out_of_service') return []
    throw error
  }
}

const PAGE = `
select tenant, type, id from rapport.records
where type = $1 and not erased and (tenant, type, id) > ($2, $1, $3)
order by tenant, type, id
limit $4::int`
