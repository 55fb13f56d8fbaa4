/**
 * Writing records over REST. Each write is one edit of the document, made through its room in the name of the token's principal:
 * everybody who has the record open sees it, and the answer is what was committed.
 */
import type { Clock } from '@rapport/shared/clock.ts'
import { type IssueCode, SyncError } from '@rapport/shared/errors.ts'
import { parseRecordId, type RecordId, uuidv7 } from '@rapport/shared/ids.ts'
import { own } from '@rapport/shared/schema/record-type.ts'
import type { Context, Hono } from 'hono'
import type { Policy } from '../access/policy.ts'
import type { Limits } from '../config.ts'
import type { Room } from '../document/handle.ts'
import type { Registry } from '../document/registry.ts'
import { creation, deletion, makeEdit, patching, type RecordEdit, restoration } from '../inbound/record-edits.ts'
import type { LimitHit } from '../observability/limits.ts'
import { etagOf, readWriteCondition } from './conditions.ts'
import { announcedLength, BodyStalled, BodyTooLarge, isObject, type JsonObject, parseJsonObject, readBody } from './json-body.ts'
import { within } from './patience.ts'
import { type RecordResource, resourceOf } from './record-resource.ts'
import { type Authenticated, readFlag, readTarget, readType, requireWriter, type Target } from './record-target.ts'
import { createWriteQuota } from './write-quota.ts'

export interface WriteNeeds {
  readonly clock: Clock
  readonly registry: Registry
  readonly limitHit: LimitHit
  readonly limits: Pick<Limits, 'frameBytes' | 'updatesPerSecond' | 'bytesPerSecond'>
  /** Without one, the policy that ships. */
  readonly policy?: Policy | undefined
}

/** Milliseconds that a client waits for its commit. The edit itself waits on, and may still be committed. */
const COMMIT_PATIENCE = 10_000

type Request = Context<Authenticated>
type Body = JsonObject | undefined

/** A request that was let in, with its body. */
interface Admitted {
  /** `undefined` if it is empty. Throws `malformed`. */
  json(): Body
  /** Makes the edit in the target's record, and resolves with what `look` finds once it is committed. */
  perform<T>(target: Target, edit: RecordEdit, look: (room: Room) => Promise<T>): Promise<T>
}

export function addRecordWrites(app: Hono<Authenticated>, { clock, registry, limitHit, limits, policy }: WriteNeeds): void {
  const quota = createWriteQuota({ clock, limits, limitHit })

  /** Runs `write` for a sender who may write at all, within what it may have under way. */
  async function admit(context: Request, write: (request: Admitted) => Promise<Response>): Promise<Response> {
    const principal = context.get('principal')
    requireWriter(principal, policy)
    const pass = quota.enter(principal, announcedLength(context))
    let work: Promise<unknown> = Promise.resolve()
    let bytes = 0

    async function perform<T>({ key }: Target, edit: RecordEdit, look: (room: Room) => Promise<T>): Promise<T> {
      const room = await registry.acquire(key)
      try {
        const made = makeEdit(room, principal, edit, bytes)
        // Whoever gives up waiting does not give up its place: the edit is still in memory.
        work = made.catch(() => undefined)
        await within(clock, COMMIT_PATIENCE, made, () => new SyncError('overload', 'the commit takes too long'))
        return await look(room)
      } finally {
        registry.release(room)
      }
    }
    try {
      const body = await readBody(context, { clock, most: limits.frameBytes, arrived: pass.arrived })
      bytes = body.length
      return await write({ json: () => parseJsonObject(body), perform })
    } catch (error) {
      if (error instanceof BodyTooLarge) {
        limitHit('frame')
        // It has crossed the wire, or will, before the client hears of it.
        pass.charge(limits.frameBytes)
      }
      // The rest of it would be waited for before the next request.
      if (error instanceof BodyStalled) context.header('Connection', 'close')
      throw error
    } finally {
      void work.then(pass.leave)
    }
  }

  app.post('/:type', (context) =>
    admit(context, async ({ json, perform }) => {
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
    admit(context, async ({ json, perform }) => {
      const target = readTarget(context, policy)
      const edit = patching(target.principal, target.type, readPatch(target, json()), readWriteCondition(context.req), policy)
      return represent(context, await perform(target, edit, (room) => resourceOf(target.type, room)), 200)
    }),
  )

  app.delete('/:type/:id', (context) =>
    admit(context, async ({ perform }) => {
      const target = readTarget(context, policy)
      // To mark it deleted instead would look as if somebody's right to be forgotten had been served.
      if (readFlag(context, 'erase')) throw new SyncError('malformed', 'records cannot be erased yet; this one was left as it is')
      const edit = deletion(target.principal, target.type, clock.now(), readWriteCondition(context.req), policy)
      await perform(target, edit, () => Promise.resolve())
      return context.body(null, 204)
    }),
  )

  app.post('/:type/:id/restore', (context) =>
    admit(context, async ({ json, perform }) => {
      const target = readTarget(context, policy)
      const [unknown] = Object.keys(json() ?? {})
      if (unknown !== undefined) throw invalid([unknown], 'unknown_field', 'only a deletion can be lifted, with an empty body')
      const edit = restoration(target.principal, target.type, readWriteCondition(context.req), policy)
      return represent(context, await perform(target, edit, (room) => resourceOf(target.type, room)), 200)
    }),
  )
}

function represent(context: Request, record: RecordResource, status: 200 | 201): Response {
  return context.json(record, status, { ETag: etagOf(record.sequence) })
}

/** `{id?, content}`; the content itself is judged by the record type. */
function readDraft(body: Body): { readonly id: RecordId | undefined; readonly content: JsonObject } {
  if (body === undefined) throw new SyncError('malformed', 'a JSON object with the content of the record is needed')
  const unknown = Object.keys(body).find((name) => name !== 'id' && name !== 'content')
  if (unknown !== undefined) throw invalid([unknown], 'unknown_field', 'a new record has an id and content, and nothing else')
  const content = own(body, 'content')
  if (!isObject(content)) throw invalid(['content'], 'kind', 'content must be an object')
  const given = own(body, 'id')
  if (given === undefined) return { id: undefined, content }
  if (typeof given !== 'string') throw invalid(['id'], 'kind', 'an id must be a string')
  const id = parseRecordId(given)
  if (id === undefined) throw invalid(['id'], 'shape', 'an id is 1 to 128 letters, digits, dashes or underscores')
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
    if (given !== undefined && given !== key[name]) throw invalid([name], 'reference', 'this is another record')
  }
  if (!isObject(content)) throw new SyncError('malformed', 'content must be an object')
  return content
}

function invalid(path: readonly string[], code: IssueCode, message: string): SyncError {
  return new SyncError('invalid', message, { issues: [{ path, code }] })
}
