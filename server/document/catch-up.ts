/**
 * Keeps a room's replica in step with the log: takes in what other instances wrote, and rebuilds the replica when what it holds
 * is not what was committed. Subscribers get everything they have not seen, in commit order.
 *
 * While it reads, the room is busy. It never gives up: without the database nothing could be committed either.
 */
import { type SyncError, toSyncError } from '@rapport/shared/errors.ts'
import * as Y from 'yjs'
import type { ServerClient } from '../access/server-client.ts'
import type { Hint } from '../fanout/hints.ts'
import type { LogRow, Position } from '../log/entry.ts'
import { durable } from '../log/update-log.ts'
import type { CompactionGauge } from './compaction-gauge.ts'
import { type Missed, missedSince, type Rebuilt, rebuild } from './history.ts'
import type { LedgerKeeper } from './ledger-keeper.ts'
import type { RoomDeps, RoomState } from './live-room.ts'
import { committed, type Membership } from './membership.ts'
import { untilRead } from './persistence.ts'

const NOTHING_KNOWN = Uint8Array.of(0)

export interface CatchUp {
  /** Throws the document away and takes what is stored, however long that takes. */
  reload(): Promise<void>
  /** In a gap: takes in the entry that a hint brings, or all since the known one. */
  follow(hint: Hint): void
  /** In a gap: the log's head is this. */
  compare(head: Position | undefined): void
}

interface Parts {
  readonly members: Membership
  readonly server: ServerClient
  readonly compaction: CompactionGauge
  readonly ledger: LedgerKeeper
  /** Before anybody hears of what was taken in. */
  readonly moved: () => void
  /** The document equals committed state again. */
  readonly resume: () => void
  readonly end: (reason: SyncError) => void
}

export function createCatchUp(deps: RoomDeps, state: RoomState, parts: Parts): CatchUp {
  const { key, log, clock, logger } = deps
  const { members, server, compaction, ledger, moved, resume, end } = parts

  async function reload(): Promise<void> {
    state.busy = true
    ledger.forget()
    try {
      const read = await untilRead(clock, state, async () => ({
        rebuilt: await rebuild(log, key, clock),
        missed: await missedSince(log, key, state.record.position),
      }))
      if (read !== undefined) adopt(read.rebuilt, read.missed)
    } catch (error) {
      end(toSyncError(error))
    }
  }

  function adopt(rebuilt: Rebuilt, missed: Missed): void {
    const known = state.record.position
    const { replica, position, tail } = rebuilt
    state.record = rebuilt
    server.renew()
    compaction.reset(tail)
    moved()
    if (position.entry !== known.entry) {
      const rows = missed.type === 'continued' ? missed.rows.filter((row) => row.position.sequence <= position.sequence) : []
      // Rows that do not lead to what was loaded, or none: the whole state serves every subscriber.
      if (rows.at(-1)?.position.entry === position.entry) deliver(rows)
      else members.deliver(committed(durable(position), replica.diff(NOTHING_KNOWN), replica), undefined)
    }
    if (missed.type === 'replaced') {
      logger.warn({ type: key.type, id: key.id }, 'the log no longer holds what was committed; asking clients for it')
      state.replacedAt = clock.elapsed()
      members.askWriters(replica.stateVector())
    }
    resume()
  }

  function follow(hint: Hint): void {
    const { position } = state.record
    if (hint.position.sequence <= position.sequence) return
    state.contendedAt = clock.elapsed()
    const next = hint.previous.entry === position.entry && hint.previous.sequence === position.sequence
    if (next && position.sequence > 0) absorb([hint])
    else void catchUp()
  }

  function compare(head: Position | undefined): void {
    const { position } = state.record
    if (head?.entry === position.entry || (head === undefined && position.sequence === 0)) return
    state.contendedAt = clock.elapsed()
    if (head !== undefined && head.sequence > position.sequence) void catchUp()
    else void reload()
  }

  async function catchUp(): Promise<void> {
    // Who created the record, and when, stands in the record and not in its entries.
    if (state.record.position.sequence === 0) return reload()
    state.busy = true
    try {
      const missed = await missedSince(log, key, state.record.position)
      if (state.over !== undefined) return
      if (missed.type !== 'continued') return reload()
      state.busy = false
      absorb(missed.rows)
      if (!state.busy) resume()
    } catch (error) {
      logger.debug({ err: error, type: key.type, id: key.id }, 'the log was not read; rebuilding')
      return reload()
    }
  }

  function absorb(rows: readonly LogRow[]): void {
    const { replica } = state.record
    ledger.forget()
    try {
      for (const row of rows) replica.absorb(row.update)
    } catch (error) {
      logger.warn({ err: error, type: key.type, id: key.id }, 'a stored entry does not fit; rebuilding')
      return void reload()
    }
    const last = rows.at(-1)
    if (last === undefined) return
    state.record = { ...state.record, position: last.position, updatedAt: last.at }
    for (const row of rows) compaction.grow(row.update.length)
    moved()
    deliver(rows)
  }

  /** As one entry, since a subscriber that falls behind keeps the state vector behind it. */
  function deliver(rows: readonly LogRow[]): void {
    const last = rows.at(-1)
    if (last === undefined) return
    const update = rows.length === 1 ? last.update : Y.mergeUpdates(rows.map((row) => row.update))
    members.deliver(committed(durable(last.position), update, state.record.replica), undefined)
  }

  return { reload, follow, compare }
}
