/**
 * Updates that carry other people's items which these have not delivered. Each is kept whole, outside of the document, and its
 * connection is told for good that it is; once its items have come from their owners it is submitted again, in its sender's
 * name.
 *
 * One that is no longer set aside is in the document, or in quarantine, or was refused for its sender's lack of rights.
 */
import { SyncError, toSyncError } from '@rapport/shared/errors.ts'
import * as Y from 'yjs'
import { principalOfSignature, signatureOf } from '../auth/principal.ts'
import type { SetAsideRow } from '../log/entry.ts'
import type { AwaitedItems, ItemId } from '../log/findings.ts'
import type { Room } from './handle.ts'
import type { RoomDeps, RoomState } from './live-room.ts'
import type { Subscriber } from './subscriber.ts'

export interface SetAside {
  /** Keeps what this connection sent, and ends the connection; if it cannot be kept, the connection is told to come again. */
  keep(subscriber: Subscriber, update: Uint8Array, awaits: readonly ItemId[]): void
  /** All that was set aside, as it was just read. */
  learn(rows: readonly AwaitedItems[]): void
  /** When the document equals committed state: submits what waited for something that is here by now. */
  review(): void
  /** Something is on its way to the database or from there. */
  busy(): boolean
}

interface Parts {
  readonly admit: Room['admit']
  readonly turnAway: (subscriber: Subscriber, error: SyncError) => void
  /** It is no longer busy. */
  readonly idle: () => void
}

export function createSetAside(deps: RoomDeps, state: RoomState, { admit, turnAway, idle }: Parts): SetAside {
  const { key, log, clock, logger } = deps
  /** What each row waits for, by its id: as last read, and as stored by this room, of which a reading on its way may not know. */
  let read = new Map<string, readonly ItemId[]>()
  const stored = new Map<string, readonly ItemId[]>()
  /** Being submitted; submitted in vain, and at which sequence: until the record has moved on it would be in vain again. */
  const active = new Set<string>()
  const tried = new Map<string, number>()
  let pending = 0

  function track(task: Promise<void>): void {
    pending += 1
    const done = (): void => {
      pending -= 1
      if (pending === 0) idle()
    }
    task.then(done, (error: unknown) => {
      logger.error({ err: error, type: key.type, id: key.id }, 'an update that was set aside was left where it is')
      done()
    })
  }

  async function store(subscriber: Subscriber, row: SetAsideRow): Promise<void> {
    try {
      await log.setAside(row)
    } catch (cause) {
      return turnAway(subscriber, new SyncError('commit_failed', 'what carries other edits could not be set aside', { cause }))
    }
    stored.set(row.id, row.awaits)
    turnAway(subscriber, new SyncError('foreign', row.reason))
    // They may have come while this was on its way.
    if (!state.busy && state.over === undefined) review()
  }

  function review(): void {
    if (read.size + stored.size === 0) return
    const { sequence } = state.record.position
    const due = [...new Map([...read, ...stored])].filter(([id]) => tried.get(id) !== sequence && !active.has(id))
    if (due.length === 0) return
    const known = Y.decodeStateVector(state.record.replica.stateVector())
    for (const [id, awaits] of due) {
      if (!awaits.every(({ client, clock: end }) => (known.get(client) ?? 0) >= end)) continue
      active.add(id)
      track(submit(id).finally(() => active.delete(id)))
    }
  }

  async function submit(id: string): Promise<void> {
    const row = await log.heldBack(key.tenant, id)
    // The same sender's next one took its place, or somebody else has settled it.
    if (row?.state !== 'set-aside') return forget(id)
    try {
      await admit(principalOfSignature(key.tenant, row), row.bytes)
    } catch (thrown) {
      if (!(await isOver(row, toSyncError(thrown)))) return
    }
    await log.dropHeldBack(key.tenant, id)
    forget(id)
  }

  /** Whether nothing more is to be waited for. What could not be applied is moved to quarantine, for a person to look at. */
  async function isOver(row: SetAsideRow, error: SyncError): Promise<boolean> {
    if (error.retry) return false
    if (error.code === 'stale' || error.code === 'foreign') {
      tried.set(row.id, state.record.position.sequence)
      return false
    }
    if (error.code !== 'forbidden') await log.quarantine({ ...row, id: deps.newEntryId(), reason: error.message })
    return true
  }

  function forget(id: string): void {
    read.delete(id)
    stored.delete(id)
  }

  return {
    keep(subscriber, update, awaits) {
      const reason = "it carries other people's edits that they have not delivered"
      const { principal } = subscriber
      const row = { id: deps.newEntryId(), key, reason, ...signatureOf(principal), at: clock.now(), bytes: update, awaits }
      track(store(subscriber, row))
    },
    learn(rows) {
      read = new Map(rows.map(({ id, awaits }) => [id, awaits]))
      for (const id of tried.keys()) if (!read.has(id)) tried.delete(id)
    },
    review,
    busy: () => pending > 0,
  }
}
