/**
 * What a room answers between two entries, when its document equals the committed one: joins, state vectors, diffs, views. At
 * once in a gap, else in the next one, within the time that a gap has for reads.
 */
import { SyncError, toSyncError } from '@rapport/shared/errors.ts'
import * as Y from 'yjs'
import type { GapQueue } from './gap-queue.ts'
import type { Answer, Room } from './handle.ts'
import type { RoomDeps, RoomState } from './live-room.ts'
import type { Membership } from './membership.ts'
import type { Subscriber } from './subscriber.ts'

/** Bytes of a state vector that any record's replica may have: 5,000 client ids and more. */
const VECTOR_BYTES = 64 * 1024

export interface Reading extends Pick<Room, 'join' | 'leave' | 'read' | 'view'> {
  inGap<T>(serve: () => T, answer: (outcome: Answer<T>) => void): void
  /** Clock by client of a state vector from outside; `undefined` if it is none, or longer than a replica's of this record. */
  vector(bytes: Uint8Array): ReadonlyMap<number, number> | undefined
}

interface Parts {
  readonly reads: GapQueue
  readonly members: Membership
  /** There is something to be served in the next gap. */
  readonly schedule: () => void
}

export function createReading(deps: RoomDeps, state: RoomState, { reads, members, schedule }: Parts): Reading {
  const { key, presence } = deps
  const joining = new Set<Subscriber>()

  function inGap<T>(serve: () => T, answer: (outcome: Answer<T>) => void): void {
    const served = (): void => answer(outcomeOf(serve))
    const failed = (error: SyncError): void => answer({ type: 'unavailable', error })
    if (state.over !== undefined) return failed(state.over)
    if (!state.busy && reads.serveNow(served)) return
    reads.add(served, failed)
    schedule()
  }

  /** A replica of this record knows about as many clients as the record does. */
  function vector(bytes: Uint8Array): ReadonlyMap<number, number> | undefined {
    const longest = Math.max(VECTOR_BYTES, 4 * state.record.replica.stateVector().length)
    if (bytes.length > longest) return undefined
    try {
      return Y.decodeStateVector(bytes)
    } catch {
      return undefined // lib0 ran into its end: these bytes are something else
    }
  }

  return {
    inGap,
    vector,
    join(subscriber, answer) {
      joining.add(subscriber)
      const register = (): Uint8Array => {
        const { replica } = state.record
        if (joining.delete(subscriber)) members.add(subscriber, () => ownerOf(state))
        return replica.stateVector()
      }
      inGap(register, answer)
    },
    leave(subscriber) {
      joining.delete(subscriber)
      members.remove(subscriber)
      presence.leave(subscriber)
    },
    read(stateVector, answer) {
      inGap(() => {
        if (vector(stateVector) !== undefined) return state.record.replica.diff(stateVector)
        throw new SyncError('malformed', 'this is no state vector of the record')
      }, answer)
    },
    view(look) {
      const lookNow = () => {
        const { position, createdAt, createdBy, updatedAt, replica } = state.record
        return replica.look((document) => look({ key, sequence: position.sequence, createdAt, createdBy, updatedAt, document }))
      }
      return new Promise((resolve, reject) => {
        inGap(lookNow, (outcome) => (outcome.type === 'answer' ? resolve(outcome.value) : reject(outcome.error)))
      })
    },
  }
}

/** What `fields.owner` holds. Only while the document equals the committed one. */
export function ownerOf({ record }: RoomState): unknown {
  return record.replica.look((document) => document.getMap('fields').get('owner'))
}

/** What throws here must not take the room's turn with it. */
function outcomeOf<T>(serve: () => T): Answer<T> {
  try {
    return { type: 'answer', value: serve() }
  } catch (error) {
    return { type: 'unavailable', error: toSyncError(error) }
  }
}
