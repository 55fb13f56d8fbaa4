/** Clocks of many clients: which of them lie in a list of ranges, however long it is. */
import type { ClockRange } from './pre-scan.ts'

/** By client, each client's in clock order and apart from each other, as an update names them. */
export type RangesByClient = ReadonlyMap<number, readonly ClockRange[]>

export function groupByClient(ranges: readonly ClockRange[]): RangesByClient {
  return Map.groupBy(ranges, ({ client }) => client)
}

/** Whether all clocks from `start` to `end`, exclusive, lie within one range. */
export function isCovered(ranges: RangesByClient, { client, start, end }: ClockRange): boolean {
  const held = ranges.get(client) ?? []
  let [low, high] = [0, held.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((held[middle]?.end ?? 0) <= start) low = middle + 1
    else high = middle
  }
  const found = held[low]
  return found !== undefined && found.start <= start && end <= found.end
}
