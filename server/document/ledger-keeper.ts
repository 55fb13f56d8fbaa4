/**
 * The ledger beside a room's live document: read before the first judging, and kept as long as the document is.
 *
 * It moves on with the room's own entries, in place. Whenever the document is rebuilt, or takes in what another instance wrote,
 * it is forgotten, and read again before the next judging. Who only opens or reads a record never has it read.
 */
import { type SyncError, toSyncError } from '@rapport/shared/errors.ts'
import { Ledger } from '../access/ledger.ts'
import { type AwaitedItems, EMPTY_LEDGER, type LedgerRows } from '../log/findings.ts'
import type { RoomDeps, RoomState } from './live-room.ts'
import { untilRead } from './persistence.ts'

export interface LedgerKeeper {
  /** As of the room's position; `undefined` until it has been loaded. */
  current(): Ledger | undefined
  /** In a gap. False: the database is asked, and the room is busy until it has answered. */
  load(): boolean
  /** What it takes of the process's memory, in bytes, roughly. */
  footprint(): number
  /** The document is no longer the one that it was kept beside. `anew`: the database is to be asked, whatever this process knows. */
  forget(anew?: boolean): void
}

interface Parts {
  /** What was set aside, as it is known anew. */
  readonly awaiting: (rows: readonly AwaitedItems[]) => void
  /** The room may go on: the document equals committed state. */
  readonly resume: () => void
  readonly end: (reason: SyncError) => void
}

/** Milliseconds for which it is believed that the database was restored lately. */
const RESTORED_MS = 10_000
/** And for which a room relays that saw its history replaced: as long as an operator's word counts by default. */
const REPLACED_MS = 7 * 24 * 60 * 60 * 1000

export function createLedgerKeeper(deps: RoomDeps, state: RoomState, { awaiting, resume, end }: Parts): LedgerKeeper {
  const { key, log, clock, restoration } = deps
  let ledger: Ledger | undefined
  let mustAsk = false
  /** When it was taken, in elapsed milliseconds. */
  let since = 0

  function take(rows: LedgerRows): void {
    mustAsk = false
    since = clock.elapsed()
    ledger = new Ledger(since - state.replacedAt < REPLACED_MS ? { ...rows, restored: true } : rows)
  }

  async function read(): Promise<void> {
    state.busy = true
    try {
      const rows = await untilRead(clock, state, () => log.ledger(key, state.record.position.sequence))
      if (rows === undefined) return
      restoration.learn(rows.restored)
      take(rows)
      awaiting(rows.setAside)
      resume()
    } catch (error) {
      end(toSyncError(error))
    }
  }

  return {
    current() {
      // Other people's items are taken as relayed for as long as an operator says so, not for as long as a record stays in memory.
      if (ledger?.restored === true && clock.elapsed() - since > RESTORED_MS) ledger = undefined
      return ledger
    },
    load() {
      const restored = restoration.lately()
      // Of a record that was never written little is stored: what was set aside, which this room knows of itself, and ids that were
      // announced, which the log minds. If it has refused the first entry, the database is asked.
      const atOnce = state.record.position.sequence === 0 && restored !== undefined && !mustAsk
      if (atOnce) take({ ...EMPTY_LEDGER, restored })
      else void read()
      return atOnce
    },
    footprint: () => ledger?.footprint ?? 0,
    forget(anew = false) {
      mustAsk ||= anew || (ledger !== undefined && state.record.position.sequence === 0)
      ledger = undefined
    },
  }
}
