/**
 * Reads the feed of one tenant by position. Positions are dense and given in the order of their commits, so a reader that goes on behind
 * the last one it saw misses nothing. A page is bounded in bytes: a record, and so an event, may be megabytes large.
 */
import { SyncError } from '@rapport/shared/errors.ts'
import type { Tenant } from '@rapport/shared/ids.ts'
import type { Sql } from '../db.ts'
import { type EventRow, eventOf, type FeedEvent } from './event.ts'

export interface FeedReader {
  /** Events behind a position, in order, at least one if there is any. Rejects with `gone` if some behind it were removed. */
  page(tenant: Tenant, after: number, limit: number): Promise<FeedPage>
  /** The position of the newest event; 0 before the first. */
  head(tenant: Tenant): Promise<number>
  /** The position behind which the feed is whole: 0 until old events are removed. */
  oldest(tenant: Tenant): Promise<number>
}

export interface FeedPage {
  readonly events: readonly FeedEvent[]
  /** The position behind which the next page begins. */
  readonly next: number
}

/** The position before the first event. */
const FIRST = 0

/** Characters after which a page takes no further event. */
const LONG_PAGE = 4 * 1024 * 1024
/** The same, in bytes as the database keeps them, compressed: it looks no further than this for what would be too long anyway. */
const LONG_STORED = 4 * 1024 * 1024

const CURSOR = /^(0|[1-9]\d{0,14})$/

type PageRow = { readonly removed: number; readonly head: number } & (EventRow | { readonly position: null })

export function createFeedReader(sql: Sql): FeedReader {
  return {
    async page(tenant, after, limit) {
      const rows = await sql.unsafe<PageRow[]>(PAGE, [tenant, after, limit, LONG_STORED, LONG_PAGE])
      const { removed, head } = rows[0] ?? { removed: FIRST, head: FIRST }
      if (after < removed) throw new SyncError('gone', goneAfter(removed))
      const events = rows.flatMap((row) => (row.position === null ? [] : [eventOf(row)]))
      // Where the newest events went with an erased record, nothing is left to wait for up to the head.
      return { events, next: events.at(-1)?.position ?? Math.max(after, head) }
    },
    async head(tenant) {
      const [row] = await sql<{ position: number }[]>`select position from rapport.feed_heads where tenant = ${tenant}`
      return row?.position ?? FIRST
    },
    async oldest(tenant) {
      const [row] = await sql<{ removed: number }[]>`select removed from rapport.feed_heads where tenant = ${tenant}`
      return row?.removed ?? FIRST
    },
  }
}

/** The position that a cursor stands for. Throws `malformed`. */
export function parseCursor(text: string): number {
  if (CURSOR.test(text)) return Number(text)
  throw new SyncError('malformed', 'a cursor must be 0 or come from an earlier answer')
}

export function cursorOf(position: number): string {
  return String(position)
}

function goneAfter(removed: number): string {
  return `Events up to cursor ${cursorOf(removed)} were removed because of their age. Take a cursor with after=latest, read the records or their rows, and follow the feed from that cursor.`
}

/**
 * One statement, so that what was removed and what is left belong together. Lengths are looked at in two steps: how long an event is as
 * text is known only once the database has unpacked it, which it should not do with a thousand large ones.
 */
const PAGE = `
select h.removed, h.position as head, e.position, e.id, h.tenant, e.aggregatetype, e.aggregateid, e.type, e.at, e.payload
from rapport.feed_heads h
left join lateral (
  select *
  from (
    select stored.*, sum(length(stored.payload)) over (order by stored.position) - length(stored.payload) as before
    from (
      select o.position, o.id, o.aggregatetype, o.aggregateid, o.type, o.at, o.payload::text as payload
      from (
        select first.*, sum(pg_column_size(first.payload)) over (order by first.position) - pg_column_size(first.payload) as before
        from (
          select * from rapport.outbox where tenant = $1 and position > $2 order by position limit $3
        ) as first
      ) as o
      where o.before < $4
    ) as stored
  ) as e
  where e.before < $5
) as e on h.removed <= $2
where h.tenant = $1
order by e.position`
