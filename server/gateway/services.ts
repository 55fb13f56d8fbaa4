/** What all sockets of a process share. */
import type { Clock } from '@rapport/shared/clock.ts'
import type { Limits } from '../config.ts'
import { type LimitHit, limitHits } from '../observability/limits.ts'
import type { Logger } from '../observability/logger.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { Keepalive } from './keepalive.ts'
import type { SendTurn } from './send-queue.ts'

export interface Services {
  readonly clock: Clock
  readonly log: Logger
  readonly limits: Limits
  readonly keepalive: Keepalive
  readonly turn: SendTurn
  readonly meter: Meter
}

export interface Meter {
  readonly limitHit: LimitHit
}

export function createMeter(metrics: Metrics, turn: SendTurn, sockets: () => number): Meter {
  metrics.gauge('rapport_sockets', 'Open sockets', [], (gauge) => gauge.set(sockets()))
  metrics.gauge('rapport_send_queue_bytes', 'Bytes waiting in all sockets', [], (gauge) => gauge.set(turn.bytes))
  return { limitHit: limitHits(metrics) }
}
