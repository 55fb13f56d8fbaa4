/**
 * How fast one socket is read. Over a limit the socket is left unread for a while, and the sender's own TCP stack slows it down:
 * no frame is dropped and nobody is cut off. Reading stops for three reasons, and goes on when none is left: the room is not there yet,
 * the sender is over its rate, or too much of what it sent is not settled.
 */
import type { Clock } from '@rapport/shared/clock.ts'
import { createTokenBucket } from '@rapport/shared/token-bucket.ts'

const MAX_UNSETTLED_BYTES = 1024 * 1024
const MAX_UNSETTLED_COUNT = 1000

export type Hold = 'loading' | 'rate' | 'unsettled'

export interface Inflow {
  hold(reason: Hold): void
  release(reason: Hold): void
  /** True while the socket is left unread. */
  held(): boolean
  /** One message of so many bytes was read. */
  received(bytes: number): void
  submitted(bytes: number): void
  settled(count: number, bytes: number): void
}

export interface InflowNeeds {
  readonly clock: Clock
  /** Per second; 0 means no limit. */
  readonly messagesPerSecond: number
  readonly bytesPerSecond: number
  readonly socket: { pause(): void; resume(): void }
  readonly onLimit: (hold: Hold) => void
}

export function createInflow({ clock, messagesPerSecond, bytesPerSecond, socket, onLimit }: InflowNeeds): Inflow {
  const holds = new Set<Hold>()
  const messages = createTokenBucket(clock, messagesPerSecond)
  const bytes = createTokenBucket(clock, bytesPerSecond)
  let unsettledCount = 0
  let unsettledBytes = 0

  function hold(reason: Hold): void {
    if (holds.has(reason)) return
    if (holds.size === 0) socket.pause()
    holds.add(reason)
    if (reason !== 'loading') onLimit(reason)
  }

  function release(reason: Hold): void {
    if (holds.delete(reason) && holds.size === 0) socket.resume()
  }

  return {
    hold,
    release,
    held: () => holds.size > 0,
    received(size) {
      const wait = Math.max(messages(1), bytes(size))
      // What was read ahead of a pause still arrives, and makes it longer.
      if (wait <= 0 || holds.has('rate')) return
      hold('rate')
      const again = (milliseconds: number): void => {
        clock.after(milliseconds, () => {
          const rest = Math.max(messages(0), bytes(0))
          if (rest > 0) again(rest)
          else release('rate')
        })
      }
      again(wait)
    },
    submitted(size) {
      unsettledCount++
      unsettledBytes += size
      if (unsettledCount > MAX_UNSETTLED_COUNT || unsettledBytes > MAX_UNSETTLED_BYTES) hold('unsettled')
    },
    settled(count, size) {
      unsettledCount -= count
      unsettledBytes -= size
      if (unsettledCount <= MAX_UNSETTLED_COUNT / 2 && unsettledBytes <= MAX_UNSETTLED_BYTES / 2) release('unsettled')
    },
  }
}
