/**
 * Brings events to webhooks: to each in the order of the feed, one after the other, the next one only when the one before has arrived.
 * At least once: where a process dies between a delivery and its note, the event is sent again, under the same id. Whatever one webhook
 * does, others wait no longer for it than a place is free.
 */
import { randomUUID } from 'node:crypto'
import type { Clock, Timer } from '@rapport/shared/clock.ts'
import { toSyncError } from '@rapport/shared/errors.ts'
import type { Sql } from '../db.ts'
import type { Logger } from '../observability/logger.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { FeedEvent } from './event.ts'
import type { FeedReader } from './reader.ts'
import { pauseBehind } from './retry-schedule.ts'
import type { Sink } from './sink.ts'
import type { WebhookTarget } from './webhook.ts'
import { createWebhookQueue, type Progress } from './webhook-queue.ts'

export interface Courier {
  start(): void
  /** There may be events: do not wait for the next look. */
  wake(): void
  /** Ends after deliveries under way are cut off, which are then made again by whoever comes next. */
  stop(): Promise<void>
}

export interface CourierDeps {
  readonly sql: Sql
  readonly reader: FeedReader
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly sinkOf: (target: WebhookTarget) => Sink
}

/** Webhooks that are delivered to at once. */
const PLACES = 16
/** Milliseconds after which a webhook gives up its place to others that wait, behind the event at hand. */
const ROUND_MILLISECONDS = 10_000
const PAGE_EVENTS = 20
/** Milliseconds between looks, without a call, and between a call and its look. */
const LOOK = 1_000
const SHORTEST = 50

export function createCourier({ sql, reader, clock, logger, metrics, sinkOf }: CourierDeps): Courier {
  const queue = createWebhookQueue(sql)
  const holder = randomUUID()
  const ending = new AbortController()
  const rounds = new Set<Promise<void>>()
  const outcomes = metrics.counter('rapport_webhook_deliveries_total', 'Attempts to deliver an event to a webhook', ['outcome'])
  let looking: Promise<void> = Promise.resolve()
  let timer: Timer | undefined
  let woken = false
  let busy = false
  let failing = false

  const lease = () => ({ holder, now: clock.now() })

  async function look(): Promise<void> {
    busy = true
    woken = false
    try {
      const free = PLACES - rounds.size
      for (const target of free > 0 ? await queue.claim(lease(), free) : []) {
        const round = deliverTo(target)
        rounds.add(round)
        void round.then(() => {
          rounds.delete(round)
          wake()
        })
      }
      failing = false
    } catch (error) {
      if (!failing && !ending.signal.aborted)
        logger.warn({ err: error }, 'looking for webhooks to deliver to failed; trying again')
      failing = true
    }
    busy = false
    plan(woken && !failing ? SHORTEST : LOOK)
  }

  function plan(milliseconds: number): void {
    timer?.cancel()
    if (ending.signal.aborted) return
    timer = clock.after(milliseconds, () => {
      looking = look()
    })
  }

  function wake(): void {
    if (woken) return
    woken = true
    if (!busy) plan(SHORTEST)
  }

  /** One webhook's turn; never rejects. */
  async function deliverTo(target: WebhookTarget): Promise<void> {
    try {
      await deliverRound(target)
    } catch (error) {
      // Its lease runs out, and then it is tried again.
      if (!ending.signal.aborted) logger.warn({ err: error, webhook: target.id }, 'delivering to a webhook failed')
    }
  }

  async function deliverRound(target: WebhookTarget): Promise<void> {
    const sink = sinkOf(target)
    let found = target.position
    let attempts = target.attempts
    /** Whether it is still this process' to move. */
    const settle = async (progress: Progress): Promise<boolean> => {
      const settled = await queue.settle(lease(), { ...target, position: found }, progress)
      found = progress.position
      return settled
    }
    const rest = (position: number): Progress => ({
      ...{ position, attempts, state: 'active', lastError: null, nextTry: clock.now(), delivered: false, keep: false },
    })

    const end = clock.elapsed() + ROUND_MILLISECONDS
    let passed = target.position
    for (let more = true; more; ) {
      const { events, next } = await readPage(target, passed)
      for (const event of events) {
        if (clock.elapsed() >= end) return void (await settle(rest(passed)))
        if (target.types !== null && !target.types.includes(event.type)) {
          passed = event.position
          continue
        }
        const progress = await attempt(sink, event, passed, attempts)
        if (progress === undefined) return void (await settle(rest(passed)))
        if (!(await settle(progress)) || !progress.keep) return
        attempts = progress.attempts
        passed = progress.position
      }
      passed = next
      more = events.length > 0
    }
    await settle(rest(passed))
  }

  /** What an active webhook has not been given is not removed; should it be missing even so, it is not waited for. */
  async function readPage(target: WebhookTarget, after: number): Promise<{ events: readonly FeedEvent[]; next: number }> {
    try {
      return await reader.page(target.tenant, after, PAGE_EVENTS)
    } catch (error) {
      if (toSyncError(error).code !== 'gone') throw error
      const next = await reader.oldest(target.tenant)
      logger.warn({ webhook: target.id }, 'events were removed before a webhook was given them')
      return await reader.page(target.tenant, next, PAGE_EVENTS)
    }
  }

  /** `undefined` if this process ends. */
  async function attempt(sink: Sink, event: FeedEvent, before: number, failures: number): Promise<Progress | undefined> {
    const delivery = await sink.deliver(event, ending.signal)
    if (delivery.type !== 'delivered' && ending.signal.aborted) return undefined
    outcomes.inc({ outcome: delivery.type })
    const now = clock.now()
    switch (delivery.type) {
      case 'delivered':
        return {
          position: event.position,
          attempts: 0,
          state: 'active',
          lastError: null,
          nextTry: now,
          delivered: true,
          keep: true,
        }
      case 'gone':
        return {
          ...{ position: before, attempts: failures + 1, state: 'disabled', lastError: 'HTTP 410', nextTry: now },
          ...{ delivered: false, keep: false },
        }
      case 'failed': {
        const pause = pauseBehind(failures + 1, clock)
        return {
          ...{ position: before, attempts: failures + 1, lastError: delivery.reason, delivered: false, keep: false },
          state: pause === undefined ? 'parked' : 'active',
          nextTry: now + Math.max(pause ?? 0, delivery.retryAfter ?? 0),
        }
      }
      default:
        return delivery satisfies never
    }
  }

  return {
    start: () => plan(SHORTEST),
    wake,
    async stop() {
      ending.abort()
      timer?.cancel()
      await looking
      await Promise.all(rounds)
    },
  }
}
