/**
 * The one error that crosses module borders. A code says what happened, `retry` whether trying again can help, `level` how
 * loud the log should be. It is mapped once at each edge: to a close code for sockets, to problem details for HTTP, to one
 * line for the command line. Messages never contain field values.
 */

export const ERROR_CODES = {
  malformed: { retry: false, level: 'warn' },
  unauthenticated: { retry: false, level: 'info' },
  forbidden: { retry: false, level: 'info' },
  not_found: { retry: false, level: 'info' },
  exists: { retry: false, level: 'info' },
  in_progress: { retry: true, level: 'info' },
  stale: { retry: false, level: 'info' },
  gone: { retry: false, level: 'info' },
  too_large: { retry: false, level: 'warn' },
  refused: { retry: false, level: 'warn' },
  invalid: { retry: false, level: 'info' },
  foreign: { retry: false, level: 'warn' },
  draining: { retry: true, level: 'info' },
  overload: { retry: true, level: 'warn' },
  commit_failed: { retry: true, level: 'error' },
  out_of_service: { retry: true, level: 'error' },
  rate_limited: { retry: true, level: 'warn' },
  not_yet: { retry: true, level: 'warn' },
  configuration: { retry: false, level: 'error' },
  internal: { retry: true, level: 'error' },
} as const satisfies Record<string, { retry: boolean; level: 'info' | 'warn' | 'error' }>

export type ErrorCode = keyof typeof ERROR_CODES

/** Why a value, or a name in content from outside, does not fit a record type's declaration. */
export type IssueCode = 'kind' | 'enum' | 'length' | 'range' | 'shape' | 'reference' | 'unknown_field' | 'forbidden'

/** One place that does not fit. The path consists of names and ids; the value is not in it. */
export interface Issue {
  readonly path: readonly string[]
  readonly code: IssueCode
}

export interface ErrorDetails {
  readonly cause?: unknown
  /** Of content that is `invalid`: every place that does not fit, or the first of very many. */
  readonly issues?: readonly Issue[]
  /** Milliseconds before which trying again is in vain, where that is known. */
  readonly retryAfter?: number
}

export class SyncError extends Error {
  readonly code: ErrorCode
  readonly issues: readonly Issue[]
  readonly retryAfter: number | undefined

  constructor(code: ErrorCode, message: string, { issues = [], retryAfter, ...options }: ErrorDetails = {}) {
    super(message, options)
    this.name = 'SyncError'
    this.code = code
    this.issues = issues
    this.retryAfter = retryAfter
  }

  get retry(): boolean {
    return ERROR_CODES[this.code].retry
  }

  get level(): 'info' | 'warn' | 'error' {
    return ERROR_CODES[this.code].level
  }
}

/** Any thrown thing as a `SyncError`; what is not one already becomes `internal`, with the original as its cause. */
export function toSyncError(thrown: unknown): SyncError {
  if (thrown instanceof SyncError) return thrown
  return new SyncError('internal', thrown instanceof Error ? thrown.message : 'unexpected failure', { cause: thrown })
}
