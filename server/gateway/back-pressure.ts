/**
 * What one socket is told, at the pace at which it reads.
 *
 * A socket that has more than the limit waiting counts as lagging. It gets no more entries; what is kept instead is the committed
 * state vector behind the last one it was given. When it has caught up, one diff from there brings it in step. Everything
 * else it missed is owed in its newest form only, so what is held for a reader is bounded, however slow it is.
 *
 * What a client asks for costs an encoding of the record, or of everybody's presence, and a few bytes to ask. So it is owed as well, and
 * paid once per turn of the event loop at most, however often it was asked for.
 *
 * Entries begin with the answer to the client's step 1: before it they might lean on content that the client lacks, which it
 * would park, and could never hand back if the database should forget that content. Who writes without asking gets a diff
 * from our own step 1 first.
 */

import type { Clock } from '@rapport/shared/clock.ts'
import type { SyncError } from '@rapport/shared/errors.ts'
import { encodeStep1, encodeStep2, encodeUpdate } from '@rapport/shared/protocol/y-websocket.ts'
import type { Answer, Room } from '../document/handle.ts'
import type { CommittedEntry } from '../document/subscriber.ts'
import { frameEntry, frameMessage, framePresence } from './frame.ts'
import type { SendQueue } from './send-queue.ts'

/** The state vector of a replica that has nothing. */
const NOTHING = Uint8Array.of(0)
/** Bytes of an update without structs and deletions. */
const EMPTY_UPDATE_BYTES = 2

export interface Outlet {
  /** Our step 1 went out, with this committed state vector. */
  opened(stateVector: Uint8Array): void
  /** The client writes. */
  spoken(): void
  entry(entry: CommittedEntry): void
  /** `stored` encodes what is repeated; called at once, or not at all. */
  repeat(stored: () => Uint8Array): void
  ask(stateVector: Uint8Array): void
  /** Answers a client's step 1. Of several, the newest counts. */
  answer(stateVector: Uint8Array): void
  presence(payload: Uint8Array): void
  /** Has everybody's presence sent. */
  greet(): void
  lagging(): boolean
  /** The socket has taken something. */
  taken(): void
  /** The session is over; what is owed is forgotten. */
  stop(): void
}

export interface OutletNeeds {
  readonly clock: Pick<Clock, 'soon'>
  readonly room: Pick<Room, 'read'>
  readonly queue: Pick<SendQueue, 'push' | 'bytes'>
  /** Bytes that may wait before a socket counts as lagging. */
  readonly limit: number
  /** Sends everybody's presence. */
  readonly greet: () => void
  readonly onLag: () => void
  /** The room could not answer. */
  readonly fail: (error: SyncError) => void
}

export function createOutlet({ clock, room, queue, limit, greet, onLag, fail }: OutletNeeds): Outlet {
  /** While lagging: the committed state vector behind the last entry that was queued. */
  let behind: Uint8Array | undefined
  /** Until the client has asked or written: the vector of our step 1. */
  let silentSince: Uint8Array | undefined
  /** An entry went by meanwhile. It may be the client's own, which the answer to its question leaves out. */
  let missed = false
  /** The room has been asked. One question at a time. */
  let reading = false
  let owesStored = false
  let owesPresence = false
  let owedAsk: Uint8Array | undefined
  let owedAnswer: Uint8Array | undefined
  let scheduled = false
  let stopped = false

  const full = (): boolean => queue.bytes() > limit
  const owing = (): boolean => lacking() || owedAsk !== undefined || owedAnswer !== undefined || owesPresence
  const lacking = (): boolean => behind !== undefined || owesStored

  function entry(committed: CommittedEntry): void {
    missed ||= silentSince !== undefined
    if (behind !== undefined || silentSince !== undefined) return
    queue.push(frameEntry(committed))
    if (!full()) return
    behind = committed.stateVector()
    onLag()
  }

  function repeat(stored: () => Uint8Array): void {
    if (behind !== undefined || full()) owesStored = true
    else queue.push(frameMessage(encodeUpdate(stored())))
  }

  function ask(stateVector: Uint8Array): void {
    if (full()) owedAsk = stateVector
    else queue.push(frameMessage(encodeStep1(stateVector)))
  }

  function spoken(): void {
    if (silentSince === undefined || reading || owedAnswer !== undefined) return
    behind = silentSince
    silentSince = undefined
    payLater()
  }

  function presence(payload: Uint8Array): void {
    if (full()) owesPresence = true
    else queue.push(framePresence(payload))
  }

  /** While more than half the limit waits, the next slice that is taken leads back here. */
  function payLater(): void {
    if (scheduled || stopped || !owing() || queue.bytes() > limit / 2) return
    scheduled = true
    clock.soon(() => {
      scheduled = false
      if (!stopped && queue.bytes() <= limit / 2) pay()
    })
  }

  function pay(): void {
    if (owedAsk !== undefined) {
      queue.push(frameMessage(encodeStep1(owedAsk)))
      owedAsk = undefined
    }
    if (reading) return
    if (lacking()) return resume()
    if (owesPresence) {
      owesPresence = false
      greet()
    }
    if (owedAnswer !== undefined) {
      const vector = owedAnswer
      owedAnswer = undefined
      read(vector, (update) => {
        if (missed) behind = silentSince
        silentSince = undefined
        missed = false
        queue.push(frameMessage(encodeStep2(update)))
      })
    }
  }

  /** A repeat that was dropped may lie before the kept vector, so then the whole record is sent: it contains every repeat. */
  function resume(): void {
    const from = owesStored ? NOTHING : (behind ?? NOTHING)
    owesStored = false
    read(from, (update) => {
      behind = undefined
      if (update.length > EMPTY_UPDATE_BYTES) queue.push(frameMessage(encodeUpdate(update)))
    })
  }

  function read(vector: Uint8Array, deliver: (update: Uint8Array) => void): void {
    reading = true
    room.read(vector, (diff: Answer<Uint8Array>) => {
      reading = false
      if (stopped) return
      if (diff.type === 'unavailable') return fail(diff.error)
      deliver(diff.value)
      payLater()
    })
  }

  return {
    opened(stateVector) {
      silentSince = stateVector
    },
    spoken,
    entry,
    repeat,
    ask,
    answer(stateVector) {
      owedAnswer = stateVector
      payLater()
    },
    presence,
    greet() {
      owesPresence = true
      payLater()
    },
    taken: payLater,
    lagging: () => behind !== undefined || full(),
    stop() {
      stopped = true
    },
  }
}
