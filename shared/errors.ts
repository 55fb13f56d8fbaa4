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
  gone: { retry: false, level: 'info' },
  too_large: { retry: false, level: 'warn' },
  refused: { retry: false, level: 'warn' },
  invalid: { retry: false, level: 'info' },
  draining: { retry: true, level: 'info' },
  overload: { retry: true, level: 'warn' },
  commit_failed: { retry: true, level: 'error' },
  out_of_service: { retry: true, level: 'error' },
  rate_limited: { retry: true, level: 'warn' },
  configuration: { retry: false, level: 'error' },
  internal: { retry: true, level: 'error' },
} as const satisfies Record<string, { retry: boolean; level: 'info' | 'warn' | 'error' }>

export type ErrorCode = keyof typeof ERROR_CODES

export class SyncError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.name = 'SyncError'
    this.code = code
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
