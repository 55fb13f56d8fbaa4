/**
 * How a list is walked through, page by page: all records of a type by id, as the log knows them, or those whose rows meet conditions,
 * in any order. A walk says where each record stands, and how a cursor tells of that place.
 */
import { SyncError } from '@rapport/shared/errors.ts'
import { parseRecordId, type RecordId } from '@rapport/shared/ids.ts'
import type { RecordType } from '@rapport/shared/schema/record-type.ts'
import { mayOpen, opensByRelation, type Policy, shippedPolicy } from '../access/policy.ts'
import type { Principal } from '../auth/principal.ts'
import type { UpdateLog } from '../log/update-log.ts'
import type { RowPlace, RowQuery, Sight } from '../projection/list-statement.ts'
import type { RowList } from '../projection/row-lists.ts'
import type { ListFilters } from './list-filters.ts'
import { noCursor } from './paging.ts'

export interface Place {
  readonly id: RecordId
}

export interface ListWalk<P extends Place> {
  /** Of `cursorOf`; throws `malformed`. */
  placeOf(cursor: string): P
  cursorOf(place: P): string
  /** The next ones behind a place, fewer than wanted only at the end. */
  next(after: P | undefined, wanted: number): Promise<readonly P[]>
}

/** Characters of all values in a cursor: it must fit into a URL. What valid fields hold is shorter. */
const MAX_CURSOR = 8_000

export function walkById(updateLog: Pick<UpdateLog, 'page'>, { tenant }: Principal, type: RecordType): ListWalk<Place> {
  return {
    placeOf(cursor) {
      const id = parseRecordId(Buffer.from(cursor, 'base64url').toString('latin1'))
      if (id === undefined) throw noCursor()
      return { id }
    },
    cursorOf: ({ id }) => Buffer.from(id).toString('base64url'),
    async next(after, wanted) {
      const ids = await updateLog.page(tenant, type.name, after?.id ?? '', wanted)
      return ids.map((id) => ({ id }))
    },
  }
}

export interface RowWalkNeeds {
  readonly rows: RowList
  readonly principal: Principal
  readonly type: RecordType
  readonly filters: ListFilters
  readonly deleted: boolean
  /** Without one, the policy that ships. */
  readonly policy?: Policy | undefined
}

export function walkByRows({ rows, principal, type, filters, deleted, policy }: RowWalkNeeds): ListWalk<RowPlace<RecordId>> {
  const sight = sightOf(rows, principal, type, policy)
  const query: Omit<RowQuery, 'after' | 'limit'> = { tenant: principal.tenant, ...filters, deleted, sight }
  // A cursor of another order would begin anywhere.
  const order = [...filters.sort.map(({ field, descending }) => `${descending ? '-' : ''}${field.name}`)]
  order.push(filters.idDescending ? '-id' : 'id')
  return {
    placeOf(cursor) {
      const [of, id, ...keys] = readCursor(cursor)
      const parsed = typeof id === 'string' ? parseRecordId(id) : undefined
      const given = keys.filter(isKey)
      if (of !== order.join() || parsed === undefined || given.length !== filters.sort.length || given.length !== keys.length) {
        throw noCursor()
      }
      return { id: parsed, keys: given }
    },
    cursorOf({ id, keys }) {
      const text = JSON.stringify([order.join(), id, ...keys])
      // Only what the CRM wrote, and is about to be put back, is as long.
      if (text.length > MAX_CURSOR) throw new SyncError('not_yet', 'rows hold a value that is too long to sort by')
      return Buffer.from(text).toString('base64url')
    },
    next: (after, wanted) => rows.page({ ...query, after, limit: wanted }),
  }
}

function readCursor(cursor: string): readonly unknown[] {
  try {
    const read: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
    return Array.isArray(read) ? read : []
  } catch {
    return []
  }
}

/** No value of a row holds what Postgres cannot store. */
function isKey(key: unknown): key is string | null {
  return key === null || (typeof key === 'string' && key.isWellFormed() && !key.includes('\0'))
}

/**
 * Where it depends on a record's owner whether it may be opened, rows are left out by their owner's column: else a cursor, or a page
 * that is short, would tell of records that are not to be seen. Each record is judged by its document all the same.
 */
function sightOf(rows: RowList, asking: Principal, type: RecordType, policy = shippedPolicy): Sight | undefined {
  if (!opensByRelation(asking, type.name, policy)) return undefined
  const owner = rows.fields.get('owner')
  if (owner === undefined) throw new SyncError('malformed', 'rows of this type do not tell who may see them')
  const opens = {
    owner: mayOpen(asking, type.name, 'owner', policy),
    team: mayOpen(asking, type.name, 'team', policy),
    anyone: mayOpen(asking, type.name, 'anyone', policy),
  }
  return { column: owner.column, sub: asking.sub, teams: asking.teams, opens }
}
