/** Sends events to one webhook: signed POSTs, each with one event. */
import type { Clock } from '@rapport/shared/clock.ts'
import type { FeedEvent } from './event.ts'
import { type GuardedPost, PostFailure } from './guarded-post.ts'
import { signed } from './signature.ts'
import type { Delivery, Sink } from './sink.ts'
import type { WebhookTarget } from './webhook.ts'

/** Longest pause that the other side may ask for. */
const LONGEST_PAUSE = 86_400_000
/** Answers with which it may. */
const BUSY: readonly number[] = [429, 502, 503, 504]

export function createWebhookSink(target: WebhookTarget, post: GuardedPost, clock: Clock): Sink {
  return {
    async deliver(event: FeedEvent, signal: AbortSignal): Promise<Delivery> {
      const now = clock.now()
      const { secret, previousSecret, previousUntil } = target
      const rotating = previousSecret !== null && previousUntil !== null && now < previousUntil.getTime()
      const secrets = rotating ? [secret, previousSecret] : [secret]
      const headers = {
        'Content-Type': 'application/cloudevents+json; charset=utf-8',
        'User-Agent': 'Rapport',
        ...signed(secrets, event.id, Math.floor(now / 1_000), event.json),
      }
      try {
        const { status, retryAfter } = await post(target.url, headers, event.json, signal)
        if (status >= 200 && status < 300) return { type: 'delivered' }
        if (status === 410) return { type: 'gone' }
        const pause = BUSY.includes(status) ? pauseOf(retryAfter, now) : undefined
        return { type: 'failed', reason: `HTTP ${status}`, ...(pause !== undefined && { retryAfter: pause }) }
      } catch (error) {
        return { type: 'failed', reason: error instanceof PostFailure ? error.message : 'unexpected' }
      }
    },
  }
}

/** Milliseconds, from a number of seconds or a date (RFC 9110, 10.2.3). */
function pauseOf(retryAfter: string | undefined, now: number): number | undefined {
  if (retryAfter === undefined) return undefined
  const pause = /^\d{1,9}$/.test(retryAfter) ? Number(retryAfter) * 1_000 : Date.parse(retryAfter) - now
  return Number.isFinite(pause) ? Math.min(Math.max(pause, 0), LONGEST_PAUSE) : undefined
}
