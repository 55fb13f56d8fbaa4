/** Where events go that are pushed to somebody outside. Webhooks are one kind; whatever else there will be does this much. */
import type { FeedEvent } from './event.ts'

export type Delivery =
  | { readonly type: 'delivered' }
  /** `reason` names no address and no value. `retryAfter`: milliseconds before which the other side wants no further attempt. */
  | { readonly type: 'failed'; readonly reason: string; readonly retryAfter?: number }
  /** The other side wants no more events, ever. */
  | { readonly type: 'gone' }

export interface Sink {
  /** One event, which the other side has once this answers `delivered`. Never rejects; the signal makes it end early, as failed. */
  deliver(event: FeedEvent, signal: AbortSignal): Promise<Delivery>
}
