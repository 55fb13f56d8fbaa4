/** The few statistics that the tables need. */
import type { Percentiles } from './messages.ts'

/** Nearest-rank percentiles; `undefined` without samples. */
export function percentiles(samples: readonly number[]): Percentiles | undefined {
  const sorted = Float64Array.from(samples).sort()
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
  return sorted.length === 0 ? undefined : { p50: at(0.5), p99: at(0.99), samples: sorted.length }
}

/** The middle value, or the mean of the two in the middle; `undefined` without values. */
export function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((one, other) => one - other)
  const upper = sorted[Math.floor(sorted.length / 2)]
  const lower = sorted[Math.floor((sorted.length - 1) / 2)]
  return upper === undefined || lower === undefined ? undefined : (upper + lower) / 2
}
