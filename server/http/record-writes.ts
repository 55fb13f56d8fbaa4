/**
 * Writing records over REST. Each write is one edit of the document, made through its room in the name of the token's principal:
 * everybody who has the record open sees it, and the answer is what was committed.
 */
import type { Clock } from '@rapport/shared/clock.ts'
import { SyncError } from '@rapport/shared/errors.ts'
import type { Hono } from 'hono'
import type { Policy } from '../access/policy.ts'
import { creation, deletion, patching } from '../inbound/record-edits.ts'
import { readWriteCondition } from './conditions.ts'
import type { KeyedWrites } from './keyed-writes.ts'
import { createOnce } from './record-creation.ts'
import { resourceOf } from './record-resource.ts'
import { type Authenticated, readFlag, readTarget, readType } from './record-target.ts'
import { readDraft, readPatch } from './write-bodies.ts'
import type { WriteRequests } from './write-request.ts'

export interface RecordWriteNeeds {
  readonly clock: Clock
  /** Without one, the policy that ships. */
  readonly policy?: Policy | undefined
  readonly requests: WriteRequests
  readonly keyed: KeyedWrites
}

export function addRecordWrites(app: Hono<Authenticated>, { clock, policy, requests, keyed }: RecordWriteNeeds): void {
  app.post('/:type', (context) =>
    requests(context, (request) =>
      keyed(context, request, async (attempt) => {
        const principal = context.get('principal')
        const type = readType(context, policy)
        if (context.req.header('If-Match') !== undefined) {
          throw new SyncError('malformed', 'a collection has no state to match')
        }
        const { id, content } = readDraft(request.json())
        const key = { tenant: principal.tenant, type: type.name, id: id ?? attempt.mint(0) }
        const edit = creation(principal, type, content, policy)
        return { status: 201, record: await createOnce(request, { principal, type, key }, edit, attempt) }
      }),
    ),
  )

  app.patch('/:type/:id', (context) =>
    requests(context, (request) =>
      keyed(context, request, async () => {
        const target = readTarget(context, policy)
        const patch = readPatch(target, request.json())
        const edit = patching(target.principal, target.type, patch, readWriteCondition(context.req), policy)
        return { status: 200, record: await request.perform(target, edit, (room) => resourceOf(target.type, room)) }
      }),
    ),
  )

  app.delete('/:type/:id', (context) =>
    requests(context, (request) =>
      keyed(context, request, async () => {
        const target = readTarget(context, policy)
        // To mark it deleted instead would look as if somebody's right to be forgotten had been served.
        if (readFlag(context, 'erase')) {
          throw new SyncError('malformed', 'records cannot be erased yet; this one was left as it is')
        }
        const edit = deletion(target.principal, target.type, clock.now(), readWriteCondition(context.req), policy)
        await request.perform(target, edit, () => Promise.resolve())
        return { status: 204 }
      }),
    ),
  )
}
