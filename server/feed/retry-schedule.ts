/** When a delivery that failed is tried again: soon at first, in case it was a hiccup, then ever more rarely. */
import type { Clock } from '@rapport/shared/clock.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
/** Milliseconds behind each failure; behind one more nothing is tried any more. Four days altogether. */
const PAUSES = [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR]
/** So that those who failed together do not come back together. */
const JITTER = 0.2

/** Milliseconds from the n-th failure in a row to the next attempt, `undefined` if there is none. */
export function pauseBehind(failures: number, clock: Pick<Clock, 'random32'>): number | undefined {
  const pause = PAUSES[failures - 1]
  return pause === undefined ? undefined : Math.round(pause * (1 + (JITTER * clock.random32()) / 2 ** 32))
}
