/**
 * A room's way back to the log: rebuilding its replica from what is stored, and catching up with entries that others wrote.
 *
 * Both answer whether the history that the room knew still stands. After a database was restored from a backup it may not:
 * then what the room's clients hold may be more than what is stored, and they must be asked for it.
 */
import type { Clock } from '@rapport/shared/clock.ts'
import { SyncError } from '@rapport/shared/errors.ts'
import type { RecordKey } from '@rapport/shared/ids.ts'
import { headOf, type LogRow, ORIGIN, type Position, type StoredRecord, updatesOf } from '../log/entry.ts'
import type { UpdateLog } from '../log/update-log.ts'
import type { Tail } from './compaction-gauge.ts'
import { Replica } from './replica.ts'

/** A record as it is stored, in memory. */
export interface Rebuilt {
  readonly replica: Replica
  readonly position: Position
  readonly createdAt: number
  readonly createdBy: string
  readonly updatedAt: number
  /** Entries and bytes behind the snapshot, and the snapshot's size: what compaction is decided by. */
  readonly tail: Tail
}

export type Missed =
  /** The known position still stands; these entries came behind it. */
  | { readonly type: 'continued'; readonly rows: readonly LogRow[] }
  /** They did, but are too many to hand on one by one. */
  | { readonly type: 'far' }
  /** It does not: history was replaced. */
  | { readonly type: 'replaced' }

/** Rows that are handed on; whoever is further behind takes the whole state. Merging them is super-linear in their number. */
const MAX_ROWS = 100

/** Throws a `SyncError`: `overload` (may be tried again), `gone`, or `out_of_service` if what is stored makes no whole. */
export async function rebuild(log: UpdateLog, key: RecordKey, clock: Clock): Promise<Rebuilt> {
  const stored = await log.load(key)
  if (stored === undefined) {
    return {
      replica: Replica.empty(),
      position: ORIGIN,
      createdAt: 0,
      createdBy: '',
      updatedAt: 0,
      tail: { entries: 0, bytes: 0, snapshotBytes: 0 },
    }
  }
  if (stored.erased) throw new SyncError('gone', 'the record was erased')
  return {
    replica: await replicaOf(stored, clock),
    position: headOf(stored),
    createdAt: stored.createdAt,
    createdBy: stored.createdBy,
    updatedAt: stored.updatedAt,
    tail: {
      entries: stored.tail.length,
      bytes: stored.tail.reduce((sum, row) => sum + row.update.length, 0),
      snapshotBytes: stored.snapshot?.update.length ?? 0,
    },
  }
}

/** What was committed behind `known`. Throws a `SyncError` of code `overload`. */
export async function missedSince(log: UpdateLog, key: RecordKey, known: Position): Promise<Missed> {
  const rows = await log.readAfter(key, Math.max(known.sequence - 1, 0), MAX_ROWS)
  if (known.sequence === 0) return dense(rows, 1) ? continued(rows) : { type: 'replaced' }
  if (rows[0]?.position.entry !== known.entry || !dense(rows, known.sequence)) return { type: 'replaced' }
  return continued(rows, 1)
}

function continued(rows: readonly LogRow[], from = 0): Missed {
  return rows.length >= MAX_ROWS ? { type: 'far' } : { type: 'continued', rows: rows.slice(from) }
}

async function replicaOf(stored: StoredRecord, clock: Clock): Promise<Replica> {
  const { snapshot, tail } = stored
  if (!dense(tail, (snapshot?.position.sequence ?? 0) + 1))
    throw new SyncError('out_of_service', 'the log does not continue its snapshot')
  try {
    if (snapshot !== undefined && tail.length === 0) return Replica.frozen(snapshot.update, snapshot.stateVector)
    return await Replica.replay(updatesOf(stored), clock)
  } catch (cause) {
    throw new SyncError('out_of_service', 'the log cannot be replayed', { cause })
  }
}

function dense(rows: readonly LogRow[], first: number): boolean {
  return rows.every((row, index) => row.position.sequence === first + index)
}
