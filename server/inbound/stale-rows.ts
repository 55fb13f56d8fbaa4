/**
 * Rows that are written as a whole by whoever read them a while ago. Such a statement writes the row's `sequence` back as it was then,
 * and that says what its writer had seen: the record as of that entry. What he did not change since is no statement of his, whatever
 * the row shows by now, and so reverts nobody.
 */
import { SyncError } from '@rapport/shared/errors.ts'
import type { RecordKey } from '@rapport/shared/ids.ts'
import { forward } from '@rapport/shared/mapping/forward.ts'
import type { Plan, Row } from '@rapport/shared/mapping/plan.ts'
import type { RowChange } from '@rapport/shared/mapping/row-change.ts'
import { type PastNeeds, readPast } from '../log/past.ts'
import { sequenceColumn } from '../projection/table-statements.ts'

/**
 * The change as its writer meant it. Where history does not reach back that far, or the row tells of no entry that there is, it is taken as it
 * was captured. Rejects as `readPast` does, but for that.
 */
export async function asMeant(needs: PastNeeds, plan: Plan, key: RecordKey, change: RowChange): Promise<RowChange> {
  const column = sequenceColumn(plan)
  const { before, after } = change
  if (column === undefined || change.table !== plan.main.name || before === undefined || after === undefined) return change
  const sequence = Number(after[column] ?? 0)
  if (sequence === Number(before[column] ?? 0) || !Number.isSafeInteger(sequence) || sequence < 1) return change
  const row = await rowAt(needs, plan, key, sequence)
  return row === undefined ? change : { ...change, before: { ...before, ...row, [column]: after[column] ?? null } }
}

async function rowAt(needs: PastNeeds, plan: Plan, key: RecordKey, sequence: number): Promise<Row | undefined> {
  try {
    const { document } = await readPast(needs, key, sequence)
    try {
      return forward(plan, { key, sequence, document }).main
    } finally {
      document.destroy()
    }
  } catch (error) {
    if (error instanceof SyncError && error.code === 'not_found') return undefined
    throw error
  }
}
