/**
 * Signs of life, both ways, by one sweep over all sockets. A stock client reconnects when it hears no *message* for 30 s (pings do
 * not count), so each socket hears one at least every 20 s. A peer that is not heard of itself is pinged, and given up in the end; one
 * that is busy taking what was sent is given more time.
 */
import type { Clock, Timer } from '@rapport/shared/clock.ts'
import { encodeSignOfLife } from '@rapport/shared/protocol/y-websocket.ts'
import { frameMessage, framePing } from './frame.ts'
import type { SendQueue } from './send-queue.ts'

const SWEEP_MS = 4_000
/** A message is due after this much silence of ours; with a sweep on top it stays well below 20 s. */
const SPEAK_AFTER_MS = 12_000
const PING_AFTER_MS = 25_000
const DEAD_AFTER_MS = 75_000
/** For a peer that lags, and for a reader that takes nothing. */
const PATIENCE_MS = 300_000

const SIGN_OF_LIFE = frameMessage(encodeSignOfLife())
const PING = framePing()

export interface Pulse {
  /** Bytes read so far; any progress means that the peer lives. */
  bytesRead(): number
  /** We are not reading, so silence says nothing. */
  unread(): boolean
  lagging(): boolean
  readonly queue: Pick<SendQueue, 'push' | 'pushControl' | 'bytes' | 'sentAt' | 'progressAt'>
  /** Nothing was heard for too long: there may be nobody to say goodbye to. */
  dead(): void
  /** Reads nothing of what waits for it. */
  stuck(): void
}

export interface Keepalive {
  add(pulse: Pulse): void
  remove(pulse: Pulse): void
  stop(): void
}

interface Watched {
  bytesRead: number
  heardAt: number
  pingedAt: number
}

export function createKeepalive(clock: Clock): Keepalive {
  const watched = new Map<Pulse, Watched>()
  let timer: Timer | undefined

  function sweep(): void {
    const now = clock.elapsed()
    for (const [pulse, state] of watched) check(pulse, state, now)
    timer = watched.size > 0 ? clock.after(SWEEP_MS, sweep) : undefined
  }

  return {
    add(pulse) {
      const now = clock.elapsed()
      watched.set(pulse, { bytesRead: pulse.bytesRead(), heardAt: now, pingedAt: now })
      timer ??= clock.after(SWEEP_MS, sweep)
    },
    remove(pulse) {
      watched.delete(pulse)
    },
    stop() {
      timer?.cancel()
      watched.clear()
    },
  }
}

function check(pulse: Pulse, state: Watched, now: number): void {
  const bytesRead = pulse.bytesRead()
  if (bytesRead !== state.bytesRead || pulse.unread()) state.heardAt = now
  state.bytesRead = bytesRead

  const silence = now - state.heardAt
  if (pulse.queue.bytes() > 0 && now - pulse.queue.progressAt() > PATIENCE_MS) pulse.stuck()
  else if (silence > (pulse.lagging() ? PATIENCE_MS : DEAD_AFTER_MS)) pulse.dead()
  else if (!pulse.lagging()) speak(pulse, state, now, silence)
}

function speak(pulse: Pulse, state: Watched, now: number, silence: number): void {
  if (silence >= PING_AFTER_MS && now - state.pingedAt >= PING_AFTER_MS) {
    state.pingedAt = now
    pulse.queue.pushControl(PING)
  }
  if (now - pulse.queue.sentAt() >= SPEAK_AFTER_MS) pulse.queue.push(SIGN_OF_LIFE)
}
