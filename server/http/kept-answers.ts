/**
 * Requests with an `Idempotency-Key`, in the database: who works on one, and how it was answered. A claim is committed before anything is
 * done, so an attempt that was cut off is known to the next one, on whichever instance. What is kept holds nothing of a record's content.
 *
 * Kept for 24 hours, and of one user the newest 10,000.
 */
import { randomUUID } from 'node:crypto'
import type { Clock } from '@rapport/shared/clock.ts'
import { SyncError } from '@rapport/shared/errors.ts'
import { parseRecordId, type RecordId, uuidv7 } from '@rapport/shared/ids.ts'
import type { Principal } from '../auth/principal.ts'
import type { Sql } from '../db.ts'
import { reaching } from '../log/reaching.ts'
import type { Logger } from '../observability/logger.ts'

/** Milliseconds. An attempt that has taken so long was cut off. */
const BUSY_MS = 30_000
const KEPT_MS = 24 * 60 * 60 * 1_000
const KEPT_OF_ONE = 10_000
/** Claims after which what is too old, or too much, is looked for; and how much of it leaves at once. */
const TIDY_EVERY = 50
const TIDY_AT_ONCE = 1_000
/** Between being found and being read a key may leave. */
const TRIES = 3

export interface KeptAnswer {
  readonly status: number
  /** The record that the answer shows, as of then. */
  readonly record?: { readonly type: string; readonly id: RecordId; readonly sequence: number } | undefined
  /** JSON of any other body. */
  readonly body?: string | undefined
}

/** A request, as far as its key tells it from others. */
export interface KeyedRequest {
  readonly by: Pick<Principal, 'tenant' | 'sub'>
  readonly key: string
  /** The same for the same request alone. */
  readonly fingerprint: Uint8Array
}

export interface Begun {
  readonly type: 'begun'
  readonly attempt: string
  /** The same in every attempt. */
  readonly seed: RecordId
  /** When the first attempt began, in milliseconds, if this is not it. */
  readonly resumedSince: number | undefined
}

export type Claim =
  | Begun
  | { readonly type: 'answered'; readonly answer: KeptAnswer }
  /** Another attempt is under way. */
  | { readonly type: 'busy' }
  /** The key belongs to another request. */
  | { readonly type: 'foreign' }

/** All reject with `overload` if the database cannot be reached. */
export interface KeptAnswers {
  claim(request: KeyedRequest): Promise<Claim>
  /** Ends the attempt; without effect if another one has taken over. */
  keep(request: KeyedRequest, attempt: string, answer: KeptAnswer): Promise<void>
  /** Ends the attempt without an answer: the next one may begin. */
  letGo(request: KeyedRequest, attempt: string): Promise<void>
}

interface Row {
  readonly same: boolean
  readonly status: number | null
  readonly type: string | null
  readonly record_id: string | null
  readonly sequence: number | null
  readonly body: string | null
}

export interface KeptAnswersNeeds {
  readonly sql: Sql
  readonly clock: Clock
  readonly log: Logger
}

export function createKeptAnswers({ sql, clock, log }: KeptAnswersNeeds): KeptAnswers {
  let claims = 0
  const at = (milliseconds: number) => sql`to_timestamp(${milliseconds / 1_000}::float8)`

  async function begin({ by, key, fingerprint }: KeyedRequest): Promise<Begun | undefined> {
    const now = clock.now()
    const [seed, attempt] = [uuidv7(clock), randomUUID()]
    const expired = sql`k.begun_at <= ${at(now - KEPT_MS)}`
    const [row] = await sql<{ seed: string; begun: number }[]>`
      insert into rapport.idempotency_keys as k (tenant, sub, key, request, seed, begun_at, attempt, busy_until)
      values (${by.tenant}, ${by.sub}, ${key}, ${fingerprint}, ${seed}, ${at(now)}, ${attempt}, ${at(now + BUSY_MS)})
      on conflict (tenant, sub, key) do update set
        request = excluded.request,
        seed = case when ${expired} then excluded.seed else k.seed end,
        begun_at = case when ${expired} then excluded.begun_at else k.begun_at end,
        attempt = excluded.attempt,
        busy_until = excluded.busy_until,
        status = null, type = null, record_id = null, sequence = null, body = null
      where ${expired} or (k.request = excluded.request and k.status is null and k.busy_until <= ${at(now)})
      returning seed, round(extract(epoch from begun_at) * 1000)::float8 as begun`
    const kept = parseRecordId(row?.seed ?? '')
    if (row === undefined || kept === undefined) return undefined
    return { type: 'begun', attempt, seed: kept, resumedSince: kept === seed ? undefined : row.begun }
  }

  async function look({ by, key, fingerprint }: KeyedRequest): Promise<Claim | undefined> {
    const [row] = await sql<Row[]>`
      select request = ${fingerprint} as same, status, type, record_id, sequence, body
      from rapport.idempotency_keys
      where tenant = ${by.tenant} and sub = ${by.sub} and key = ${key}`
    if (row === undefined) return undefined
    if (!row.same) return { type: 'foreign' }
    return row.status === null ? { type: 'busy' } : { type: 'answered', answer: answerOf(row.status, row) }
  }

  async function tidy({ tenant, sub }: KeyedRequest['by']): Promise<void> {
    const expired = at(clock.now() - KEPT_MS)
    // By their places and keys, looked up one by one: a join may be planned for tables of another size.
    await sql`
      delete from rapport.idempotency_keys
      where begun_at <= ${expired} and ctid = any (array(
        select ctid from rapport.idempotency_keys where begun_at <= ${expired} order by begun_at limit ${TIDY_AT_ONCE}
      ))`
    await sql`
      delete from rapport.idempotency_keys
      where tenant = ${tenant} and sub = ${sub} and key = any (array(
        select key from rapport.idempotency_keys
        where tenant = ${tenant} and sub = ${sub}
        order by begun_at desc offset ${KEPT_OF_ONE} limit ${TIDY_AT_ONCE}
      ))`
  }

  return {
    async claim(request) {
      claims += 1
      if (claims % TIDY_EVERY === 0) await reaching(tidy(request.by))
      for (let tries = 0; tries < TRIES; tries += 1) {
        const claim = (await reaching(begin(request))) ?? (await reaching(look(request)))
        if (claim !== undefined) return claim
      }
      throw new SyncError('overload', 'a key comes and goes')
    },

    async keep({ by, key }, attempt, { status, record, body }) {
      const rows = await reaching(sql`
        update rapport.idempotency_keys
        set status = ${status}, type = ${record?.type ?? null}, record_id = ${record?.id ?? null},
          sequence = ${record?.sequence ?? null}, body = ${body ?? null}
        where tenant = ${by.tenant} and sub = ${by.sub} and key = ${key} and attempt = ${attempt}
        returning key`)
      if (rows.length === 0) log.warn('an answer came too late to be kept')
    },

    async letGo({ by, key }, attempt) {
      await reaching(sql`
        update rapport.idempotency_keys set busy_until = ${at(clock.now())}
        where tenant = ${by.tenant} and sub = ${by.sub} and key = ${key} and attempt = ${attempt} and status is null`)
    },
  }
}

function answerOf(status: number, { type, record_id, sequence, body }: Row): KeptAnswer {
  const id = parseRecordId(record_id ?? '')
  const shows = type !== null && id !== undefined && sequence !== null
  return { status, ...(shows && { record: { type, id, sequence } }), ...(body !== null && { body }) }
}
