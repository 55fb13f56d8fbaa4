/**
 * What was not applied, and why, over REST, for administrators: updates that could not be applied, and those that wait for other
 * people's edits. One call admits one, in its sender's name and by the sender's rights; another drops it. The tenant is the token's.
 */
import type { Clock } from '@rapport/shared/clock.ts'
import { SyncError } from '@rapport/shared/errors.ts'
import type { RecordKey } from '@rapport/shared/ids.ts'
import { Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { mayOpen, type Policy } from '../access/policy.ts'
import { type Principal, principalOfSignature } from '../auth/principal.ts'
import type { HeldBack } from '../log/entry.ts'
import { reaching } from '../log/reaching.ts'
import type { HeldBackItem, ReviewStore } from '../log/review-store.ts'
import type { UpdateLog } from '../log/update-log.ts'
import { unfit } from './json-body.ts'
import { type Mark, pageOf, readCursor, readLimit, UUID } from './paging.ts'
import type { Authenticated } from './record-target.ts'
import type { WriteRequests } from './write-request.ts'

export interface QuarantineNeeds {
  readonly clock: Clock
  readonly policy?: Policy | undefined
  readonly updateLog: Pick<UpdateLog, 'heldBack' | 'dropHeldBack'>
  readonly review: Pick<ReviewStore, 'heldBack'>
}

const METHODS = { '/': 'GET, HEAD', '/:id/admit': 'POST', '/:id/drop': 'POST' } as const

export function createQuarantine(needs: QuarantineNeeds, requests: WriteRequests): Hono<Authenticated> {
  const { policy, updateLog, review } = needs
  const app = new Hono<Authenticated>()

  app.use('*', async (context, next) => {
    requireAdministrator(context.get('principal'), policy)
    await next()
  })

  app.get('/', async (context) => {
    const { tenant } = context.get('principal')
    const [limit, after] = [readLimit(context), readCursor(context, placeOf)]
    const rows = await reaching(review.heldBack(tenant, { limit: limit + 1, ...(after && { after }) }))
    return context.json(pageOf(rows, limit, itemOf, ({ at, id }) => ({ number: at, name: id })))
  })

  async function find(tenant: RecordKey['tenant'], id: string): Promise<HeldBack> {
    const held = await updateLog.heldBack(tenant, id)
    if (held === undefined) throw new SyncError('not_found', 'nothing is held back under this id')
    return held
  }

  for (const act of ['admit', 'drop'] as const) {
    app.post(`/:id/${act}`, (context) =>
      requests(context, async ({ json, inRoom }) => {
        const [unknown] = Object.keys(json() ?? {})
        if (unknown !== undefined) throw unfit([unknown], 'unknown_field', 'this takes an empty body')
        const { tenant } = context.get('principal')
        const held = await find(tenant, context.req.param('id'))
        if (act === 'admit') {
          const sender = principalOfSignature(tenant, held)
          await inRoom(
            held.key,
            (room) => room.admit(sender, held.bytes, { relayed: true }),
            () => Promise.resolve(),
          )
        }
        // Admitted twice it would change nothing; so it leaves only now.
        await updateLog.dropHeldBack(tenant, held.id)
        const state = act === 'admit' ? 'admitted' : 'dropped'
        return context.json({ ...itemOf({ ...held, size: held.bytes.length }), state })
      }),
    )
  }

  for (const [path, methods] of Object.entries(METHODS)) {
    app.all(path, (context) => {
      context.header('Allow', methods)
      throw new HTTPException(405, { message: `this resource takes ${methods}` })
    })
  }
  return app
}

function requireAdministrator(principal: Principal, policy: Policy | undefined): void {
  if (!mayOpen(principal, undefined, undefined, policy)) throw new SyncError('not_found', 'no such resource')
  if (!principal.roles.includes('admin')) throw new SyncError('forbidden', 'this is for administrators')
}

function placeOf({ number, name }: Mark): { readonly at: number; readonly id: string } | undefined {
  return UUID.test(name) ? { at: number, id: name } : undefined
}

function itemOf({ id, key, reason, author, at, size, state }: HeldBackItem): object {
  return { id, type: key.type, recordId: key.id, reason, author, at: new Date(at).toISOString(), bytes: size, state }
}
