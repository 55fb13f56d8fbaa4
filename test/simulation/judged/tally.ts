/** What happened in runs: one in which nothing happens proves nothing. */
import type { Losses } from './checks.ts'

export interface Tally extends Losses {
  entries: number
  writes: number
  refusedWrites: number
  /** Writes that somebody sent as one, after an earlier one of his that was never sent alone. */
  chained: number
  clears: number
  /** Deletions of what the server had written. */
  staleClears: number
  compensations: number
  gaps: number
  /** Parts of messages that were judged by themselves. */
  pieces: number
  outruns: number
  crashes: number
  compactions: number
  serverEdits: number
  putBack: number
  settledRows: number
  openRows: number
  replacedRows: number
  withdrawnRows: number
  lowestId: number
  highestId: number
}

export function emptyTally(): Tally {
  return {
    ...{
      lostClears: 0,
      clearedRows: 0,
      renamedRows: 0,
      lostAdds: 0,
      twins: 0,
      entries: 0,
      writes: 0,
      refusedWrites: 0,
      chained: 0,
      clears: 0,
    },
    ...{
      staleClears: 0,
      compensations: 0,
      gaps: 0,
      pieces: 0,
      outruns: 0,
      crashes: 0,
      compactions: 0,
      serverEdits: 0,
      putBack: 0,
    },
    ...{ settledRows: 0, openRows: 0, replacedRows: 0, withdrawnRows: 0, lowestId: 0, highestId: 0 },
  }
}

export function addTally(sum: Tally, tally: Tally): void {
  for (const name of Object.keys(sum) as (keyof Tally)[]) sum[name] += tally[name]
}
