/**
 * How submissions come into a room's inbox: bytes from a connection, an edit of the server's own, an update that was held back.
 * No bytes pass but by the pre-scan.
 */
import { SyncError } from '@rapport/shared/errors.ts'
import { preScan, type ScannedUpdate } from '../access/pre-scan.ts'
import type { Submission } from '../access/submission.ts'
import { MalformedUpdate } from '../access/update-reader.ts'
import type { Room, Terms } from './handle.ts'
import type { Inbox, Source } from './inbox.ts'
import type { RoomState } from './live-room.ts'
import type { Reading } from './reading.ts'
import type { Verdicts } from './verdicts.ts'

const NO_TERMS: Terms = { bytes: 0, frees: false }

interface Parts {
  readonly inbox: Inbox
  readonly verdicts: Pick<Verdicts, 'ignores' | 'turnAway'>
  readonly reading: Pick<Reading, 'vector'>
  readonly schedule: () => void
}

export type Submitting = Pick<Room, 'submit' | 'edit' | 'admit'>

export function createSubmitting(state: RoomState, { inbox, verdicts, reading, schedule }: Parts): Submitting {
  function put(submission: Submission, bytes: number, source: Source): void {
    inbox.add({ submission, bytes, source })
    schedule()
  }

  function awaiting(submission: Submission, bytes: number): Promise<void> {
    if (state.over !== undefined) return Promise.reject(state.over)
    return new Promise((resolve, reject) => put(submission, bytes, { type: 'caller', resolve, reject }))
  }

  return {
    submit(subscriber, update, vector) {
      const bytes = update.length
      if (state.over !== undefined || verdicts.ignores(subscriber)) return subscriber.settled(1, bytes)
      const scan = scanned(update)
      if (scan instanceof SyncError) {
        subscriber.settled(1, bytes)
        return verdicts.turnAway(subscriber, scan)
      }
      const { principal } = subscriber
      const held = vector === undefined || vector === 'unknown' ? vector : (reading.vector(vector) ?? 'unknown')
      put({ type: 'update', principal, update: scan, vector: held }, bytes, { type: 'socket', subscriber })
    },
    edit: (principal, change, precondition, { bytes, frees, via = 'server', settles, absorbs } = NO_TERMS) =>
      awaiting({ type: 'edit', principal, change, precondition, frees, via, settles, absorbs }, bytes),
    admit(principal, bytes, { relayed = false } = {}) {
      const scan = scanned(bytes)
      if (scan instanceof SyncError) return Promise.reject(scan)
      return awaiting({ type: 'update', principal, update: scan, vector: 'unknown', relayed }, bytes.length)
    },
  }
}

/** What the pre-scan refuses comes back as an error. */
function scanned(bytes: Uint8Array): ScannedUpdate | SyncError {
  try {
    return preScan(bytes)
  } catch (error) {
    if (!(error instanceof MalformedUpdate)) throw error
    return new SyncError('refused', `the update was refused: ${error.message}`)
  }
}
