/**
 * Frames on their way to one socket. All frames of an event-loop turn leave with one write: of everything that delivering costs,
 * the system call is the dearest, four to six times the rest together.
 *
 * At most one write of `SLICE_BYTES` is under way. So what a slow reader has not taken is counted here exactly, each slice it takes
 * is seen as progress, and memory below this queue stays small.
 */
import type { Duplex } from 'node:stream'
import type { Clock } from '@rapport/shared/clock.ts'

const SLICE_BYTES = 256 * 1024

export interface SendQueue {
  /** Queues a finished frame. Ignored once finished. */
  push(frame: Buffer): void
  /** As `push`, for frames that a client's script never sees (pings and pongs). */
  pushControl(frame: Buffer): void
  /** Bytes that the kernel has not taken yet. */
  bytes(): number
  /** Monotonic milliseconds at which the last message left, and at which the socket last took anything or was first asked to. */
  sentAt(): number
  progressAt(): number
  /** Hands over all that is left at once and takes no more: what follows on the socket follows a whole frame. */
  finish(): void
  /** Forgets what is left; the socket is gone. */
  discard(): void
}

/** What all queues of a process share: one callback per turn, and the sum of their bytes. */
export interface SendTurn {
  bytes: number
  enlist(flush: () => void): void
}

export function createSendTurn(clock: Clock): SendTurn {
  let waiting: (() => void)[] = []
  const run = (): void => {
    const now = waiting
    waiting = []
    for (const flush of now) flush()
  }
  return {
    bytes: 0,
    enlist(flush) {
      if (waiting.length === 0) clock.soon(run)
      waiting.push(flush)
    },
  }
}

/** `taken` is called whenever the socket has taken a slice. */
export function createSendQueue(socket: Duplex, turn: SendTurn, clock: Clock, taken: () => void): SendQueue {
  let frames: Buffer[] = []
  /** Bytes of the first frame that were sent. */
  let offset = 0
  let waitingBytes = 0
  let writingBytes = 0
  let enlisted = false
  let messageWaits = false
  let finished = false
  let sentAt = clock.elapsed()
  let progressAt = sentAt

  function enqueue(frame: Buffer): void {
    if (finished) return
    frames.push(frame)
    waitingBytes += frame.length
    turn.bytes += frame.length
    if (enlisted || writingBytes > 0) return
    enlisted = true
    turn.enlist(flush)
  }

  function flush(): void {
    enlisted = false
    if (waitingBytes === 0 || writingBytes > 0) return
    progressAt = clock.elapsed()
    if (messageWaits) sentAt = progressAt
    messageWaits = false
    const slice = take(SLICE_BYTES)
    writingBytes = slice.length
    socket.write(slice, written)
  }

  function written(error?: Error | null): void {
    turn.bytes -= writingBytes
    writingBytes = 0
    if (error || finished) return
    progressAt = clock.elapsed()
    flush()
    taken()
  }

  function take(limit: number): Buffer {
    const parts: Buffer[] = []
    let size = 0
    let sent = 0
    for (let frame = frames[0]; frame !== undefined && size < limit; frame = frames[sent]) {
      const part = frame.subarray(offset, offset + limit - size)
      parts.push(part)
      size += part.length
      offset += part.length
      if (offset < frame.length) break
      sent++
      offset = 0
    }
    // At once: a queue that is never empty would otherwise keep all that ever went through it.
    frames.splice(0, sent)
    waitingBytes -= size
    const [only] = parts
    return only !== undefined && parts.length === 1 ? only : Buffer.concat(parts, size)
  }

  function discard(): void {
    finished = true
    turn.bytes -= waitingBytes + writingBytes
    waitingBytes = 0
    writingBytes = 0
    frames = []
  }

  return {
    push(frame) {
      messageWaits = true
      enqueue(frame)
    },
    pushControl: enqueue,
    bytes: () => waitingBytes + writingBytes,
    sentAt: () => sentAt,
    progressAt: () => progressAt,
    finish() {
      if (!finished && waitingBytes > 0) {
        turn.bytes -= waitingBytes
        socket.write(take(Number.POSITIVE_INFINITY))
      }
      finished = true
    },
    discard,
  }
}
