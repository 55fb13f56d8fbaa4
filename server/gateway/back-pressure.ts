/**
 * What one socket is told, at the pace at which it reads.
 *
 * A socket that has more than the limit waiting counts as lagging. It gets no more entries; what is kept instead is the committed
 * state vector behind the last one it was given. When it has caught up, one diff from there brings it in step. Everything
 * else it missed is owed in its newest form only, so what is held for a reader is bounded, however slow it is.
 *
 * Entries begin with the answer to the client's step 1: before it they might lean on content that the client lacks, which it
 * would park, and could never hand back if the database should forget that content. Who writes without asking gets a diff
 * from our own step 1 first.
 */

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
  repeat(update: Uint8Array): void
  ask(stateVector: Uint8Array): void
  /** Answers a client's step 1. */
  answer(stateVector: Uint8Array): void
  presence(payload: Uint8Array): void
  lagging(): boolean
  /** The socket has taken something. */
  taken(): void
}

export interface OutletNeeds {
  readonly room: Pick<Room, 'read'>
  readonly queue: Pick<SendQueue, 'push' | 'bytes'>
  /** Bytes that may wait before a socket counts as lagging. */
  readonly limit: number
  /** Sends everybody's presence again. */
  readonly greet: () => void
  readonly onLag: () => void
  /** The room could not answer. */
  readonly fail: (error: SyncError) => void
}

export function createOutlet({ room, queue, limit, greet, onLag, fail }: OutletNeeds): Outlet {
  /** While lagging: the committed state vector behind the last entry that was queued. */
  let behind: Uint8Array | undefined
  /** Until the client has asked or written: the vector of our step 1. */
  let silentSince: Uint8Array | undefined
  let resuming = false
  let answering = false
  let owesStored = false
  let owesPresence = false
  let owedAsk: Uint8Array | undefined
  let owedAnswer: Uint8Array | undefined

  const full = (): boolean => queue.bytes() > limit

  function entry(committed: CommittedEntry): void {
    if (behind !== undefined || silentSince !== undefined) return
    queue.push(frameEntry(committed))
    if (!full()) return
    behind = committed.stateVector()
    onLag()
  }

  function repeat(update: Uint8Array): void {
    if (behind !== undefined || full()) owesStored = true
    else queue.push(frameMessage(encodeUpdate(update)))
  }

  function ask(stateVector: Uint8Array): void {
    if (full()) owedAsk = stateVector
    else queue.push(frameMessage(encodeStep1(stateVector)))
  }

  /** One at a time: a client that asks faster than it reads is answered for its newest question. */
  function answer(stateVector: Uint8Array): void {
    if (answering || full()) {
      owedAnswer = stateVector
      return
    }
    answering = true
    room.read(stateVector, (diff) => {
      answering = false
      const sent = delivered(diff, (update) => {
        silentSince = undefined
        queue.push(frameMessage(encodeStep2(update)))
      })
      if (sent) taken()
    })
  }

  function spoken(): void {
    if (silentSince === undefined || answering || owedAnswer !== undefined) return
    behind = silentSince
    silentSince = undefined
    resume()
  }

  function presence(payload: Uint8Array): void {
    if (full()) owesPresence = true
    else queue.push(framePresence(payload))
  }

  function taken(): void {
    if (queue.bytes() > limit / 2) return
    if (behind !== undefined || owesStored) {
      resume()
      return
    }
    if (owedAsk !== undefined) {
      const vector = owedAsk
      owedAsk = undefined
      ask(vector)
    }
    if (owedAnswer !== undefined && !answering) {
      const vector = owedAnswer
      owedAnswer = undefined
      answer(vector)
    }
    if (owesPresence) {
      owesPresence = false
      greet()
    }
  }

  /** A repeat that was dropped may lie before the kept vector, so then the whole record is sent: it contains every repeat. */
  function resume(): void {
    if (resuming) return
    resuming = true
    const from = owesStored ? NOTHING : (behind ?? NOTHING)
    owesStored = false
    room.read(from, (diff) => {
      resuming = false
      const sent = delivered(diff, (update) => {
        behind = undefined
        if (update.length > EMPTY_UPDATE_BYTES) queue.push(frameMessage(encodeUpdate(update)))
      })
      if (sent) taken()
    })
  }

  function delivered(diff: Answer<Uint8Array>, deliver: (update: Uint8Array) => void): boolean {
    if (diff.type === 'unavailable') fail(diff.error)
    else deliver(diff.value)
    return diff.type === 'answer'
  }

  return {
    opened(stateVector) {
      silentSince = stateVector
    },
    spoken,
    entry,
    repeat,
    ask,
    answer,
    presence,
    taken,
    lagging: () => behind !== undefined || full(),
  }
}
