/** Reading records over REST. The tenant comes from the token and from nowhere else (P11). */
import { SyncError, toSyncError } from '@rapport/shared/errors.ts'
import { parseRecordId, type RecordKey } from '@rapport/shared/ids.ts'
import { recordTypeOf } from '@rapport/shared/records/record-types.ts'
import type { RecordType } from '@rapport/shared/schema/record-type.ts'
import { type Context, Hono } from 'hono'
import { mayOpen } from '../access/policy.ts'
import type { Principal } from '../auth/principal.ts'
import type { Registry } from '../document/registry.ts'
import type { UpdateLog } from '../log/update-log.ts'
import type { Logger } from '../observability/logger.ts'
import { type RecordResource, readResource } from './record-resource.ts'

const DEFAULT_LIMIT = 50
const MAX_LIMIT = 200
/** Records loaded at a time for one list. */
const CONCURRENT_LOADS = 8
/** Ids looked at for one page; a page of a list full of deleted records may be short. */
const MAX_EXAMINED = 1000

/** Before every route: who is asking. */
export type Authenticated = { Variables: { principal: Principal } }

export interface RecordsNeeds {
  readonly registry: Registry
  readonly updateLog: Pick<UpdateLog, 'page'>
  readonly log: Logger
}

export function createRecords({ registry, updateLog, log }: RecordsNeeds): Hono<Authenticated> {
  const app = new Hono<Authenticated>()

  app.get('/:type/:id', async (context) => {
    const principal = context.get('principal')
    const type = typeOf(context.req.param('type'))
    const id = parseRecordId(context.req.param('id'))
    if (id === undefined || !mayOpen(principal)) throw new SyncError('not_found', 'no such record')
    const record = await readResource(registry, type, { tenant: principal.tenant, type: type.name, id })
    if (record.deletedAt !== null) throw new SyncError('gone', 'this record was deleted')
    return context.json(record, 200, { ETag: `"${record.sequence}"` })
  })

  app.get('/:type', async (context) => {
    const principal = context.get('principal')
    const type = typeOf(context.req.param('type'))
    if (!mayOpen(principal)) throw new SyncError('forbidden', 'no right to read records')
    return context.json(await list(principal, type, readQuery(context)))
  })

  /** Pages by id: what is written meanwhile shifts nothing. */
  async function list(principal: Principal, type: RecordType, query: ListQuery): Promise<object> {
    const items: RecordResource[] = []
    let after = query.after
    for (let examined = 0; examined < MAX_EXAMINED; ) {
      const wanted = query.limit - items.length
      const ids = await updateLog.page(principal.tenant, type.name, after, wanted)
      const found = await inBatches(ids, (id) => readListed(type, { tenant: principal.tenant, type: type.name, id }))
      items.push(...found.flatMap((item) => (item !== undefined && (query.deleted || item.deletedAt === null) ? [item] : [])))
      examined += ids.length
      after = ids.at(-1) ?? after
      if (ids.length < wanted) return { items, nextCursor: null }
      if (items.length === query.limit) break
    }
    return { items, nextCursor: Buffer.from(after).toString('base64url') }
  }

  /** One record that is out of service, or erased since its id was read, does not take the list with it. */
  async function readListed(type: RecordType, key: RecordKey): Promise<RecordResource | undefined> {
    try {
      return await readResource(registry, type, key)
    } catch (thrown) {
      const { code } = toSyncError(thrown)
      if (code !== 'gone' && code !== 'not_found' && code !== 'out_of_service') throw thrown
      if (code === 'out_of_service') log.warn({ type: key.type }, 'a record that is out of service was left out of a list')
      return undefined
    }
  }

  return app
}

function typeOf(name: string): RecordType {
  const type = recordTypeOf(name)
  if (type === undefined) throw new SyncError('not_found', 'no such record type')
  return type
}

interface ListQuery {
  readonly limit: number
  readonly after: string
  readonly deleted: boolean
}

function readQuery(context: Context): ListQuery {
  const limit = context.req.query('limit') ?? String(DEFAULT_LIMIT)
  if (!/^[1-9]\d{0,2}$/.test(limit) || Number(limit) > MAX_LIMIT) throw malformed(`limit must be from 1 to ${MAX_LIMIT}`)
  const deleted = context.req.query('deleted') || 'false'
  if (deleted !== 'true' && deleted !== 'false') throw malformed('deleted must be true or false')
  const cursor = context.req.query('cursor') || undefined
  const after = cursor === undefined ? '' : parseRecordId(Buffer.from(cursor, 'base64url').toString('latin1'))
  if (after === undefined) throw malformed('cursor must come from an earlier answer')
  return { limit: Number(limit), after, deleted: deleted === 'true' }
}

function malformed(message: string): SyncError {
  return new SyncError('malformed', message)
}

async function inBatches<T, R>(all: readonly T[], run: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let start = 0; start < all.length; start += CONCURRENT_LOADS) {
    results.push(...(await Promise.all(all.slice(start, start + CONCURRENT_LOADS).map(run))))
  }
  return results
}
