/**
 * A record as it was: its log replayed up to one entry, from the snapshot if that lies at or before it, else from the beginning.
 *
 * A log may hold tens of thousands of entries, and replaying them takes seconds: it is done in steps of a few milliseconds, and
 * everybody else has a turn in between. Of the log there are a few megabytes in memory at a time, or a single larger entry.
 */
import type { Clock } from '@rapport/shared/clock.ts'
import { SyncError } from '@rapport/shared/errors.ts'
import type { RecordKey } from '@rapport/shared/ids.ts'
import * as Y from 'yjs'
import { headOf, type LogRow, type Snapshot, type StoredRecord } from './entry.ts'
import { applyStored } from './replay.ts'
import type { UpdateLog } from './update-log.ts'

export interface PastNeeds {
  readonly log: Pick<UpdateLog, 'load' | 'readAfter'>
  readonly clock: Clock
}

export interface PastRecord {
  readonly key: RecordKey
  readonly sequence: number
  /** Wall times in milliseconds; `updatedAt` is that of the entry. */
  readonly createdAt: number
  readonly createdBy: string
  readonly updatedAt: number
  /** The caller's own, to be destroyed by it. */
  readonly document: Y.Doc
}

/** Milliseconds of replaying at a stretch; a single entry may take longer. */
const STEP_MS = 8
/** Rows of the first page; of the others as many as are likely to have so many bytes. */
const FIRST_PAGE = 50
const MOST_ROWS = 1_000
const PAGE_BYTES = 4 * 1024 * 1024

/**
 * Rejects with `not_found` if the record has no such entry, or none from which its state could be made any more; with `gone` for
 * an erased one, `overload` while the database cannot be reached, and `out_of_service` if what is stored makes no whole.
 */
export async function readPast(needs: PastNeeds, key: RecordKey, sequence: number): Promise<PastRecord> {
  const stored = await needs.log.load(key)
  if (stored?.erased) throw new SyncError('gone', 'the record was erased')
  if (stored === undefined || sequence < 1 || sequence > headOf(stored).sequence) throw noSuchState()
  const { createdAt, createdBy, snapshot } = stored
  const document = new Y.Doc()
  try {
    const start = snapshot !== undefined && snapshot.position.sequence <= sequence ? snapshot : undefined
    const updatedAt = await replayTo(needs, document, key, sequence, pages(needs, key, sequence, stored, start), start)
    return { key, sequence, createdAt, createdBy, updatedAt, document }
  } catch (error) {
    document.destroy()
    throw error
  }
}

/** What follows `start`, in order and dense, up to the entry. */
async function* pages(
  { log }: PastNeeds,
  key: RecordKey,
  sequence: number,
  stored: StoredRecord,
  start: Snapshot | undefined,
): AsyncGenerator<readonly LogRow[]> {
  const isWanted = (row: LogRow): boolean => row.position.sequence <= sequence
  if (start !== undefined || stored.snapshot === undefined) return yield stored.tail.filter(isWanted)
  let limit = FIRST_PAGE
  for (let after = 0; after < sequence; ) {
    const rows = await log.readAfter(key, after, Math.min(limit, sequence - after))
    const last = rows.at(-1)
    if (last === undefined) throw noSuchState()
    yield rows
    after = last.position.sequence
    const bytes = rows.reduce((sum, row) => sum + row.update.length, 1)
    limit = Math.max(1, Math.min(MOST_ROWS, Math.floor((PAGE_BYTES * rows.length) / bytes)))
  }
}

/** Resolves with the wall time of the last entry. */
async function replayTo(
  { log, clock }: PastNeeds,
  document: Y.Doc,
  key: RecordKey,
  sequence: number,
  entries: AsyncIterable<readonly LogRow[]>,
  start: Snapshot | undefined,
): Promise<number> {
  let reached = start?.position.sequence ?? 0
  let at: number | undefined
  if (start !== undefined) apply(document, [start.update])
  for await (const page of entries) {
    const rows = page.values()
    for (let more = true; more; ) {
      await new Promise<void>((resolve) => clock.soon(resolve))
      more = false
      const until = clock.elapsed() + STEP_MS
      apply(document, stretch())
      function* stretch(): Generator<Uint8Array> {
        for (let next = rows.next(); !next.done; next = rows.next()) {
          const row = next.value
          // Rows leave the log at its beginning alone.
          if (row.position.sequence !== reached + 1) throw reached === 0 ? noSuchState() : broken()
          yield row.update
          reached = row.position.sequence
          at = row.at
          more = clock.elapsed() >= until
          if (more) return
        }
      }
    }
  }
  if (reached !== sequence) throw noSuchState()
  if (at === undefined) at = (await log.readAfter(key, sequence - 1, 1))[0]?.at
  return at ?? 0
}

function apply(document: Y.Doc, updates: Iterable<Uint8Array>): void {
  try {
    applyStored(document, updates)
  } catch (cause) {
    throw cause instanceof SyncError ? cause : broken(cause)
  }
}

function noSuchState(): SyncError {
  return new SyncError('not_found', 'the record has no such state')
}

function broken(cause?: unknown): SyncError {
  return new SyncError('out_of_service', 'the log cannot be replayed', { cause })
}
