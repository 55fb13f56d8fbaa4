/**
 * Counts how often a limit was reached, whichever part of the process set it: an operator reads all of them in one place.
 */
import type { Metrics } from './metrics.ts'

export type LimitName =
  | 'frame'
  | 'socket_buffer'
  | 'rate'
  | 'unsettled'
  | 'loading'
  | 'presence'
  | 'claims'
  | 'record'
  | 'conflicts'
  | 'lists'
  | 'list_time'
  | 'pasts'
  | 'page'
  | 'answers'
  | 'streams'

export type LimitHit = (limit: LimitName) => void

export function limitHits(metrics: Metrics): LimitHit {
  const hits = metrics.counter('rapport_limit_hits_total', 'How often a limit was reached', ['limit'])
  return (limit) => hits.inc({ limit })
}
