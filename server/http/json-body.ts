/**
 * The body of a request as JSON: never more of it in memory than the limit, none that takes long to look through, and none waited
 * for that has stopped coming.
 */
import type { Clock } from '@rapport/shared/clock.ts'
import { type IssueCode, SyncError } from '@rapport/shared/errors.ts'
import type { Context } from 'hono'
import { within } from './patience.ts'

export type JsonObject = Readonly<Record<string, unknown>>

/**
 * Commas, colons and opening brackets. The fullest record of a type that ships has about 70,000; 4 MB of nothing else would hold
 * up everybody for more than a second while they are parsed and judged.
 */
const MAX_MARKS = 100_000

/** Milliseconds in which some of a body must come. */
const STALLED_MS = 5_000

export class BodyTooLarge extends SyncError {
  constructor(why: string) {
    super('too_large', `the body ${why}`)
  }
}

export class BodyStalled extends SyncError {
  constructor() {
    super('malformed', `nothing of the body came for ${STALLED_MS / 1_000} seconds`)
  }
}

/** The length that a request announces, in bytes; `undefined` if it comes in chunks. Without a body it is 0. */
export function announcedLength(context: Context): number | undefined {
  if (context.req.header('Transfer-Encoding') !== undefined) return undefined
  return Number(context.req.header('Content-Length') ?? 0)
}

export interface BodyNeeds {
  readonly clock: Clock
  /** Bytes. */
  readonly most: number
  /** Hears of every piece before it is kept; what it throws ends the reading. */
  readonly arrived: (bytes: number) => void
}

/** Throws `BodyTooLarge`, `BodyStalled`, what `arrived` throws, and `malformed` for a body that breaks off. */
export async function readBody(context: Context, { clock, most, arrived }: BodyNeeds): Promise<Uint8Array> {
  if ((announcedLength(context) ?? 0) > most) throw new BodyTooLarge(`is larger than ${most} bytes`)
  const reader: ReadableStreamDefaultReader<Uint8Array> | undefined = context.req.raw.body?.getReader()
  if (reader === undefined) return new Uint8Array()
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for (;;) {
      const { done, value } = await within(clock, STALLED_MS, reader.read(), () => new BodyStalled())
      if (done) return Buffer.concat(chunks, size)
      size += value.length
      if (size > most) throw new BodyTooLarge(`is larger than ${most} bytes`)
      arrived(value.length)
      chunks.push(value)
    }
  } catch (thrown) {
    // Nobody waits for the rest; that it broke off is no news.
    reader.cancel().catch(() => undefined)
    throw thrown instanceof SyncError ? thrown : new SyncError('malformed', 'the body broke off', { cause: thrown })
  }
}

/**
 * `undefined` for an empty body. Throws `BodyTooLarge` for more values than one request may hold, and `malformed`, also for bytes
 * that are not UTF-8: they would be stored altered.
 */
export function parseJsonObject(body: Uint8Array): JsonObject | undefined {
  if (body.length === 0) return undefined
  if (marksIn(body) > MAX_MARKS) throw new BodyTooLarge('has too many values for one request')
  const value = parseJson(body)
  if (isObject(value)) return value
  throw new SyncError('malformed', 'the body must be a JSON object')
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Of a body that says what nobody can do with: the place in it, and why. */
export function unfit(path: readonly string[], code: IssueCode, message: string): SyncError {
  return new SyncError('invalid', message, { issues: [{ path, code }] })
}

const [QUOTE, BACKSLASH] = [0x22, 0x5c]
const MARKS: ReadonlySet<number> = new Set([0x2c, 0x3a, 0x5b, 0x7b])

/** Counted outside strings; of text that is no JSON, anything. */
function marksIn(body: Uint8Array): number {
  let marks = 0
  let quoted = false
  for (let index = 0; index < body.length; index += 1) {
    const byte = body[index] ?? 0
    if (byte === QUOTE) quoted = !quoted
    else if (quoted) index += byte === BACKSLASH ? 1 : 0
    else if (MARKS.has(byte)) marks += 1
  }
  return marks
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    // The parser's message quotes the body.
    throw new SyncError('malformed', 'the body is not JSON in UTF-8')
  }
}
