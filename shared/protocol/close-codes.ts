/**
 * Why a socket was closed. 44xx is final: a stock client stops, and trying again cannot help. Everything else invites it back.
 */
import type { ErrorCode } from '../errors.ts'

export const CLOSE_CODES = {
  /** Bytes that no client of the protocol sends. */
  malformed: { code: 4400, retry: false },
  /** The token ended or was revoked. */
  token: { code: 4401, retry: false },
  /** May not open this record, or wrote without any right to write. */
  forbidden: { code: 4403, retry: false },
  /** Carries another person's unsaved edits; they are kept aside. */
  foreign: { code: 4409, retry: false },
  /** The record was erased: the client is to forget it. */
  erased: { code: 4410, retry: false },
  /** Over a size limit. */
  tooLarge: { code: 4413, retry: false },
  /** Refused by the pre-scan. */
  refused: { code: 4422, retry: false },
  /** The server is going away, another may already serve (RFC 6455 registry: service restart). */
  draining: { code: 1012, retry: true },
  /** Overload, or a reader that does not read (RFC 6455 registry: try again later). */
  overload: { code: 1013, retry: true },
  /** Something unexpected (RFC 6455, 7.4.1). */
  internal: { code: 1011, retry: true },
  /** The change could not be stored. */
  commitFailed: { code: 4500, retry: true },
  /** The record cannot be served at the moment. */
  outOfService: { code: 4503, retry: true },
  rate: { code: 4529, retry: true },
} as const satisfies Record<string, { code: number; retry: boolean }>

export type CloseReason = keyof typeof CLOSE_CODES

const REASON_OF_ERROR: Readonly<Record<ErrorCode, CloseReason>> = {
  malformed: 'malformed',
  unauthenticated: 'token',
  forbidden: 'forbidden',
  not_found: 'forbidden',
  exists: 'refused',
  in_progress: 'overload',
  stale: 'refused',
  gone: 'erased',
  too_large: 'tooLarge',
  refused: 'refused',
  invalid: 'refused',
  foreign: 'foreign',
  draining: 'draining',
  overload: 'overload',
  commit_failed: 'commitFailed',
  out_of_service: 'outOfService',
  rate_limited: 'rate',
  not_yet: 'overload',
  configuration: 'outOfService',
  internal: 'internal',
}

/** The close reason that tells a client what an error means for it. */
export function closeReasonOf(code: ErrorCode): CloseReason {
  return REASON_OF_ERROR[code]
}
