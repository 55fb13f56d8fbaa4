/** The body of a request as JSON, never more of it in memory than the limit. */
import { SyncError } from '@rapport/shared/errors.ts'
import type { Context } from 'hono'

export type JsonObject = Readonly<Record<string, unknown>>

export class BodyTooLarge extends SyncError {
  constructor(most: number) {
    super('too_large', `the body is larger than ${most} bytes`)
  }
}

/** The length that a request announces, in bytes; `undefined` if it comes in chunks. Without a body it is 0. */
export function announcedLength(context: Context): number | undefined {
  if (context.req.header('Transfer-Encoding') !== undefined) return undefined
  return Number(context.req.header('Content-Length') ?? 0)
}

/** Throws `BodyTooLarge` for more than `most` bytes, `malformed` for one that breaks off. */
export async function readBody(context: Context, most: number): Promise<Uint8Array> {
  const length = announcedLength(context)
  if (length !== undefined && length > most) throw new BodyTooLarge(most)
  try {
    // The parser holds a client to what it announced.
    return length === undefined ? await readChunks(context, most) : new Uint8Array(await context.req.arrayBuffer())
  } catch (cause) {
    throw cause instanceof BodyTooLarge ? cause : new SyncError('malformed', 'the body broke off', { cause })
  }
}

async function readChunks(context: Context, most: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of (context.req.raw.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length
    if (size > most) throw new BodyTooLarge(most)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, size)
}

/** `undefined` for an empty body. Throws `malformed`, also for bytes that are not UTF-8: they would be stored altered. */
export function parseJsonObject(body: Uint8Array): JsonObject | undefined {
  if (body.length === 0) return undefined
  const value = parseJson(body)
  if (isObject(value)) return value
  throw new SyncError('malformed', 'the body must be a JSON object')
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    // The parser's message quotes the body.
    throw new SyncError('malformed', 'the body is not JSON in UTF-8')
  }
}
