/**
 * Writes with an `Idempotency-Key` are made once: whoever repeats one, because no answer came, is told what became of the first. What is
 * told again is read from the log, at the entry that the answer showed.
 *
 * An attempt that was cut off between its commit and its answer is made again, by the same ids: a record that it made is met as its own, a
 * patch, a deletion and a restoration end in the same state. What may succeed when it is tried again is never kept.
 */
import { createHash } from 'node:crypto'
import type { Clock } from '@rapport/shared/clock.ts'
import { SyncError } from '@rapport/shared/errors.ts'
import { type RecordId, type RecordKey, uuidv7 } from '@rapport/shared/ids.ts'
import { requireType } from '@rapport/shared/records/record-types.ts'
import type { Context } from 'hono'
import type { Registry } from '../document/registry.ts'
import type { Logger } from '../observability/logger.ts'
import { etagOf } from './conditions.ts'
import type { Begun, KeptAnswer, KeptAnswers, KeyedRequest } from './kept-answers.ts'
import type { PastStates } from './past-states.ts'
import { finalProblem, PROBLEM_JSON } from './problem.ts'
import { type RecordResource, toResource } from './record-resource.ts'
import type { Authenticated } from './record-target.ts'
import type { Admitted } from './write-request.ts'

export interface KeyedNeeds {
  readonly clock: Clock
  readonly registry: Registry
  readonly log: Logger
  readonly pasts: PastStates
  readonly answers: KeptAnswers
}

export interface Attempt {
  /** The id of the n-th record that the request makes, where it names none. */
  mint(index: number): RecordId
  /** When an earlier attempt at the same began, in milliseconds; it may have got anywhere. */
  readonly resumedSince: number | undefined
}

/** What became of a write: the record, nothing to be told, or what became of its parts, without any content. */
export type Outcome =
  | { readonly status: 200 | 201; readonly record: RecordResource }
  | { readonly status: 204 }
  | { readonly status: 200; readonly parts: object }

export type KeyedWrites = (
  context: Context<Authenticated>,
  request: Admitted,
  act: (attempt: Attempt) => Promise<Outcome>,
) => Promise<Response>

/** A string of structured fields (RFC 9651), or bare. */
const QUOTED = /^"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\]){1,255})"$/
const BARE = /^[\x21-\x7e]{1,255}$/
/** Characters of an answer that are kept; of what is longer, only what became of each part. */
const MAX_KEPT_BODY = 64 * 1024

export function createKeyedWrites({ clock, registry, log, pasts, answers }: KeyedNeeds): KeyedWrites {
  const unkeyed: Attempt = { mint: () => uuidv7(clock), resumedSince: undefined }

  return async (context, { bytes }, act) => {
    const key = readKey(context)
    if (key === undefined) return answer(context, await act(unkeyed))
    const request: KeyedRequest = { by: context.get('principal'), key, fingerprint: fingerprintOf(context, bytes) }
    const claim = await answers.claim(request)
    switch (claim.type) {
      case 'begun':
        return answer(context, await made(request, claim, act))
      case 'answered':
        return await again(context, claim.answer)
      case 'busy':
        throw new SyncError('in_progress', 'a request with this Idempotency-Key is under way')
      case 'foreign':
        throw new SyncError('invalid', 'this Idempotency-Key belongs to another request')
      default:
        return claim satisfies never
    }
  }

  async function made(request: KeyedRequest, begun: Begun, act: (attempt: Attempt) => Promise<Outcome>): Promise<Outcome> {
    const { attempt, seed, resumedSince } = begun
    /** The write is done, whatever becomes of the note of it. */
    const note = (noted: Promise<void>): Promise<void> =>
      noted.catch((error: unknown) => log.warn({ err: error }, 'what became of a keyed request was not kept'))
    try {
      const outcome = await act({ mint: (index) => idFrom(seed, index), resumedSince })
      await note(answers.keep(request, attempt, keptOf(outcome)))
      return outcome
    } catch (thrown) {
      const problem = finalProblem(thrown)
      if (problem === undefined) await note(answers.letGo(request, attempt))
      else await note(answers.keep(request, attempt, { status: problem.status, body: JSON.stringify(problem) }))
      throw thrown
    }
  }

  async function again(context: Context<Authenticated>, { status, record, body }: KeptAnswer): Promise<Response> {
    context.header('Idempotency-Replayed', 'true')
    if (record !== undefined) {
      const { tenant } = context.get('principal')
      const { type, id, sequence } = record
      const shown = await recordAt({ tenant, type, id }, sequence)
      return answer(context, { status: status === 201 ? 201 : 200, record: shown })
    }
    if (body === undefined) return context.body(null, 204)
    return context.body(body, status as 200, { 'Content-Type': status >= 400 ? PROBLEM_JSON : 'application/json' })
  }

  /** Mostly nobody has written since, and the record as it stands will do. */
  async function recordAt(key: RecordKey, sequence: number): Promise<RecordResource> {
    const type = requireType(key.type)
    const room = await registry.acquire(key)
    try {
      const now = await room.view((view) => (view.sequence === sequence ? toResource(type, view) : undefined))
      return now ?? (await pasts(key, { sequence }, (past) => toResource(type, past)))
    } finally {
      registry.release(room)
    }
  }
}

function answer(context: Context, outcome: Outcome): Response {
  if ('parts' in outcome) return context.json(outcome.parts, outcome.status)
  if (!('record' in outcome)) return context.body(null, outcome.status)
  const { record, status } = outcome
  if (status === 201) context.header('Location', `/v1/records/${record.type}/${record.id}`)
  return context.json(record, status, { ETag: etagOf(record.sequence) })
}

function keptOf(outcome: Outcome): KeptAnswer {
  if ('record' in outcome) {
    const { type, id, sequence } = outcome.record
    return { status: outcome.status, record: { type, id: id as RecordId, sequence } }
  }
  if (!('parts' in outcome)) return { status: outcome.status }
  const body = JSON.stringify(outcome.parts)
  const withoutErrors = (name: string, value: unknown): unknown => (name === 'errors' ? undefined : value)
  return { status: outcome.status, body: body.length > MAX_KEPT_BODY ? JSON.stringify(outcome.parts, withoutErrors) : body }
}

/** Throws `malformed`. */
function readKey(context: Context): string | undefined {
  const given = context.req.header('Idempotency-Key')
  if (given === undefined) return undefined
  const [, quoted] = QUOTED.exec(given) ?? []
  const key = quoted?.replaceAll(/\\(["\\])/g, '$1') ?? (given.startsWith('"') ? undefined : BARE.exec(given)?.[0])
  if (key === undefined) throw new SyncError('malformed', 'Idempotency-Key must be 1 to 255 characters of ASCII')
  return key
}

function fingerprintOf({ req }: Context, body: Uint8Array): Uint8Array {
  const { pathname, search } = new URL(req.url)
  const head = [req.method, pathname + search, req.header('If-Match') ?? null, req.header('If-None-Match') ?? null]
  return createHash('sha256').update(JSON.stringify(head)).update('\n').update(body).digest()
}

/** Of the same millisecond as the seed, a UUID of version 7 itself. */
function idFrom(seed: RecordId, index: number): RecordId {
  if (index === 0) return seed
  const hex = createHash('sha256').update(`${seed}/${index}`).digest('hex')
  const variant = '89ab'[Number.parseInt(hex.slice(3, 4), 16) % 4]
  return `${seed.slice(0, 13)}-7${hex.slice(0, 3)}-${variant}${hex.slice(4, 7)}-${hex.slice(7, 19)}` as RecordId
}
