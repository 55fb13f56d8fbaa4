/** What the runner and the driver process of the lag scenario tell each other. */
import type { Percentiles } from '../messages.ts'

export interface LagJob {
  /** Base address, `ws://HOST:PORT`. */
  readonly address: string
  readonly token: string
  readonly databaseUrl: string
  readonly records: number
  /** Of sockets, over all records, and of SQL, a row each. */
  readonly editsPerSecond: number
  readonly updatesPerSecond: number
  /** Before the clock runs, and while it does. */
  readonly warmUpSeconds: number
  readonly seconds: number
}

export interface LagResult {
  /**
   * Milliseconds from the moment an entry was judged, right before its commit, to the moment its rows were written, right before theirs: the
   * server's own stamps, of every entry in the measured part.
   */
  readonly lag: Percentiles
  /** Milliseconds from sending an UPDATE to its value on a socket, and to the statement's own answer. */
  readonly toSocket: Percentiles | undefined
  readonly statement: Percentiles | undefined
  /** Entries whose rows were written in the measured part, a second. */
  readonly projectedPerSecond: number
  /** One sentence each; empty if nothing was lost. */
  readonly faults: readonly string[]
}

/** The driver stops at `begin` and `end` until the runner, having read its meters, answers `go`. */
export type LagMessage =
  | { readonly type: 'begin' }
  | { readonly type: 'end' }
  | { readonly type: 'result'; readonly result: LagResult }
