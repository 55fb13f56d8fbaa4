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
  const found = held[placeOf(held, ({ end: until }) => until <= start)]
  return found !== undefined && found.start <= start && end <= found.end
}

/** The last of the clocks from `start` to `end`, exclusive, that lies within a range. */
export function lastCovered(ranges: RangesByClient, { client, start, end }: ClockRange): number | undefined {
  const held = ranges.get(client) ?? []
  const found = held[placeOf(held, (range) => range.start < end) - 1]
  return found !== undefined && found.end > start ? Math.min(found.end, end) - 1 : undefined
}

/** Index of the first range that does not lie before what is looked for. */
function placeOf(ranges: readonly ClockRange[], liesBefore: (range: ClockRange) => boolean): number {
  let [low, high] = [0, ranges.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    const range = ranges[middle]
    if (range !== undefined && liesBefore(range)) low = middle + 1
    else high = middle
  }
  return low
}
