/**
 * REST for records: reading them here, one, as it is or as it was, or a page of them; writing them in `record-writes.ts` and
 * `record-restore.ts`, and what was found in them in `history.ts` and `conflicts.ts`.
 */
import { SyncError } from '@rapport/shared/errors.ts'
import type { RecordKey } from '@rapport/shared/ids.ts'
import { type Context, Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { Policy } from '../access/policy.ts'
import type { ReviewStore } from '../log/review-store.ts'
import type { UpdateLog } from '../log/update-log.ts'
import type { RowLists } from '../projection/row-lists.ts'
import { etagOf, readIfMatch, readIfNoneMatch } from './conditions.ts'
import { addConflicts } from './conflicts.ts'
import { createGate } from './gate.ts'
import { addHistory } from './history.ts'
import type { KeptAnswers } from './kept-answers.ts'
import { createKeyedWrites } from './keyed-writes.ts'
import { readFilters } from './list-filters.ts'
import { type ListWalk, type Place, walkById, walkByRows } from './list-walks.ts'
import { type Moment, readMoment } from './moment.ts'
import { readLimit } from './paging.ts'
import { createPastStates, type PastNeeds } from './past-states.ts'
import { addRecordBatch } from './record-batch.ts'
import { type ListNeeds, renderList } from './record-list.ts'
import { type RecordResource, readResource, requireVisible, toResource } from './record-resource.ts'
import { addRecordRestore } from './record-restore.ts'
import { type Authenticated, readFlag, readTarget, readType, type Target } from './record-target.ts'
import { addRecordWrites } from './record-writes.ts'
import { readThinning } from './sparse-fields.ts'
import type { WriteNeeds, WriteRequests } from './write-request.ts'

/** Lists rendered at once, each with some ten megabytes in hand; those that may wait, and for how many milliseconds. */
const LISTS = 4
const WAITING_LISTS = 32
const LIST_PATIENCE_MS = 5_000
/** How long a reader waits for the rows to show the record. */
const PROJECTION_PATIENCE_MS = 5_000

export interface RecordsNeeds extends ListNeeds, WriteNeeds, PastNeeds {
  readonly updateLog: Pick<UpdateLog, 'heads' | 'page' | 'load' | 'readAfter'>
  readonly review: ReviewStore
  readonly rows: RowLists
  readonly answers: KeptAnswers
  /** Whether the record's rows show it at `sequence` or later, within so many milliseconds. */
  readonly reached: (key: RecordKey, sequence: number, milliseconds: number) => Promise<boolean>
}

export function createRecords(needs: RecordsNeeds, requests: WriteRequests): Hono<Authenticated> {
  const { registry, updateLog, clock, log, limitHit, reached, rows, answers, policy } = needs
  const app = new Hono<Authenticated>()
  const pasts = createPastStates(needs)
  const gate = createGate({
    clock,
    places: LISTS,
    line: WAITING_LISTS,
    patience: LIST_PATIENCE_MS,
    onTurnedAway: () => limitHit('lists'),
  })

  app.get('/:type/:id', async (context) => {
    const target = readTarget(context, policy)
    const [matches, isHeld] = [readIfMatch(context.req), readIfNoneMatch(context.req)]
    const projected = readFlag(context, 'projected')
    const moment = readMoment(context)
    if (projected && moment !== undefined) throw malformed('rows show records as they are now')
    const record = moment === undefined ? await readNow(target, projected) : await readThen(target, moment)
    const { sequence } = record
    if (record.deletedAt !== null) throw new SyncError('gone', 'this record was deleted')
    if (!matches(sequence)) throw new SyncError('stale', 'the record is not in the state that was asked for')
    const headers = { ETag: etagOf(sequence) }
    return isHeld(sequence) ? context.body(null, 304, headers) : context.json(record, 200, headers)
  })

  async function readNow(target: Target, projected: boolean): Promise<RecordResource> {
    const { key } = target
    // What another instance wrote is in the log before the record's room hears of it.
    const [head] = projected ? await updateLog.heads([key]) : []
    const record = await readResource(registry, target, policy)
    // What is answered is the record as it was before the wait: the rows show at least that.
    const shown = Math.max(record.sequence, head?.sequence ?? 0)
    if (projected && !(await reached(key, shown, PROJECTION_PATIENCE_MS))) throw new SyncError('not_yet', 'rows lag behind')
    return record
  }

  /** Whoever may open the record now may see what it was. */
  async function readThen(target: Target, moment: Moment): Promise<RecordResource> {
    await requireVisible(registry, target, policy)
    return await pasts(target.key, moment, (past) => toResource(target.type, past))
  }

  app.get('/:type', async (context) => {
    const page = readPage(context)
    return context.body(await gate(page), 200, { 'Content-Type': 'application/json' })
  })

  /** The page that a request asks for, still to be read. */
  function readPage(context: Context<Authenticated>): () => Promise<string> {
    if (context.req.query('projected') !== undefined)
      throw malformed('lists do not wait for rows; read a record with projected=true')
    const principal = context.get('principal')
    const type = readType(context, policy)
    const [limit, deleted, thinning] = [readLimit(context), readFlag(context, 'deleted'), readThinning(context, type)]
    const rowList = rows(type.name)
    const filters = readFilters(context, rowList)
    const along = <P extends Place>(walk: ListWalk<P>) => {
      const cursor = context.req.query('cursor') || undefined
      const after = cursor === undefined ? undefined : walk.placeOf(cursor)
      return () => renderList(needs, { principal, type, limit, deleted, thinning, walk, after })
    }
    if (filters === undefined || rowList === undefined) return along(walkById(updateLog, principal, type))
    return along(walkByRows({ rows: rowList, principal, type, filters, deleted, policy }))
  }

  const keyed = createKeyedWrites({ clock, registry, log, pasts, answers })
  addRecordWrites(app, { clock, policy, requests, keyed })
  addRecordBatch(app, { clock, log, policy, requests, keyed })
  addRecordRestore(app, { registry, policy, pasts, requests, keyed })
  addHistory(app, needs)
  addConflicts(app, { ...needs, requests })
  refuseOtherMethods(app, policy)
  return app
}

/** What each path takes; HEAD goes with GET. Behind all routes, so it sees only what none of them took. */
const METHODS = {
  '/:type': 'GET, HEAD, POST',
  '/:type/batch': 'GET, HEAD, POST, PATCH, DELETE',
  '/:type/:id': 'GET, HEAD, PATCH, DELETE',
  '/:type/:id/restore': 'POST',
  '/:type/:id/history': 'GET, HEAD',
  '/:type/:id/conflicts': 'GET, HEAD',
  '/:type/:id/conflicts/:conflict/restore': 'POST',
  '/:type/:id/conflicts/:conflict/dismiss': 'POST',
} as const

function refuseOtherMethods(app: Hono<Authenticated>, policy: Policy | undefined): void {
  for (const [path, methods] of Object.entries(METHODS)) {
    app.all(path, (context) => {
      readType(context, policy)
      context.header('Allow', methods)
      throw new HTTPException(405, { message: `this resource takes ${methods}` })
    })
  }
}

function malformed(message: string): SyncError {
  return new SyncError('malformed', message)
}
