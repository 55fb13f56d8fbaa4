/**
 * Conflicts over REST: two values of which neither author had seen the other's. They are listed, newest first; the one that does not
 * show is put back by an edit that settles its conflict in the same commit, or the conflict is dismissed.
 */
import type { Clock } from '@rapport/shared/clock.ts'
import { SyncError } from '@rapport/shared/errors.ts'
import type { Context, Hono } from 'hono'
import { type Policy, shippedPolicy } from '../access/policy.ts'
import type { Registry } from '../document/registry.ts'
import { mayWriteAt, puttingBack } from '../inbound/record-restoration.ts'
import { rightsIn } from '../inbound/refusals.ts'
import type { ConflictStatus } from '../log/findings.ts'
import { reaching } from '../log/reaching.ts'
import type { ReviewedConflict, ReviewStore } from '../log/review-store.ts'
import { type JsonObject, unfit } from './json-body.ts'
import { type Mark, pageOf, readCursor, readLimit, UUID } from './paging.ts'
import { requireVisible } from './record-resource.ts'
import { type Authenticated, readTarget, type Target } from './record-target.ts'
import type { WriteRequests } from './write-request.ts'

/** How often a conflict is looked up that changes while it is put back: its author may be typing. */
const ATTEMPTS = 5

export interface ConflictNeeds {
  readonly clock: Clock
  readonly registry: Registry
  readonly policy?: Policy | undefined
  readonly review: Pick<ReviewStore, 'conflicts' | 'conflict' | 'dismiss'>
  readonly requests: WriteRequests
}

export function addConflicts(app: Hono<Authenticated>, needs: ConflictNeeds): void {
  const { clock, registry, policy = shippedPolicy, review, requests } = needs

  /** The conflict that a path names, in a record that may be seen. */
  async function find({ key }: Target, context: Context): Promise<ReviewedConflict> {
    const found = await reaching(review.conflict(key, context.req.param('conflict') ?? ''))
    if (found === undefined) throw new SyncError('not_found', 'no such conflict')
    return found
  }

  /** Whoever may not write there settles nothing there. */
  async function requireRight({ principal, type, key }: Target, { path }: ReviewedConflict): Promise<void> {
    const room = await registry.acquire(key)
    try {
      const may = await room.view(({ document }) => mayWriteAt(rightsIn(principal, type, document, policy), path))
      if (!may) throw new SyncError('forbidden', 'no right to write this', { issues: [{ path, code: 'forbidden' }] })
    } finally {
      registry.release(room)
    }
  }

  app.get('/:type/:id/conflicts', async (context) => {
    const target = readTarget(context, policy)
    const [limit, after, status] = [readLimit(context), readCursor(context, placeOf), readStatus(context)]
    await requireVisible(registry, target, policy)
    const page = { limit: limit + 1, ...(status && { status }), ...(after && { after }) }
    const rows = await reaching(review.conflicts(target.key, page))
    return context.json(pageOf(rows, limit, itemOf, ({ sequence, id }) => ({ number: sequence, name: id })))
  })

  app.post('/:type/:id/conflicts/:conflict/restore', (context) =>
    requests(context, async ({ json, perform }) => {
      const target = readTarget(context, policy)
      requireEmpty(json())
      await requireVisible(registry, target, policy)
      for (let attempt = 1; ; attempt += 1) {
        const found = await find(target, context)
        if (found.status === 'dismissed') throw settled(found.status)
        if (found.status === 'restored') return context.json(itemOf(found))
        try {
          await perform(target, puttingBack(target.principal, target.type, found, policy), () => Promise.resolve())
          // If somebody dismissed it at that very moment, both were done, and the row says so.
          return context.json(itemOf(await find(target, context)))
        } catch (error) {
          // Whoever lost wrote on, or somebody settled it: what is to be put back is another value now, or nothing.
          const movedOn = error instanceof SyncError && error.code === 'stale'
          if (!movedOn || attempt === ATTEMPTS) throw error
        }
      }
    }),
  )

  app.post('/:type/:id/conflicts/:conflict/dismiss', (context) =>
    requests(context, async ({ json }) => {
      const target = readTarget(context, policy)
      requireEmpty(json())
      await requireVisible(registry, target, policy)
      const found = await find(target, context)
      await requireRight(target, found)
      if (found.status === 'open') await reaching(review.dismiss(target.key, found.id, target.principal.sub, clock.now()))
      // Somebody may have put it back at the same moment.
      const now = await find(target, context)
      if (now.status === 'restored') throw settled(now.status)
      return context.json(itemOf(now))
    }),
  )
}

function settled(status: ConflictStatus): SyncError {
  return new SyncError('stale', `this conflict was ${status} already`)
}

/** There is nothing to say: what is put back stands in the conflict. */
function requireEmpty(body: JsonObject | undefined): void {
  const [unknown] = Object.keys(body ?? {})
  if (unknown !== undefined) throw unfit([unknown], 'unknown_field', 'this takes an empty body')
}

function placeOf({ number, name }: Mark): { readonly sequence: number; readonly id: string } | undefined {
  return UUID.test(name) ? { sequence: number, id: name } : undefined
}

const STATUSES: readonly ConflictStatus[] = ['open', 'restored', 'dismissed']

function readStatus(context: Context): ConflictStatus | undefined {
  const given = context.req.queries('status')
  if (given === undefined) return undefined
  const status = STATUSES.find((name) => given.length === 1 && name === given[0])
  if (status === undefined) throw new SyncError('malformed', 'status must be open, restored or dismissed')
  return status
}

function itemOf({ id, path, sequence, status, kept, replaced }: ReviewedConflict): object {
  return { id, path, sequence, status, kept: writeOf(kept), replaced: writeOf(replaced) }
}

function writeOf({ value, author, at }: ReviewedConflict['kept']): object {
  return { value, author, at: new Date(at).toISOString() }
}
