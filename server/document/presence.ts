/** Placeholder of the seam, replaced by the implementation. */
import type { Subscriber } from './subscriber.ts'

export interface Presence {
  /** A payload of an awareness message from this subscriber. */
  receive(from: Subscriber, awarenessUpdate: Uint8Array): void
  /** Sends everybody's current presence to this subscriber. */
  greet(subscriber: Subscriber): void
  /** The subscriber is gone, and its presence with it. */
  leave(subscriber: Subscriber): void
}
