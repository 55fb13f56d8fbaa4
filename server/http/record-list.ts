/**
 * One page of a list of records, as the text of an answer. A page begins behind a place in its list: what is written meanwhile shifts
 * nothing.
 *
 * A record may be megabytes large, so a page ends early once it is long enough, records are rendered one at a time, and everything
 * else has its turn in between.
 */
import type { Clock } from '@rapport/shared/clock.ts'
import { toSyncError } from '@rapport/shared/errors.ts'
import type { RecordType } from '@rapport/shared/schema/record-type.ts'
import type { Policy } from '../access/policy.ts'
import type { Principal } from '../auth/principal.ts'
import type { Room } from '../document/handle.ts'
import type { Registry } from '../document/registry.ts'
import type { LimitHit } from '../observability/limits.ts'
import type { Logger } from '../observability/logger.ts'
import type { ListWalk, Place } from './list-walks.ts'
import { visibleResourceOf } from './record-resource.ts'
import type { Thinning } from './sparse-fields.ts'

/** Characters of JSON after which a page takes no further record. */
const LONG_PAGE = 8 * 1024 * 1024
/** Records loaded ahead of the one that is rendered. */
const AHEAD = 8
/** Ids looked at for one page; a page of a list full of records that do not show may be short. */
const MAX_EXAMINED = 1000

export interface ListNeeds {
  readonly clock: Clock
  readonly registry: Registry
  readonly log: Logger
  readonly limitHit: LimitHit
  /** Without one, the policy that ships. */
  readonly policy?: Policy | undefined
}

export interface ListQuery<P extends Place> {
  /** Who reads it: records of the same tenant, without those that this principal may not open. */
  readonly principal: Principal
  readonly type: RecordType
  /** Records wanted. */
  readonly limit: number
  readonly walk: ListWalk<P>
  /** The place behind which the page begins; `undefined` for the first. */
  readonly after: P | undefined
  /** Whether deleted records belong to it. */
  readonly deleted: boolean
  /** What of each record is wanted; all, unless said otherwise. */
  readonly thinning?: Thinning | undefined
}

/** `{items, nextCursor}` as JSON; at least one item unless the list has come to its end, or to 1,000 that do not show. */
export async function renderList<P extends Place>(needs: ListNeeds, query: ListQuery<P>): Promise<string> {
  const { walk, limit } = query
  const items: string[] = []
  let length = 0
  let after = query.after
  for (let examined = 0; examined < MAX_EXAMINED; ) {
    const wanted = limit - items.length
    const places = await walk.next(after, wanted)
    for await (const { place, item } of renderEach(needs, query, places)) {
      examined += 1
      after = place
      if (item === undefined) continue
      items.push(item)
      length += item.length
      if (length >= LONG_PAGE) break
    }
    if (places.length < wanted && after === (places.at(-1) ?? after)) return pageOf(items, undefined)
    if (length >= LONG_PAGE) needs.limitHit('page')
    if (length >= LONG_PAGE || items.length === limit) break
  }
  return pageOf(items, after && walk.cursorOf(after))
}

function pageOf(items: readonly string[], nextCursor: string | null = null): string {
  return `{"items":[${items.join(',')}],"nextCursor":${JSON.stringify(nextCursor)}}`
}

interface Rendered<P extends Place> {
  readonly place: P
  /** JSON; `undefined` for a record that does not belong to the list. */
  readonly item: string | undefined
}

/** In order. Each record is held from shortly before its turn until it is rendered, or until nobody wants it any more. */
async function* renderEach<P extends Place>(
  needs: ListNeeds,
  query: ListQuery<P>,
  places: readonly P[],
): AsyncGenerator<Rendered<P>> {
  const { registry, clock } = needs
  const ahead: { readonly place: P; readonly room: Promise<Room | undefined> }[] = []
  const left = places.values()
  const loadNext = (): void => {
    const { value: place } = left.next()
    if (place === undefined) return
    const { tenant } = query.principal
    const room = tolerant(needs, registry.acquire({ tenant, type: query.type.name, id: place.id }))
    // Until its turn comes nobody awaits it, and a failure that nobody awaits would end the process.
    room.catch(() => undefined)
    ahead.push({ place, room })
  }
  for (let count = 0; count < AHEAD; count++) loadNext()
  try {
    for (let next = ahead.shift(); next !== undefined; next = ahead.shift()) {
      loadNext()
      yield { place: next.place, item: await renderOne(needs, query, await next.room) }
      await new Promise<void>((resolve) => clock.soon(resolve))
    }
  } finally {
    for (const { room } of ahead) void room.then((open) => open && registry.release(open)).catch(() => undefined)
  }
}

async function renderOne<P extends Place>(
  needs: ListNeeds,
  query: ListQuery<P>,
  room: Room | undefined,
): Promise<string | undefined> {
  if (room === undefined) return undefined
  try {
    const record = await tolerant(needs, visibleResourceOf(query, room, needs.policy))
    if (record === undefined || (record.deletedAt !== null && !query.deleted)) return undefined
    return JSON.stringify(query.thinning?.(record) ?? record)
  } finally {
    needs.registry.release(room)
  }
}

/** One record that is out of service, or erased since its id was read, does not take the list with it. */
async function tolerant<T>({ log }: ListNeeds, wanted: Promise<T>): Promise<T | undefined> {
  try {
    return await wanted
  } catch (thrown) {
    const { code } = toSyncError(thrown)
    if (code !== 'gone' && code !== 'not_found' && code !== 'out_of_service') throw thrown
    if (code === 'out_of_service') log.warn('a record that is out of service was left out of a list')
    return undefined
  }
}
