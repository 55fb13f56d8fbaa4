/**
 * What was found in entries, as people review it: who set what when, which writes met, what was held back, and for how long a
 * restored database takes people's edits from others. Reads and single changes of rows that no entry's statement waits for;
 * each is one statement. Pages come newest first.
 */
import { parseRecordId, type RecordId, type RecordKey } from '@rapport/shared/ids.ts'
import type { Sql } from '../db.ts'
import type { HeldBack } from './entry.ts'
import type { Conflict, ConflictStatus, ConflictWrite, FieldChange } from './findings.ts'
import { UUID } from './held-back-rows.ts'
import { arrayLiteral } from './insert-parts.ts'
import { decoded } from './ledger-rows.ts'
import {
  CONFLICTS,
  type ConflictRow,
  DISMISS,
  HELD_BACK,
  type HeldBackItemRow,
  HISTORY,
  type HistoryRow,
  MARK_RESTORED,
  RESTORED_UNTIL,
} from './review-statements.ts'

/** Where a change stands: its entry, and its place among that entry's changes. */
export interface ChangePlace {
  readonly sequence: number
  readonly ordinal: number
}

export interface HistoryItem extends FieldChange, ChangePlace {
  /** Wall time in milliseconds, here and below. */
  readonly at: number
}

interface ReviewedWrite extends ConflictWrite {
  readonly at: number
}

export interface ReviewedConflict extends Conflict {
  readonly status: ConflictStatus
  /** Of the entry that put it so. */
  readonly sequence: number
  readonly kept: ReviewedWrite
  readonly replaced: ReviewedWrite
}

/** Without the bytes themselves. */
export interface HeldBackItem extends Pick<HeldBack, 'state' | 'id' | 'key' | 'reason' | 'author' | 'at'> {
  readonly size: number
}

export interface ReviewStore {
  /** Of this path and what lies below it, or of all; changes before a place. */
  history(
    key: RecordKey,
    page: { readonly path?: readonly string[]; readonly before?: ChangePlace; readonly limit: number },
  ): Promise<readonly HistoryItem[]>
  /** `after` is the last one of the page before. A write that never showed has the time at which the conflict was found. */
  conflicts(
    key: RecordKey,
    page: {
      readonly status?: ConflictStatus
      readonly after?: Pick<ReviewedConflict, 'sequence' | 'id'>
      readonly limit: number
    },
  ): Promise<readonly ReviewedConflict[]>
  conflict(key: RecordKey, id: string): Promise<ReviewedConflict | undefined>
  /** False if it is not open. */
  dismiss(key: RecordKey, id: string, by: string, at: number): Promise<boolean>
  /** `after` is the last one of the page before. */
  heldBack(
    tenant: RecordKey['tenant'],
    page: { readonly after?: Pick<HeldBackItem, 'at' | 'id'>; readonly limit: number },
  ): Promise<readonly HeldBackItem[]>
  /** Ends what was said before. Null: only that. */
  markRestored(until: number | null): Promise<void>
  /** Null if that is over. */
  restoredUntil(): Promise<number | null>
}

export function createReviewStore(sql: Sql): ReviewStore {
  const run = <Row extends object>(statement: string, values: readonly unknown[]): Promise<readonly Row[]> =>
    sql.unsafe<Row[]>(statement, values as never[], { prepare: true })
  const key = ({ tenant, type, id }: RecordKey): readonly string[] => [tenant, type, id]

  return {
    async history(record, { path, before, limit }) {
      const rows = await run<HistoryRow>(HISTORY, [
        ...key(record),
        path === undefined ? null : arrayLiteral(path),
        before?.sequence ?? null,
        before?.ordinal ?? null,
        limit,
      ])
      return rows.map(historyItem)
    },

    async conflicts(record, { status, after, limit }) {
      const place = [after?.sequence ?? null, after?.id ?? null]
      const rows = await run<ConflictRow>(CONFLICTS, [...key(record), null, status ?? null, ...place, limit])
      return rows.map(reviewedConflict)
    },

    async conflict(record, id) {
      if (!UUID.test(id)) return undefined
      const [row] = await run<ConflictRow>(CONFLICTS, [...key(record), id, null, null, null, 1])
      return row && reviewedConflict(row)
    },

    async dismiss(record, id, by, at) {
      if (!UUID.test(id)) return false
      const rows = await run(DISMISS, [...key(record), id, by, at])
      return rows.length === 1
    },

    async heldBack(tenant, { after, limit }) {
      const rows = await run<HeldBackItemRow>(HELD_BACK, [tenant, after?.at ?? null, after?.id ?? null, limit])
      return rows.map((row) => heldBackItem(tenant, row))
    },

    async markRestored(until) {
      await run(MARK_RESTORED, [until])
    },

    async restoredUntil() {
      const [row] = await run<{ until: number | null }>(RESTORED_UNTIL, [])
      return row?.until ?? null
    },
  }
}

function historyItem(row: HistoryRow): HistoryItem {
  const { sequence, ordinal, device, via, item_client, item_clock, at } = row
  return {
    ...{ sequence, ordinal, device, via, at },
    path: JSON.parse(row.path) as string[],
    before: decoded(row.before),
    after: decoded(row.after),
    author: { sub: row.author_sub, role: row.author_role },
    item: item_client === null || item_clock === null ? undefined : { client: item_client, clock: item_clock },
  }
}

function reviewedConflict(row: ConflictRow): ReviewedConflict {
  return {
    id: row.id,
    path: JSON.parse(row.path) as string[],
    status: row.status,
    sequence: row.sequence,
    kept: {
      item: { client: row.kept_client, clock: row.kept_clock },
      value: decoded(row.kept_value),
      author: { sub: row.kept_sub, role: row.kept_role },
      at: row.kept_at,
    },
    replaced: {
      item: { client: row.replaced_client, clock: row.replaced_clock },
      value: decoded(row.replaced_value),
      author: { sub: row.replaced_sub, role: row.replaced_role },
      at: row.replaced_at,
    },
  }
}

function heldBackItem(tenant: RecordKey['tenant'], row: HeldBackItemRow): HeldBackItem {
  const { state, id, type, reason, at, size } = row
  const author = { sub: row.author_sub, role: row.author_role }
  return { state, id, key: { tenant, type, id: parseRecordId(row.record_id) as RecordId }, reason, author, at, size }
}
