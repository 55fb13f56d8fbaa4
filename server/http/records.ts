/** REST for records: reading them here, one or a page of them, and writing them in `record-writes.ts`. */
import { SyncError } from '@rapport/shared/errors.ts'
import { parseRecordId, type RecordId, type RecordKey } from '@rapport/shared/ids.ts'
import { type Context, Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { Policy } from '../access/policy.ts'
import type { UpdateLog } from '../log/update-log.ts'
import { etagOf, readIfMatch, readIfNoneMatch } from './conditions.ts'
import { createGate } from './gate.ts'
import { type ListNeeds, renderList } from './record-list.ts'
import { readResource } from './record-resource.ts'
import { type Authenticated, readFlag, readTarget, readType } from './record-target.ts'
import { addRecordWrites, type WriteNeeds } from './record-writes.ts'

const DEFAULT_LIMIT = 50
const MAX_LIMIT = 200
/** Lists rendered at once, each with some ten megabytes in hand; those that may wait, and for how many milliseconds. */
const LISTS = 4
const WAITING_LISTS = 32
const LIST_PATIENCE_MS = 5_000
/** How long a reader waits for the rows to show the record. */
const PROJECTION_PATIENCE_MS = 5_000

export interface RecordsNeeds extends ListNeeds, WriteNeeds {
  readonly updateLog: Pick<UpdateLog, 'heads' | 'page'>
  /** Whether the record's rows show it at `sequence` or later, within so many milliseconds. */
  readonly reached: (key: RecordKey, sequence: number, milliseconds: number) => Promise<boolean>
}

export function createRecords(needs: RecordsNeeds): Hono<Authenticated> {
  const { registry, updateLog, clock, limitHit, reached, policy } = needs
  const app = new Hono<Authenticated>()
  const gate = createGate({
    clock,
    places: LISTS,
    line: WAITING_LISTS,
    patience: LIST_PATIENCE_MS,
    onTurnedAway: () => limitHit('lists'),
  })

  app.get('/:type/:id', async (context) => {
    const target = readTarget(context, policy)
    const { key } = target
    const [matches, isHeld] = [readIfMatch(context.req), readIfNoneMatch(context.req)]
    const projected = readFlag(context, 'projected')
    if (context.req.query('at') !== undefined) throw malformed('records can be read only as they are now')
    // What another instance wrote is in the log before the record's room hears of it.
    const [head] = projected ? await updateLog.heads([key]) : []
    const record = await readResource(registry, target, policy)
    const { sequence } = record
    // What is answered is the record as it was before the wait: the rows show at least that.
    const shown = Math.max(sequence, head?.sequence ?? 0)
    if (projected && !(await reached(key, shown, PROJECTION_PATIENCE_MS))) throw new SyncError('not_yet', 'rows lag behind')
    if (record.deletedAt !== null) throw new SyncError('gone', 'this record was deleted')
    if (!matches(sequence)) throw new SyncError('stale', 'the record is not in the state that was asked for')
    const headers = { ETag: etagOf(sequence) }
    return isHeld(sequence) ? context.body(null, 304, headers) : context.json(record, 200, headers)
  })

  app.get('/:type', async (context) => {
    const principal = context.get('principal')
    const query = { principal, type: readType(context, policy), ...readQuery(context) }
    const page = await gate(() => renderList(needs, query))
    return context.body(page, 200, { 'Content-Type': 'application/json' })
  })

  addRecordWrites(app, needs)
  refuseOtherMethods(app, policy)
  return app
}

/** What each path takes; HEAD goes with GET. Behind all routes, so it sees only what none of them took. */
const METHODS = { '/:type': 'GET, HEAD, POST', '/:type/:id': 'GET, HEAD, PATCH, DELETE', '/:type/:id/restore': 'POST' } as const

function refuseOtherMethods(app: Hono<Authenticated>, policy: Policy | undefined): void {
  for (const [path, methods] of Object.entries(METHODS)) {
    app.all(path, (context) => {
      readType(context, policy)
      context.header('Allow', methods)
      throw new HTTPException(405, { message: `this resource takes ${methods}` })
    })
  }
}

function readQuery(context: Context): { limit: number; after: RecordId | ''; deleted: boolean } {
  if (context.req.query('projected') !== undefined)
    throw malformed('lists do not wait for rows; read a record with projected=true')
  const limit = context.req.query('limit') ?? String(DEFAULT_LIMIT)
  if (!/^[1-9]\d{0,2}$/.test(limit) || Number(limit) > MAX_LIMIT) throw malformed(`limit must be from 1 to ${MAX_LIMIT}`)
  const cursor = context.req.query('cursor') || undefined
  const after = cursor === undefined ? '' : parseRecordId(Buffer.from(cursor, 'base64url').toString('latin1'))
  if (after === undefined) throw malformed('cursor must come from an earlier answer')
  return { limit: Number(limit), after, deleted: readFlag(context, 'deleted') }
}

function malformed(message: string): SyncError {
  return new SyncError('malformed', message)
}
