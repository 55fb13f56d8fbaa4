/**
 * A rate, enforced as a token bucket: short bursts pass, and over time no more than the rate does. The bucket may go into debt,
 * because a cost is sometimes known only when it has been incurred; who is in debt waits.
 */
import type { Clock } from './clock.ts'

/** Seconds of the rate that may be used up at once, and so the time in which a bucket that is not in debt is full again. */
export const BURST_SECONDS = 2

/** Charges a cost, which may be 0 to ask, and returns the milliseconds until the bucket is out of debt; 0 if it is not in debt. */
export type TokenBucket = (cost: number) => number

/** A rate of 0 means no limit. */
export function createTokenBucket(clock: Clock, perSecond: number): TokenBucket {
  if (perSecond === 0) return () => 0
  const most = perSecond * BURST_SECONDS
  let level = most
  let filledAt = clock.elapsed()
  return (cost) => {
    const now = clock.elapsed()
    level = Math.min(most, level + ((now - filledAt) / 1000) * perSecond) - cost
    filledAt = now
    return level >= 0 ? 0 : Math.ceil((-level / perSecond) * 1000)
  }
}
