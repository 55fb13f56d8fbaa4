/**
 * Takes what waits of one record into its document, through the record's room, so that it is judged, committed, shown and projected
 * like everybody's edits (P7). One edit for each writer, in captured order; what the edit settles is settled by its entry's own commit, so
 * that a process that dies at any instant has done all of it or nothing. What cannot be taken is refused with a reason for people.
 */
import type { Clock } from '@rapport/shared/clock.ts'
import { type SyncError, toSyncError } from '@rapport/shared/errors.ts'
import type { Plan } from '@rapport/shared/mapping/plan.ts'
import { type Policy, shippedPolicy } from '../access/policy.ts'
import { rowWriter } from '../auth/principal.ts'
import { isSubject } from '../auth/tokens.ts'
import type { Room } from '../document/handle.ts'
import type { Registry } from '../document/registry.ts'
import type { UpdateLog } from '../log/update-log.ts'
import type { Waiting } from './captured.ts'
import { type RowStep, stepsOf } from './row-steps.ts'
import { asMeant } from './stale-rows.ts'
import { type Outcome, takingIn } from './taking-in.ts'

export interface AbsorptionNeeds {
  readonly registry: Pick<Registry, 'acquire' | 'release'>
  readonly log: Pick<UpdateLog, 'load' | 'readAfter'>
  readonly clock: Clock
  /** The one that ships, unless said otherwise. */
  readonly policy?: Policy
}

export interface Absorbed {
  /** What became of them; what no entry holds is the caller's to settle. */
  readonly outcomes: readonly Outcome[]
  /** Why some of them still wait, and are to be tried again; the rest of the record waits behind them. */
  readonly failure: SyncError | undefined
}

/** Never rejects. */
export async function absorb(needs: AbsorptionNeeds, plan: Plan, waiting: Waiting): Promise<Absorbed> {
  const { key, changes } = waiting
  const outcomes: Outcome[] = []
  let room: Room | undefined
  try {
    const steps = stepsOf(plan, changes)
    room = await needs.registry.acquire(key)
    for (const run of runsOf(steps)) outcomes.push(...(await absorbRun(needs, plan, waiting, room, run)))
    return { outcomes, failure: undefined }
  } catch (thrown) {
    const failure = toSyncError(thrown)
    // Of an erased record nothing is ever taken.
    if (failure.code !== 'gone') return { outcomes, failure }
    return {
      outcomes: [
        refusing(
          changes.map(({ id }) => id),
          failure,
        ),
      ],
      failure: undefined,
    }
  } finally {
    if (room !== undefined) needs.registry.release(room)
  }
}

/** Steps of one writer, one behind the other. Rejects if it is worth trying again, and if the record was erased. */
async function absorbRun(
  needs: AbsorptionNeeds,
  plan: Plan,
  { key, base }: Waiting,
  room: Room,
  steps: readonly RowStep[],
): Promise<readonly Outcome[]> {
  const sub = steps[0]?.author ?? ''
  const ids = steps.flatMap((step) => step.ids)
  if (!isSubject(sub)) return [refusing(ids, 'the author is not the subject of a user')]
  const meant: RowStep[] = []
  for (const step of steps) meant.push({ ...step, change: step.change && (await asMeant(needs, plan, key, step.change)) })
  const ground = { key, base, now: needs.clock.now() }
  const by = rowWriter(key.tenant, sub)
  const { precondition, change, absorbs, outcome } = takingIn(plan, by, meant, ground, needs.policy ?? shippedPolicy)
  try {
    const frees = steps.every((step) => step.change === undefined || step.change.operation === 'delete')
    await room.edit(by, change, precondition, { bytes: sizeOf(meant), frees, via: 'sql', absorbs })
    return [outcome()]
  } catch (thrown) {
    const error = toSyncError(thrown)
    if (isTransient(error) || error.code === 'gone') throw error
    // What is too much together may be little enough one by one, and of several only one may be at fault.
    if (steps.length === 1) return [refusing(ids, error)]
    const each: Outcome[] = []
    for (const step of steps) each.push(...(await absorbRun(needs, plan, { key, base, changes: [] }, room, [step])))
    return each
  }
}

/** An edit that failed by itself failed on what was read anew, and would again. */
function isTransient({ code, retry }: SyncError): boolean {
  return code === 'stale' || (retry && code !== 'internal')
}

function reasonOf({ code }: SyncError): string {
  switch (code) {
    case 'gone':
      return 'the record was erased'
    case 'forbidden':
      return 'the author may not write in this record'
    case 'too_large':
      return 'the record would exceed its size limit'
    default:
      return 'the change cannot be taken into the record'
  }
}

function refusing(ids: readonly number[], why: SyncError | string): Outcome {
  const reason = typeof why === 'string' ? why : reasonOf(why)
  return { changes: ids.map((id) => ({ id, status: 'refused', reason })), isStored: false }
}

function runsOf(steps: readonly RowStep[]): readonly (readonly RowStep[])[] {
  const runs: RowStep[][] = []
  for (const step of steps) {
    const last = runs.at(-1)
    if (last?.[0]?.author === step.author) last.push(step)
    else runs.push([step])
  }
  return runs
}

/** What the edit holds in memory while it waits, roughly. */
function sizeOf(steps: readonly RowStep[]): number {
  return JSON.stringify(steps.map(({ change }) => change)).length
}
