/**
 * What operators see of the feed: how far it is, how far behind, and which webhooks stand still. Looked up apart from the relay's own
 * loop, so that the lag goes on growing while that is stuck.
 */
import type { Clock, Timer } from '@rapport/shared/clock.ts'
import type { Sql } from '../db.ts'
import type { Logger } from '../observability/logger.ts'
import type { Metrics } from '../observability/metrics.ts'
import { WEBHOOK_STATES } from './webhook.ts'

export interface FeedGauges {
  start(): void
  stop(): void
}

interface Seen {
  readonly positions: number
  /** Wall time in milliseconds of the oldest event without a position. */
  readonly oldest: number | null
  readonly states: Readonly<Record<string, number>> | null
}

/** Milliseconds between looks; one that takes its time is rarer, to stay below this part of it. */
const EVERY = 1_000
const SHARE = 20

export function createFeedGauges(sql: Sql, clock: Clock, logger: Logger, metrics: Metrics): FeedGauges {
  let oldest: number | null = null
  let timer: Timer | undefined
  let stopped = false
  const positions = metrics.gauge('rapport_feed_position', 'Events given a position so far, of all tenants together')
  const webhooks = metrics.gauge('rapport_webhooks', 'Webhooks by state', ['state'])
  metrics.gauge('rapport_feed_lag_seconds', 'Age of the oldest event that waits for its position', [], (gauge) =>
    gauge.set(oldest === null ? 0 : Math.max(0, clock.now() - oldest) / 1000),
  )

  async function look(): Promise<void> {
    const start = clock.elapsed()
    try {
      const [seen] = await sql.unsafe<Seen[]>(SEEN)
      oldest = seen?.oldest ?? null
      positions.set(seen?.positions ?? 0)
      for (const state of WEBHOOK_STATES) webhooks.set({ state }, seen?.states?.[state] ?? 0)
    } catch (error) {
      logger.debug({ err: error }, 'the feed was not measured')
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
  (select coalesce(sum(position), 0)::float8 from rapport.feed_heads) as positions,
  (
    select round(extract(epoch from at) * 1000)::float8 from rapport.outbox where position is null order by serial limit 1
  ) as oldest,
  (
    select jsonb_object_agg(state, count) from (select state, count(*) from rapport.webhooks group by state) as counted
  ) as states`
