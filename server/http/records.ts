/** Reading records over REST. The tenant comes from the token and from nowhere else (P11). */
import { SyncError } from '@rapport/shared/errors.ts'
import { parseRecordId, type RecordId, type RecordKey } from '@rapport/shared/ids.ts'
import { recordTypeOf } from '@rapport/shared/records/record-types.ts'
import type { RecordType } from '@rapport/shared/schema/record-type.ts'
import { type Context, Hono } from 'hono'
import { mayOpen } from '../access/policy.ts'
import type { Principal } from '../auth/principal.ts'
import type { Limits } from '../config.ts'
import { createGate } from './gate.ts'
import { type ListNeeds, renderList } from './record-list.ts'
import { readResource } from './record-resource.ts'

const DEFAULT_LIMIT = 50
const MAX_LIMIT = 200
/** Lists rendered at once, each with some ten megabytes in hand; those that may wait, and for how many milliseconds. */
const LISTS = 4
const WAITING_LISTS = 32
const LIST_PATIENCE_MS = 5_000

/** Before every route: who is asking. */
export type Authenticated = { Variables: { principal: Principal } }

export interface RecordsNeeds extends ListNeeds {
  readonly limits: Pick<Limits, 'frameBytes' | 'updatesPerSecond' | 'bytesPerSecond'>
  /** Whether the record's rows show it at `sequence` or later, within so many milliseconds. */
  readonly reached: (key: RecordKey, sequence: number, milliseconds: number) => Promise<boolean>
}

export function createRecords(needs: RecordsNeeds): Hono<Authenticated> {
  const { registry, clock, limitHit } = needs
  const app = new Hono<Authenticated>()
  const gate = createGate({
    clock,
    places: LISTS,
    line: WAITING_LISTS,
    patience: LIST_PATIENCE_MS,
    onTurnedAway: () => limitHit('lists'),
  })

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
    const query = { tenant: principal.tenant, type, ...readQuery(context) }
    const page = await gate(() => renderList(needs, query))
    return context.body(page, 200, { 'Content-Type': 'application/json' })
  })

  return app
}

function typeOf(name: string): RecordType {
  const type = recordTypeOf(name)
  if (type === undefined) throw new SyncError('not_found', 'no such record type')
  return type
}

function readQuery(context: Context): { limit: number; after: RecordId | ''; deleted: boolean } {
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
