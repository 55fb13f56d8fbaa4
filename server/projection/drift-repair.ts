/**
 * What is done about drift, a page of records at a time as they are found. Nothing here writes a value: records are marked, so that the
 * projector writes their rows, and only rows that belong to nobody are deleted. What somebody typed into rows unseen is left alone, unless
 * the operator says that it is to go.
 */
import type { RecordKey } from '@rapport/shared/ids.ts'
import type { Plan } from '@rapport/shared/mapping/plan.ts'
import type { Sql } from '../db.ts'
import type { Checked } from './drift.ts'
import type { DriftKind, Finding } from './drift-kinds.ts'
import type { Finder } from './drift-report.ts'
import { classifyFailure } from './failure.ts'
import { ensureState, leaveMarks } from './marks.ts'
import { type Orphan, removeOrphans } from './orphan-rows.ts'

/** What becomes of rows that were changed unseen: looked at by a person, or written as the document has them. */
export type ForeignPolicy = 'review' | 'restore'

/** `reproject`: rows are written as the document has them. `restore`: so are those that somebody changed. `remove`: rows of no record go. */
export type RepairAction = 'reproject' | 'restore' | 'remove' | 'review'

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

/** `dry`: only says what it would do. Throws what the database throws, but for rows that somebody holds: they are left for the next time. */
export function createRepair(sql: Sql, plan: Plan, policy: ForeignPolicy, dry: boolean): Repair {
  const actions: Record<RepairAction, number> = { reproject: 0, restore: 0, remove: 0, review: 0 }
  const records: PlannedRepair[] = []
  const { id: mapping } = plan.mapping

  function note(planned: PlannedRepair): void {
    actions[planned.action] += 1
    if (records.length < LISTED) records.push(planned)
  }

  return {
    async checked(page: readonly Checked[]) {
      const marked: RecordKey[] = []
      for (const { key, findings } of page) {
        const action = actionFor(findings, policy)
        if (action === undefined) continue
        note({ tenant: key.tenant, id: key.id, kinds: [...new Set(findings.map(({ kind }) => kind))], action })
        if (action !== 'review') marked.push(key)
      }
      if (dry || marked.length === 0) return
      await ensureState(sql, mapping, marked)
      await leaveMarks(sql, mapping, marked)
    },

    async orphans(page: readonly Orphan[]) {
      const removed: Orphan[] = []
      for (const orphan of page) {
        const action = orphan.erased || policy === 'restore' ? 'remove' : 'review'
        note({ tenant: orphan.tenant, id: orphan.id, kinds: ['extra'], action })
        if (action === 'remove') removed.push(orphan)
      }
      if (dry || removed.length === 0) return
      try {
        await removeOrphans(sql, plan, removed)
      } catch (error) {
        if (classifyFailure(error) !== 'busy') throw error
      }
    },

    summary() {
      const omitted = Object.values(actions).reduce((sum, count) => sum + count, 0) - records.length
      return { mapping, actions, records, omitted }
    },
  }
}

/** `undefined`: it is in step, or its mark brings it there. */
function actionFor(findings: readonly Finding[], policy: ForeignPolicy): RepairAction | undefined {
  const has = (...kinds: readonly DriftKind[]): boolean =>
    findings.some(({ kind, left }) => left !== true && kinds.includes(kind))
  if (has('faulty')) return 'review'
  // Whatever writes the other rows of the record writes these, too.
  if (has('foreign', 'extra')) return policy === 'restore' ? 'restore' : 'review'
  if (has('stale', 'missing', 'outdated') || findings.some(({ unmarked }) => unmarked)) return 'reproject'
  return findings.some(({ left }) => left) ? 'review' : undefined
}
