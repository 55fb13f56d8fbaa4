/**
 * What is done about drift, a page of records at a time as they are found. Nothing here writes a value: records are marked, so that the
 * projector writes their rows, and only rows that belong to nobody are deleted. What somebody typed into rows unseen becomes an edit of the
 * record, unless the operator gives it up or wants to look first.
 */
import type { RecordKey } from '@rapport/shared/ids.ts'
import type { Plan } from '@rapport/shared/mapping/plan.ts'
import type { Sql } from '../db.ts'
import type { Checked } from './drift.ts'
import type { DriftKind, Finding } from './drift-kinds.ts'
import type { Finder } from './drift-report.ts'
import { classifyFailure } from './failure.ts'
import { ensureState, keyOf, leaveMarks } from './marks.ts'
import { type Orphan, removeOrphans } from './orphan-rows.ts'

/** What becomes of rows that were changed unseen: taken for edits of their records, written as the document has them, or looked at by a person. */
export type ForeignPolicy = 'absorb' | 'restore' | 'review'

/**
 * `reproject`: rows are written as the document has them. `absorb`: what was changed unseen becomes an edit, then the same. `restore`: it is
 * given up. `remove`: rows of no record go.
 */
export type RepairAction = 'reproject' | 'absorb' | 'restore' | 'remove' | 'review'

/** Takes what was changed unseen for what it was. */
export interface Unseen {
  ofRecords(records: readonly Named[]): Promise<void>
  ofNobody(records: readonly Named[]): Promise<void>
}

type Named = Pick<RecordKey, 'tenant' | 'id'>

export interface PlannedRepair {
  readonly tenant: string
  readonly id: string
  readonly kinds: readonly DriftKind[]
  readonly action: RepairAction
}

export interface RepairSummary {
  readonly mapping: string
  /** Records, by what is done about them. */
  readonly actions: Readonly<Record<RepairAction, number>>
  readonly records: readonly PlannedRepair[]
  /** How many more there are than `records` names. */
  readonly omitted: number
}

export interface Repair extends Finder {
  summary(): RepairSummary
}

/** Records that are named one by one. */
const LISTED = 1_000

export interface RepairOptions {
  readonly policy: ForeignPolicy
  /** Only say what would be done. */
  readonly dry: boolean
}

/** Throws what the database throws, but for rows that somebody holds: they are left for the next time. */
export function createRepair(sql: Sql, plan: Plan, unseen: Unseen, { policy, dry }: RepairOptions): Repair {
  const actions: Record<RepairAction, number> = { reproject: 0, absorb: 0, restore: 0, remove: 0, review: 0 }
  const records: PlannedRepair[] = []
  const { id: mapping } = plan.mapping

  function note(planned: PlannedRepair): void {
    actions[planned.action] += 1
    if (records.length < LISTED) records.push(planned)
  }

  return {
    async checked(page: readonly Checked[]) {
      const marked: RecordKey[] = []
      const absorbed: RecordKey[] = []
      for (const { key, findings } of page) {
        const action = actionFor(findings, policy)
        if (action === undefined) continue
        note({ tenant: key.tenant, id: key.id, kinds: [...new Set(findings.map(({ kind }) => kind))], action })
        if (action !== 'review') marked.push(key)
        if (action === 'absorb') absorbed.push(key)
      }
      if (dry || marked.length === 0) return
      if (absorbed.length > 0) await unlessBusy(() => unseen.ofRecords(absorbed))
      await ensureState(sql, mapping, marked)
      await leaveMarks(sql, mapping, marked)
    },

    async orphans(page: readonly Orphan[]) {
      const byAction = Map.groupBy(page, (orphan) => orphanAction(orphan, plan, policy))
      for (const [action, orphans] of byAction) {
        for (const { tenant, id } of orphans) note({ tenant, id, kinds: ['extra'], action })
      }
      if (dry) return
      const [removed, absorbed] = [byAction.get('remove'), byAction.get('absorb')?.flatMap(keyOfOrphan)]
      if (removed) await unlessBusy(() => removeOrphans(sql, plan, removed))
      if (absorbed) await unlessBusy(() => unseen.ofNobody(absorbed))
    },

    summary() {
      const omitted = Object.values(actions).reduce((sum, count) => sum + count, 0) - records.length
      return { mapping, actions, records, omitted }
    },
  }
}

/** A child is taken in with the main row of its record, and only what can be the name of a record becomes one. */
function orphanAction(orphan: Orphan, plan: Plan, policy: ForeignPolicy): RepairAction {
  if (orphan.erased || policy === 'restore') return 'remove'
  return policy === 'absorb' && orphan.table === plan.main.name && keyOfOrphan(orphan).length > 0 ? 'absorb' : 'review'
}

function keyOfOrphan({ tenant, id }: Orphan): RecordKey[] {
  return keyOf({ tenant, type: '', id })
}

async function unlessBusy(body: () => Promise<void>): Promise<void> {
  try {
    await body()
  } catch (error) {
    if (classifyFailure(error) !== 'busy') throw error
  }
}

/** `undefined`: it is in step, or its mark brings it there. */
function actionFor(findings: readonly Finding[], policy: ForeignPolicy): RepairAction | undefined {
  const has = (...kinds: readonly DriftKind[]): boolean =>
    findings.some(({ kind, left }) => left !== true && kinds.includes(kind))
  if (has('faulty')) return 'review'
  // Whatever writes the other rows of the record writes these, too.
  if (has('foreign', 'extra')) return policy
  if (has('stale', 'missing', 'outdated') || findings.some(({ unmarked }) => unmarked)) return 'reproject'
  return findings.some(({ left }) => left) ? 'review' : undefined
}
