/**
 * Structured logs, one JSON line each, on stderr: stdout belongs to the one line that says where the server listens, and to
 * the results of commands. No token, no query string and no field value may reach a log. Two nets for that: well-known keys
 * are redacted, and an error from the database is reduced to its code and place, because its message, detail and context
 * quote the data.
 */
import { SyncError } from '@rapport/shared/errors.ts'
import { destination, type LogFn, type Logger as PinoLogger, pino } from 'pino'
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
    hooks: {
      // Without a sentence of ours pino would take the error's own.
      logMethod(args: Parameters<LogFn>, method: LogFn) {
        if (args.length === 1 && typeof args[0] !== 'string') method.call(this, args[0], '')
        else method.apply(this, args)
      },
    },
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
  if (!(thrown instanceof Error)) return describeLikeness(thrown)
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

/**
 * What was thrown in another thread or in WebAssembly may have lost its class, or never had one. Who made its message, and of
 * what, is not known: it is left out.
 */
function describeLikeness(thrown: unknown): DescribedError {
  if (typeof thrown !== 'object' || thrown === null) return { type: typeof thrown }
  const { name, code, message, stack } = thrown as Readonly<Record<string, unknown>>
  const described: DescribedError = { type: isWord(name) ? name : 'object' }
  if (isWord(code)) described.code = code
  if (typeof stack === 'string') described.stack = frames({ message: typeof message === 'string' ? message : '', stack })
  return described
}

/** A name that a program gave, not a sentence and not a value. */
function isWord(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Z][A-Za-z0-9_]{1,60}$/.test(value)
}

/** The database's messages quote values ("invalid input syntax for …"), and so do those of the JSON parser. */
function quotesData(thrown: unknown): boolean {
  return thrown instanceof Error && (thrown.name === 'PostgresError' || thrown instanceof SyntaxError)
}

function repeats(thrown: Error, cause: unknown): boolean {
  return cause instanceof Error && thrown.message.includes(cause.message)
}

/** The stack without the message that it begins with, of which a line may look like a place in a file. */
function frames({ message, stack = '' }: Pick<Error, 'message' | 'stack'>): readonly string[] {
  const start = message === '' ? -1 : stack.indexOf(message)
  const places = start < 0 ? stack : stack.slice(start + message.length)
  return places.split('\n').flatMap((line) => (/^\s+at /.test(line) ? [line.trim()] : []))
}
