/**
 * Structured logs, one JSON line each, on stderr: stdout belongs to the one line that says where the server listens, and to
 * the results of commands. No token, no query string and no field value may reach a log. Two nets for that: well-known keys
 * are redacted, and an error from the database is reduced to its code and place, because its message, detail and context
 * quote the data.
 */
import { SyncError } from '@rapport/shared/errors.ts'
import { destination, type Logger as PinoLogger, pino } from 'pino'
import type { LogLevel } from '../config.ts'

export type Logger = Pick<PinoLogger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'>

const SECRET_KEYS = ['token', 'authorization', 'password', 'url', 'query', 'update', 'value', 'params', 'parameters']
const MAX_CAUSES = 5

/** `write` is for tests; by default lines go to stderr, synchronously, so that the last one before an exit is not lost. */
export function createLogger(level: LogLevel, write?: (line: string) => void): Logger {
  const options = {
    level,
    base: null,
    redact: { paths: SECRET_KEYS.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]), censor: '[redacted]' },
    serializers: { err: describeError },
  }
  return write === undefined ? pino(options, destination({ fd: 2, sync: true })) : pino(options, { write })
}

interface DescribedError {
  type: string
  code?: string
  routine?: string
  constraint?: string
  message?: string
  stack?: readonly string[]
  cause?: DescribedError
}

/** An error as it may be logged: with its message only where that cannot quote data. */
export function describeError(thrown: unknown, depth = 0): DescribedError {
  if (!(thrown instanceof Error)) return { type: typeof thrown }
  const described: DescribedError = { type: thrown.name }
  const place = thrown as { readonly code?: unknown; readonly routine?: unknown; readonly constraint_name?: unknown }
  if (typeof place.code === 'string') described.code = place.code
  if (typeof place.routine === 'string') described.routine = place.routine
  if (typeof place.constraint_name === 'string') described.constraint = place.constraint_name
  if (!quotesData(thrown) && !(quotesData(thrown.cause) && repeats(thrown, thrown.cause))) described.message = thrown.message
  if (!(thrown instanceof SyncError)) described.stack = frames(thrown)
  if (thrown.cause !== undefined && depth < MAX_CAUSES) described.cause = describeError(thrown.cause, depth + 1)
  return described
}

/** The database's messages quote values ("invalid input syntax for …"), and so do those of the JSON parser. */
function quotesData(thrown: unknown): boolean {
  return thrown instanceof Error && (thrown.name === 'PostgresError' || thrown instanceof SyntaxError)
}

function repeats(thrown: Error, cause: unknown): boolean {
  return cause instanceof Error && thrown.message.includes(cause.message)
}

/** The stack without its first lines, which repeat the message. */
function frames(error: Error): readonly string[] {
  return (error.stack ?? '').split('\n').flatMap((line) => (/^\s+at /.test(line) ? [line.trim()] : []))
}
