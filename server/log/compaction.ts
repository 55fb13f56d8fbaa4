/**
 * Rewrites a record's snapshot from its log bytes, so that loading stays quick however many edits it has seen.
 *
 * Works on what the database holds, never on a live document, and through a short-lived Y.Doc: `mergeUpdates` is
 * super-linear in their number. One record at a time in a process. The swap takes place only if the snapshot is still
 * the one this started from; the log's rows stay, whether it does or not.
 */
import { systemClock } from '@rapport/shared/clock.ts'
import { keyString, type RecordKey } from '@rapport/shared/ids.ts'
import * as Y from 'yjs'
import type { Logger } from '../observability/logger.ts'
import { headOf, type Position, type Snapshot, type StoredRecord, updatesOf } from './entry.ts'
import type { LogStore } from './log-store.ts'
import { applyStoredInTurns } from './replay.ts'

/** A snapshot that took its place. */
export interface Compacted {
  readonly position: Position
  readonly bytes: number
}

export interface Compactor {
  /** Never rejects. Asked again for a record that is waiting or being worked on, it answers with that one's result. */
  compact(key: RecordKey): Promise<Compacted | undefined>
}

export function createCompactor(store: LogStore, log: Logger, clock = systemClock): Compactor {
  const running = new Map<string, Promise<Compacted | undefined>>()
  let last: Promise<unknown> = Promise.resolve()

  async function compactNow(key: RecordKey): Promise<Compacted | undefined> {
    try {
      const stored = await store.load(key)
      if (stored === undefined || stored.erased || stored.tail.length === 0) return undefined
      const snapshot = await snapshotOf(stored, clock)
      const swapped = await store.swapSnapshot(key, stored.snapshot?.position.sequence ?? 0, snapshot)
      return swapped ? { position: snapshot.position, bytes: snapshot.update.length } : undefined
    } catch (error) {
      log.warn({ err: error, type: key.type, id: key.id }, 'compaction failed; the log stays as it is')
      return undefined
    } finally {
      running.delete(keyString(key))
    }
  }

  return {
    compact(key) {
      const name = keyString(key)
      let compaction = running.get(name)
      if (compaction === undefined) {
        compaction = last.then(() => compactNow(key))
        last = compaction
        running.set(name, compaction)
      }
      return compaction
    },
  }
}

/** Throws if the stored updates do not make a whole: such a log is left for a person to look at. */
export async function snapshotOf(stored: StoredRecord, clock = systemClock): Promise<Snapshot> {
  const document = new Y.Doc()
  await applyStoredInTurns(document, updatesOf(stored), clock)
  const snapshot = {
    position: headOf(stored),
    update: Y.encodeStateAsUpdate(document),
    stateVector: Y.encodeStateVector(document),
  }
  document.destroy()
  return snapshot
}
