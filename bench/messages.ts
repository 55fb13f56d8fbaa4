/** What the runner and the driver process tell each other. */
import type { Scenario } from './scenarios.ts'

export interface Job {
  readonly type: 'job'
  readonly scenario: Scenario
  /** Base address, `ws://HOST:PORT`. */
  readonly address: string
  readonly token: string
  /** The server keeps documents: it answers a client that joins, acknowledges on request, and can be asked at the end. */
  readonly keepsDocuments: boolean
}

export interface Percentiles {
  readonly p50: number
  readonly p99: number
  readonly samples: number
}

export interface DriverResult {
  readonly type: 'result'
  readonly deliveries: number
  readonly seconds: number
  /** Milliseconds from sending to the neighbour's receipt, and to the durable acknowledgement where there is one. */
  readonly latency: Percentiles
  readonly acknowledgement: Percentiles | undefined
  /** Receivers whose final content was compared, a fresh reader per record included. */
  readonly replicasCompared: number
  /** One sentence each; empty if every delivery was right. */
  readonly faults: readonly string[]
}

/** The driver stops at `begin` and `end` until the runner, having read its meters, answers `go`. */
export type DriverMessage = { readonly type: 'begin' } | { readonly type: 'end' } | DriverResult
export type RunnerMessage = Job | { readonly type: 'go' }
