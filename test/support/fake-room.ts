/**
 * A room without log or judge: commits every submission at once, unless it is held. For tests of whatever talks to a room.
 */
import { systemClock } from '@rapport/shared/clock.ts'
import type { RecordKey } from '@rapport/shared/ids.ts'
import * as Y from 'yjs'
import type { Principal } from '../../server/auth/principal.ts'
import type { Room } from '../../server/document/handle.ts'
import { createPresence } from '../../server/document/presence.ts'
import type { Registry } from '../../server/document/registry.ts'
import type { CommittedEntry, Subscriber } from '../../server/document/subscriber.ts'
import type { DurableSequence } from '../../server/log/entry.ts'

export interface FakeRoom extends Room {
  readonly document: Y.Doc
  readonly subscribers: ReadonlySet<Subscriber>
  /** What was submitted, in order. */
  readonly submitted: Uint8Array[]
  /** The state vectors that came with them. */
  readonly vectors: (Uint8Array | 'unknown' | undefined)[]
  readonly joins: (() => void)[]
  /** While true, submissions are kept and not settled. */
  hold: boolean
  /** While true, joins wait in `joins`. */
  holdJoins: boolean
  settleHeld(): void
}

export function createFakeRoom(key: RecordKey): FakeRoom {
  const document = new Y.Doc()
  const subscribers = new Set<Subscriber>()
  const submitted: Uint8Array[] = []
  const vectors: (Uint8Array | 'unknown' | undefined)[] = []
  const held: { subscriber: Subscriber; update: Uint8Array }[] = []
  const joins: (() => void)[] = []
  let sequence = 0

  function commit(subscriber: Subscriber, update: Uint8Array): void {
    Y.applyUpdate(document, update)
    sequence++
    const entry: CommittedEntry = {
      sequence: sequence as DurableSequence,
      update,
      stateVector: () => Y.encodeStateVector(document),
    }
    for (const other of subscribers) if (other !== subscriber || other.echo) other.update(entry)
    subscriber.settled(1, update.length)
  }

  const room: FakeRoom = {
    key,
    document,
    subscribers,
    submitted,
    vectors,
    joins,
    hold: false,
    holdJoins: false,
    presence: createPresence(systemClock, () => undefined),
    join(subscriber, answer) {
      const join = () => {
        subscribers.add(subscriber)
        answer({ type: 'answer', value: Y.encodeStateVector(document) })
      }
      if (room.holdJoins) joins.push(join)
      else join()
    },
    leave(subscriber) {
      subscribers.delete(subscriber)
    },
    read(stateVector, answer) {
      answer({ type: 'answer', value: Y.encodeStateAsUpdate(document, stateVector) })
    },
    submit(subscriber, update, vector) {
      submitted.push(update)
      vectors.push(vector)
      if (room.hold) held.push({ subscriber, update })
      else commit(subscriber, update)
    },
    settleHeld() {
      for (const { subscriber, update } of held.splice(0)) commit(subscriber, update)
    },
    admit(_sender, update) {
      Y.applyUpdate(document, update)
      return Promise.resolve()
    },
    edit(_principal: Principal, change, precondition) {
      const refusal = precondition?.({ sequence, document })
      if (refusal !== undefined) return Promise.reject(refusal)
      const updates: Uint8Array[] = []
      const collect = (update: Uint8Array): void => void updates.push(update)
      document.on('update', collect)
      document.transact(() => change(document))
      document.off('update', collect)
      for (const update of updates) {
        sequence++
        const entry = { sequence: sequence as DurableSequence, update, stateVector: () => Y.encodeStateVector(document) }
        for (const other of subscribers) other.update(entry)
      }
      return Promise.resolve()
    },
    view(look) {
      return Promise.resolve(look({ key, sequence, createdAt: 0, createdBy: '', updatedAt: 0, document }))
    },
  }
  return room
}

/** A registry of fake rooms by id; `fail` makes the next acquire reject. */
export function createFakeRegistry(): Registry & { rooms: Map<string, FakeRoom>; acquired: number; fail: Error | undefined } {
  const rooms = new Map<string, FakeRoom>()
  return {
    rooms,
    acquired: 0,
    fail: undefined,
    acquire(key) {
      if (this.fail !== undefined) return Promise.reject(this.fail)
      this.acquired++
      const room = rooms.get(key.id) ?? createFakeRoom(key)
      rooms.set(key.id, room)
      return Promise.resolve(room)
    },
    release() {
      this.acquired--
    },
    drain: () => Promise.resolve(),
  }
}
