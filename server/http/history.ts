/** The history of a record over REST: each change of a field, column, member or text, newest first. */
import { SyncError } from '@rapport/shared/errors.ts'
import { type Place, parsePlace } from '@rapport/shared/schema/places.ts'
import type { RecordType } from '@rapport/shared/schema/record-type.ts'
import type { Context, Hono } from 'hono'
import type { Policy } from '../access/policy.ts'
import type { Registry } from '../document/registry.ts'
import { reaching } from '../log/reaching.ts'
import type { ChangePlace, HistoryItem, ReviewStore } from '../log/review-store.ts'
import { type Mark, pageOf, readCursor, readLimit } from './paging.ts'
import { requireVisible } from './record-resource.ts'
import { type Authenticated, readTarget } from './record-target.ts'

export interface HistoryNeeds {
  readonly registry: Registry
  readonly policy?: Policy | undefined
  readonly review: Pick<ReviewStore, 'history'>
}

export function addHistory(app: Hono<Authenticated>, { registry, policy, review }: HistoryNeeds): void {
  app.get('/:type/:id/history', async (context) => {
    const target = readTarget(context, policy)
    const [limit, before, path] = [readLimit(context), readCursor(context, placeOf), readPath(context, target.type)]
    await requireVisible(registry, target, policy)
    const page = { limit: limit + 1, ...(path && { path }), ...(before && { before }) }
    const rows = await reaching(review.history(target.key, page))
    return context.json(pageOf(rows, limit, itemOf, ({ sequence, ordinal }) => ({ number: sequence, name: String(ordinal) })))
  })
}

function placeOf({ number, name }: Mark): ChangePlace | undefined {
  return /^\d{1,9}$/.test(name) ? { sequence: number, ordinal: Number(name) } : undefined
}

function readPath(context: Context, type: RecordType): Place | undefined {
  const given = context.req.queries('path')
  if (given === undefined) return undefined
  const place = given.length === 1 ? parsePlace(type, given[0]) : undefined
  if (place === undefined) throw new SyncError('malformed', 'path names no place in records of this type')
  return place
}

function itemOf({ sequence, at, author, device, via, path, before, after }: HistoryItem): object {
  return { sequence, at: new Date(at).toISOString(), author, device, via, path, before, after }
}
