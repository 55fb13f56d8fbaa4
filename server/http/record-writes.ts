/**
 * Writing records over REST. Each write is one edit of the document, made through its room in the name of the token's principal:
 * everybody who has the record open sees it, and the answer is what was committed.
 */
import type { Clock } from '@rapport/shared/clock.ts'
import { SyncError } from '@rapport/shared/errors.ts'
import { parseRecordId, type RecordId, uuidv7 } from '@rapport/shared/ids.ts'
import { own } from '@rapport/shared/schema/record-type.ts'
import type { Hono } from 'hono'
import type { Policy } from '../access/policy.ts'
import { creation, deletion, patching } from '../inbound/record-edits.ts'
import { readWriteCondition } from './conditions.ts'
import { isObject, type JsonObject, unfit } from './json-body.ts'
import { type RecordResource, resourceOf } from './record-resource.ts'
import { type Authenticated, readFlag, readTarget, readType, type Target } from './record-target.ts'
import { type Body, represent, type WriteRequests } from './write-request.ts'

export interface RecordWriteNeeds {
  readonly clock: Clock
  /** Without one, the policy that ships. */
  readonly policy?: Policy | undefined
  readonly requests: WriteRequests
}

export function addRecordWrites(app: Hono<Authenticated>, { clock, policy, requests }: RecordWriteNeeds): void {
  app.post('/:type', (context) =>
    requests(context, async ({ json, perform }) => {
      const principal = context.get('principal')
      const type = readType(context, policy)
      if (context.req.header('If-Match') !== undefined) throw new SyncError('malformed', 'a collection has no state to match')
      const { id, content } = readDraft(json())
      const key = { tenant: principal.tenant, type: type.name, id: id ?? uuidv7(clock) }
      const record = await perform({ principal, type, key }, creation(principal, type, content, policy), (room) =>
        resourceOf(type, room),
      )
      context.header('Location', `/v1/records/${type.name}/${key.id}`)
      return represent(context, record, 201)
    }),
  )

  app.patch('/:type/:id', (context) =>
    requests(context, async ({ json, perform }) => {
      const target = readTarget(context, policy)
      const edit = patching(target.principal, target.type, readPatch(target, json()), readWriteCondition(context.req), policy)
      return represent(context, await perform(target, edit, (room) => resourceOf(target.type, room)), 200)
    }),
  )

  app.delete('/:type/:id', (context) =>
    requests(context, async ({ perform }) => {
      const target = readTarget(context, policy)
      // To mark it deleted instead would look as if somebody's right to be forgotten had been served.
      if (readFlag(context, 'erase')) throw new SyncError('malformed', 'records cannot be erased yet; this one was left as it is')
      const edit = deletion(target.principal, target.type, clock.now(), readWriteCondition(context.req), policy)
      await perform(target, edit, () => Promise.resolve())
      return context.body(null, 204)
    }),
  )
}

/** `{id?, content}`; the content itself is judged by the record type. */
function readDraft(body: Body): { readonly id: RecordId | undefined; readonly content: JsonObject } {
  if (body === undefined) throw new SyncError('malformed', 'a JSON object with the content of the record is needed')
  const unknown = Object.keys(body).find((name) => name !== 'id' && name !== 'content')
  if (unknown !== undefined) throw unfit([unknown], 'unknown_field', 'a new record has an id and content, and nothing else')
  const content = own(body, 'content')
  if (!isObject(content)) throw unfit(['content'], 'kind', 'content must be an object')
  const given = own(body, 'id')
  if (given === undefined) return { id: undefined, content }
  if (typeof given !== 'string') throw unfit(['id'], 'kind', 'an id must be a string')
  const id = parseRecordId(given)
  if (id === undefined) throw unfit(['id'], 'shape', 'an id is 1 to 128 letters, digits, dashes or underscores')
  return { id, content }
}

/** Beside `content`, what a record shows of itself and nobody writes. */
const READ_ONLY: ReadonlySet<string> = new Set<keyof RecordResource>([
  'type',
  'id',
  'sequence',
  'createdAt',
  'createdBy',
  'updatedAt',
  'deletedAt',
])

/** The patch of the content, or a record with that in it: what was read may be sent back, if it is this record. */
function readPatch({ key }: Target, body: Body): JsonObject {
  if (body === undefined) throw new SyncError('malformed', 'a JSON object with the changes is needed')
  const content = own(body, 'content')
  if (content === undefined || !Object.keys(body).every((name) => name === 'content' || READ_ONLY.has(name))) return body
  for (const name of ['type', 'id'] as const) {
    const given = own(body, name)
    if (given !== undefined && given !== key[name]) throw unfit([name], 'reference', 'this is another record')
  }
  if (!isObject(content)) throw new SyncError('malformed', 'content must be an object')
  return content
}
