/**
 * Lets requests look at records as they were. Each look replays a log into a document of its own, so only a few are under way at
 * once; the document leaves with the look.
 */
import type { Clock } from '@rapport/shared/clock.ts'
import type { RecordKey } from '@rapport/shared/ids.ts'
import type { Moments } from '../log/moments.ts'
import { type PastRecord, readPast } from '../log/past.ts'
import { reaching } from '../log/reaching.ts'
import type { UpdateLog } from '../log/update-log.ts'
import type { LimitHit } from '../observability/limits.ts'
import { createGate } from './gate.ts'
import type { Moment } from './moment.ts'

/** Looks under way at once, each with a record in hand; those that may wait, and for how many milliseconds. */
const PASTS = 4
const WAITING_PASTS = 32
const PAST_PATIENCE_MS = 5_000

export interface PastNeeds {
  readonly clock: Clock
  readonly updateLog: Pick<UpdateLog, 'load' | 'readAfter'>
  readonly moments: Moments
  readonly limitHit: LimitHit
}

/**
 * Resolves with what `look` makes of the record as it was. Rejects as `readPast` does, and with `overload` while too many look
 * already. The record must not be kept.
 */
export type PastStates = <T>(key: RecordKey, moment: Moment, look: (past: PastRecord) => T | Promise<T>) => Promise<T>

export function createPastStates({ clock, updateLog, moments, limitHit }: PastNeeds): PastStates {
  const gate = createGate({
    clock,
    places: PASTS,
    line: WAITING_PASTS,
    patience: PAST_PATIENCE_MS,
    onTurnedAway: () => limitHit('pasts'),
  })
  return (key, moment, look) =>
    gate(async () => {
      const sequence = 'sequence' in moment ? moment.sequence : await reaching(moments.sequenceAt(key, moment.time))
      const past = await readPast({ log: updateLog, clock }, key, sequence)
      try {
        return await look(past)
      } finally {
        past.document.destroy()
      }
    })
}
