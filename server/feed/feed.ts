/**
 * The change feed of one process, put together: from the outbox to whoever asks, follows, or is sent events. Projection and feed meet in
 * the outbox alone; a call to `wake` only makes it faster.
 */
import type { Clock } from '@rapport/shared/clock.ts'
import type { Sql } from '../db.ts'
import type { Logger } from '../observability/logger.ts'
import type { Metrics } from '../observability/metrics.ts'
import { type AddressRange, createAddressGuard } from './addresses.ts'
import { createCourier } from './courier.ts'
import { createFeedGauges } from './gauges.ts'
import { createGuardedPost } from './guarded-post.ts'
import { createFeedNews, type FeedNews } from './news.ts'
import { createFeedReader, type FeedReader } from './reader.ts'
import { createRelay } from './relay.ts'
import { createRetention } from './retention.ts'
import { createWebhookSink } from './webhook-sink.ts'

export interface Feed {
  readonly reader: FeedReader
  readonly news: Pick<FeedNews, 'follow'>
  start(): void
  /** Events may have been committed. */
  wake(): void
  stop(): Promise<void>
}

export interface FeedDeps {
  readonly sql: Sql
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly retentionDays: number
  /** Addresses that webhooks may have although they are not public. */
  readonly webhookAllow: readonly AddressRange[]
  readonly eventsAtOnce: number
  readonly vacuums: boolean
}

export function createFeed(deps: FeedDeps): Feed {
  const { sql, clock, logger, metrics, retentionDays, webhookAllow, eventsAtOnce, vacuums } = deps
  const reader = createFeedReader(sql)
  const news = createFeedNews(sql, clock, logger)
  const post = createGuardedPost(clock, createAddressGuard(webhookAllow))
  const sinkOf = (target: Parameters<typeof createWebhookSink>[0]) => createWebhookSink(target, post, clock)
  const courier = createCourier({ sql, reader, clock, logger, metrics, sinkOf })
  const relay = createRelay({
    ...{ sql, clock, logger, eventsAtOnce, vacuums },
    onMoved(tenant, position) {
      news.tell(tenant, position)
      courier.wake()
    },
  })
  const retention = createRetention(sql, clock, logger, retentionDays)
  const gauges = createFeedGauges(sql, clock, logger, metrics)
  return {
    reader,
    news,
    start() {
      relay.start()
      courier.start()
      retention.start()
      gauges.start()
    },
    wake: relay.wake,
    async stop() {
      gauges.stop()
      await Promise.all([relay.stop(), courier.stop(), retention.stop()])
    },
  }
}
