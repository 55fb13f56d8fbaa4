/**
 * Changes of rows by one writer as one edit of the record's document. What it writes is found out on the very document that it is judged
 * on, step by step: each sees what those before it wrote. A column that is refused does not keep the others from being taken.
 */
import { SyncError } from '@rapport/shared/errors.ts'
import type { RecordKey } from '@rapport/shared/ids.ts'
import { inverse } from '@rapport/shared/mapping/inverse.ts'
import type { Plan, Shadow } from '@rapport/shared/mapping/plan.ts'
import type { RowEdit } from '@rapport/shared/mapping/row-edit.ts'
import type * as Y from 'yjs'
import type { Policy } from '../access/policy.ts'
import { mayWriteRecord } from '../access/record-access.ts'
import type { Absorption, Precondition } from '../access/submission.ts'
import type { Principal } from '../auth/principal.ts'
import type { AbsorbedChange } from '../log/findings.ts'
import { mayWriteAt } from './record-restoration.ts'
import { rightsIn } from './refusals.ts'
import type { RowStep } from './row-steps.ts'

export interface TakingIn {
  readonly precondition: Precondition
  readonly change: (document: Y.Doc) => void
  readonly absorbs: () => Absorption
  /** Once the edit is settled: what became of the changes. Those that still wait are left out. */
  readonly outcome: () => Outcome
}

export interface Outcome {
  readonly changes: readonly AbsorbedChange[]
  /** An entry holds them, and has settled them. */
  readonly isStored: boolean
}

export interface TakingInGround {
  readonly key: RecordKey
  readonly base: Shadow | undefined
  /** Wall time in milliseconds. */
  readonly now: number
}

/** One judging of the edit. */
interface Run {
  /** The record is there, or is begun by an earlier step. */
  exists: boolean
  readonly outcomes: AbsorbedChange[]
  readonly unseen: (readonly string[])[]
}

/** Judgings in which something was written and not stored, before the database is asked whether the changes still wait. */
const MOST_JUDGINGS = 8
const MOST_REASON = 1_000

/** Of a table that no mapping has any more. */
const UNMAPPED = 'no mapping has this table any more'

export function takingIn(plan: Plan, by: Principal, steps: readonly RowStep[], ground: TakingInGround, policy: Policy): TakingIn {
  const tables = new Set([plan.main, ...plan.children].map(({ name }) => name))
  const batch = steps.flatMap(({ change }) => change ?? [])
  let run: Run = { exists: false, outcomes: [], unseen: [] }
  let isStored = false
  let judgings = 0

  function note({ ids }: RowStep, status: AbsorbedChange['status'], reason: string | null): void {
    for (const id of ids) run.outcomes.push({ id, status, reason: reason === null ? null : reason.slice(0, MOST_REASON) })
  }

  function take(document: Y.Doc, step: RowStep): void {
    const { change } = step
    if (change === undefined) return note(step, 'absorbed', null)
    if (!tables.has(change.table)) return note(step, 'refused', UNMAPPED)
    // It waits for its record.
    if (!run.exists && change.table !== plan.main.name) return
    const may = rightsIn(by, plan.type, document, policy)
    const mayMark = mayWriteRecord(by, plan.type.name, document, policy)
    const isPermitted = ({ path }: RowEdit): boolean => (path[0] === 'meta' ? mayMark : mayWriteAt(may, path))
    const { edits, refusals } = inverse(plan, { ...ground, document, batch }, change)
    const permitted = edits.filter(isPermitted)
    const denied = new Set(edits.filter((edit) => !isPermitted(edit)).map(({ path }) => path.join('.')))
    for (const edit of permitted) {
      edit.write(document)
      if (edit.unseen) run.unseen.push(edit.path)
    }
    run.exists ||= permitted.length > 0
    const reasons = [...refusals.map(({ reason }) => reason), ...[...denied].map((path) => `${path} may not be written`)]
    if (reasons.length === 0) note(step, 'absorbed', null)
    else note(step, permitted.length > 0 ? 'partial' : 'refused', reasons.join('; '))
  }

  return {
    // Another instance may be faster, over and over; or it has settled these changes itself, and then no entry with them is admitted.
    precondition({ sequence }) {
      if (judgings >= MOST_JUDGINGS) return new SyncError('stale', 'the record moved on')
      run = { exists: sequence !== 0, outcomes: [], unseen: [] }
      isStored = false
      return undefined
    },
    change(document) {
      for (const step of steps) take(document, step)
    },
    absorbs() {
      isStored = true
      judgings += 1
      return { unseen: run.unseen, changes: run.outcomes }
    },
    outcome: () => ({ changes: run.outcomes, isStored }),
  }
}
