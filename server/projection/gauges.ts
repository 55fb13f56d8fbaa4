/**
 * What operators see of the projection: how far behind it is, and what it cannot write. Looked up apart from the projector's own loop,
 * so that the lag goes on growing while that is stuck.
 */
import type { Clock, Timer } from '@rapport/shared/clock.ts'
import type { Sql } from '../db.ts'
import type { Logger } from '../observability/logger.ts'
import type { Metrics } from '../observability/metrics.ts'
import { runPlanned } from './transaction.ts'

export interface Gauges {
  start(): void
  stop(): void
}

/** Milliseconds between looks; a look at very many marks takes its time, and is then rarer, to stay below this part of it. */
const EVERY = 1_000
const SHARE = 20

interface Seen {
  /** Wall time in milliseconds of the oldest mark. */
  readonly oldest: number | null
  readonly faults: Readonly<Record<string, number>> | null
}

/** `types`: those that some mapping projects. */
export function createGauges(sql: Sql, clock: Clock, logger: Logger, metrics: Metrics, types: readonly string[]): Gauges {
  let oldest: number | null = null
  let timer: Timer | undefined
  let stopped = false
  metrics.gauge(
    'rapport_projection_lag_seconds',
    'Age of the oldest edit that waits to be projected; records that cannot be written are counted in rapport_projection_faults instead',
    [],
    (gauge) => gauge.set(oldest === null ? 0 : Math.max(0, clock.now() - oldest) / 1000),
  )
  const faults = metrics.gauge('rapport_projection_faults', 'Records that cannot be projected', ['type'])

  async function look(): Promise<void> {
    const start = clock.elapsed()
    try {
      const [seen] = await runPlanned<Seen>(sql, SEEN, [types])
      oldest = seen?.oldest ?? null
      for (const type of types) faults.set({ type }, seen?.faults?.[type] ?? 0)
    } catch (error) {
      logger.debug({ err: error }, 'the projection was not measured')
    }
    if (!stopped) timer = clock.after(Math.max(EVERY, (clock.elapsed() - start) * SHARE), look)
  }

  return {
    start: () => void look(),
    stop() {
      stopped = true
      timer?.cancel()
    },
  }
}

const SEEN = `
select
  (select round(extract(epoch from min(at)) * 1000)::float8 from rapport.projection_marks where type = any($1::text[])) as oldest,
  (
    select jsonb_object_agg(type, count)
    from (select type, count(*) from rapport.projection_state where fault is not null group by type) as counted
  ) as faults`
