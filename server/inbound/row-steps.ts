/**
 * What was captured of one record, as the steps that are taken into its document. What one transaction did to a row is one step, from
 * what the row was before it to what it was after it: nobody ever saw what lay between, and a row that is deleted and inserted again, as
 * many programs do that write lists, has merely changed.
 */
import type { Plan, PlanTable, Row } from '@rapport/shared/mapping/plan.ts'
import type { RowChange } from '@rapport/shared/mapping/row-change.ts'
import type { CapturedChange } from './captured.ts'

export interface RowStep {
  /** Of the captured changes that it stands for. */
  readonly ids: readonly number[]
  /** `undefined`: nothing is left of them. */
  readonly change: RowChange | undefined
  readonly author: string
}

/** In the order in which the rows were first touched. */
export function stepsOf(plan: Plan, captured: readonly CapturedChange[]): readonly RowStep[] {
  const steps = new Map<string, { ids: number[]; change: RowChange | undefined; author: string; transaction: number }>()
  for (const { id, change, author, transaction } of captured) {
    const name = JSON.stringify([transaction, author, change.table, keyOf(plan, change)])
    const step = steps.get(name)
    if (step === undefined) steps.set(name, { ids: [id], change, author, transaction })
    else {
      step.ids.push(id)
      step.change = joined(step.change, change)
    }
  }
  // Who deletes a record often deletes its children first: that is no statement about them, and a restore brings them back.
  const deletions = new Map(
    [...steps.values()].filter(({ change }) => isDeletion(change, plan.main)).map((step) => [step.transaction, step]),
  )
  return [...steps.values()].filter((step) => {
    const deletion = deletions.get(step.transaction)
    const isPart = deletion !== undefined && deletion !== step && step.change?.operation === 'delete'
    if (isPart) deletion.ids.push(...step.ids)
    return !isPart
  })
}

function isDeletion(change: RowChange | undefined, table: PlanTable): boolean {
  return change?.operation === 'delete' && change.table === table.name
}

/** Of one row, one change behind the other. */
function joined(earlier: RowChange | undefined, later: RowChange): RowChange | undefined {
  if (earlier === undefined) return later
  const { table } = later
  const [before, after] = [earlier.before, later.after]
  if (before === undefined) return after === undefined ? undefined : { table, operation: 'insert', after }
  return after === undefined ? { table, operation: 'delete', before } : { table, operation: 'update', before, after }
}

function keyOf({ main, children }: Plan, { table, before, after }: RowChange): readonly Row[string][] {
  const row = after ?? before ?? {}
  const key = [main, ...children].find(({ name }) => name === table)?.key ?? []
  return key.map((column) => row[column] ?? null)
}
