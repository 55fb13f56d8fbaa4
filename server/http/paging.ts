/** What a request says of the page that it wants, and how a page says where the next one begins. Throws `malformed`. */
import { SyncError } from '@rapport/shared/errors.ts'
import type { Context } from 'hono'

const DEFAULT_LIMIT = 50
const MAX_LIMIT = 200
/** The largest number that a cursor may hold: what stands in the database is far smaller. */
const MOST = Number.MAX_SAFE_INTEGER
const CURSOR = /^(\d{1,16})\.([0-9a-f-]{1,36})$/

export function readLimit(context: Context): number {
  const limit = context.req.query('limit') ?? String(DEFAULT_LIMIT)
  if (/^[1-9]\d{0,2}$/.test(limit) && Number(limit) <= MAX_LIMIT) return Number(limit)
  throw new SyncError('malformed', `limit must be from 1 to ${MAX_LIMIT}`)
}

/** The place behind which the page begins, as the page before it told; `undefined` for the first. */
export interface Mark {
  readonly number: number
  /** Decimal digits, or a UUID. */
  readonly name: string
}

/** As `made` finds it in a mark of a cursor's form. */
export function readCursor<T>(context: Context, made: (mark: Mark) => T | undefined): T | undefined {
  const cursor = context.req.query('cursor') || undefined
  if (cursor === undefined) return undefined
  const [, number, name = ''] = CURSOR.exec(Buffer.from(cursor, 'base64url').toString('latin1')) ?? []
  const place = number === undefined || Number(number) > MOST ? undefined : made({ number: Number(number), name })
  if (place === undefined) throw noCursor()
  return place
}

export function noCursor(): SyncError {
  return new SyncError('malformed', 'cursor must come from an earlier answer')
}

/** `rows`: one more than the limit, if there are so many. */
export function pageOf<Row>(
  rows: readonly Row[],
  limit: number,
  itemOf: (row: Row) => object,
  markOf: (row: Row) => Mark,
): object {
  const shown = rows.slice(0, limit)
  const last = rows.length > limit ? shown.at(-1) : undefined
  const mark = last && markOf(last)
  const nextCursor = mark === undefined ? null : Buffer.from(`${mark.number}.${mark.name}`).toString('base64url')
  return { items: shown.map(itemOf), nextCursor }
}

/** As the name in a mark. */
export const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
