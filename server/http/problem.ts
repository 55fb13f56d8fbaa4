/**
 * Failures as problem details (RFC 9457): the one place where an error becomes an HTTP answer. What a caller may not know
 * is not in it; a missing record and a foreign one give the same bytes (P11).
 */
import { type ErrorCode, SyncError, toSyncError } from '@rapport/shared/errors.ts'
import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { Logger } from '../observability/logger.ts'

/** Where nothing better is known. */
const RETRY_AFTER_MS = 1_000

export const PROBLEM_JSON = 'application/problem+json'

export interface ProblemBody {
  readonly type: string
  readonly title: string
  readonly status: Kind['status']
  readonly detail: string
  readonly code: string
  readonly errors?: readonly { readonly path: readonly string[]; readonly code: string }[]
}

interface Kind {
  readonly status: 400 | 401 | 403 | 404 | 405 | 409 | 410 | 412 | 413 | 422 | 429 | 500 | 503 | 504
  readonly code: string
  readonly title: string
  /** What is said instead of the error's own message, which is for the log or would tell one cause from another. */
  readonly detail?: string
}

const UNAVAILABLE: Kind = {
  status: 503,
  code: 'unavailable',
  title: 'Service unavailable',
  detail: 'This cannot be done at the moment. Whether a write took effect is not known: read the record before trying again.',
}
const INTERNAL: Kind = { status: 500, code: 'internal', title: 'Internal error', detail: 'Something unexpected; it was logged.' }
const INVALID: Kind = { status: 422, code: 'invalid', title: 'Invalid' }

const KINDS: Readonly<Record<ErrorCode, Kind>> = {
  malformed: { status: 400, code: 'malformed', title: 'Malformed request' },
  unauthenticated: { status: 401, code: 'unauthenticated', title: 'Unauthenticated' },
  forbidden: { status: 403, code: 'forbidden', title: 'Forbidden' },
  not_found: { status: 404, code: 'not_found', title: 'Not found', detail: 'There is nothing here that you may see.' },
  exists: { status: 409, code: 'exists', title: 'Exists' },
  in_progress: { status: 409, code: 'in_progress', title: 'In progress' },
  foreign: INVALID,
  gone: { status: 410, code: 'gone', title: 'Gone' },
  stale: { status: 412, code: 'stale', title: 'Stale' },
  too_large: { status: 413, code: 'too_large', title: 'Too large' },
  rate_limited: { status: 429, code: 'rate_limited', title: 'Too many requests' },
  refused: INVALID,
  invalid: INVALID,
  draining: UNAVAILABLE,
  overload: UNAVAILABLE,
  commit_failed: UNAVAILABLE,
  out_of_service: UNAVAILABLE,
  not_yet: {
    status: 504,
    code: 'not_yet',
    title: 'Not yet',
    detail: 'The rows do not show the record as it was at arrival. The record itself can be read without waiting for them.',
  },
  configuration: INTERNAL,
  internal: INTERNAL,
}

/** What is known before a route is found, or instead of one. */
const OF_THE_ROUTER: Readonly<Record<number, Kind>> = {
  400: KINDS.malformed,
  405: { status: 405, code: 'malformed', title: 'Method not allowed' },
}

/** The answer to a failed request; failures of our own are logged, without the request's URL, which may hold a token. */
export function problem(context: Context, thrown: unknown, log: Logger): Response {
  const { kind, error } = kindOf(thrown)
  logFailure(kind, error, context.req.method, log)
  const headers: Record<string, string> = { 'Content-Type': PROBLEM_JSON }
  if (kind.status === 401) headers['WWW-Authenticate'] = 'Bearer'
  if (error.retry) headers['Retry-After'] = String(Math.ceil((error.retryAfter ?? RETRY_AFTER_MS) / 1_000))
  return context.body(JSON.stringify(problemBody(kind, error)), kind.status, headers)
}

/** What failed within a request that is answered all the same; logged as a failed request is. */
export function problemWithin(context: Context, thrown: unknown, log: Logger): ProblemBody {
  const { kind, error } = kindOf(thrown)
  logFailure(kind, error, context.req.method, log)
  return problemBody(kind, error)
}

/** The body of the answer, if the same request would fail in the same way again; `undefined` if trying again may help. */
export function finalProblem(thrown: unknown): ProblemBody | undefined {
  const { kind, error } = kindOf(thrown)
  return error.retry || kind.status >= 500 ? undefined : problemBody(kind, error)
}

function kindOf(thrown: unknown): { readonly kind: Kind; readonly error: SyncError } {
  const ofTheRouter = thrown instanceof HTTPException ? OF_THE_ROUTER[thrown.status] : undefined
  const error = ofTheRouter === undefined ? toSyncError(thrown) : new SyncError('malformed', toSyncError(thrown).message)
  return { kind: ofTheRouter ?? KINDS[error.code], error }
}

function logFailure({ status }: Kind, error: SyncError, method: string, log: Logger): void {
  if (status >= 500) log[error.level]({ err: error, method, status }, 'a request failed')
}

function problemBody({ status, code, title, detail }: Kind, { message, issues }: SyncError): ProblemBody {
  const body = { type: 'about:blank', title, status, detail: detail ?? message, code }
  return issues.length === 0 ? body : { ...body, errors: issues.map(({ path, code }) => ({ path, code })) }
}
