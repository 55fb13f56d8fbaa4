/**
 * A POST to a URL that somebody typed. The name is resolved once, each address that it has is checked, and one of these is connected to:
 * a second look-up could say something else. No redirect is followed, hardly anything of the answer is read, and all of it takes only so
 * long.
 */
import { lookup } from 'node:dns/promises'
import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import type { Clock } from '@rapport/shared/clock.ts'
import type { AddressGuard } from './addresses.ts'

export interface PostAnswer {
  readonly status: number
  /** The header `Retry-After`, as it came. */
  readonly retryAfter: string | undefined
}

/** Rejects with a `PostFailure`. */
export type GuardedPost = (
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  signal: AbortSignal,
) => Promise<PostAnswer>

/** The message names no address and nothing that the other side said. */
export class PostFailure extends Error {}

interface Address {
  readonly address: string
  readonly family: number
}

export const TIMEOUT_MILLISECONDS = 15_000
const MOST_URL = 2_000

export function createGuardedPost(clock: Clock, isAllowed: AddressGuard, resolve = resolveAll): GuardedPost {
  return async (text, headers, body, outer) => {
    const url = parseTarget(text)
    if (url === undefined) throw new PostFailure('not a URL of http or https')
    const ending = new AbortController()
    const end = (): void => ending.abort()
    const timer = clock.after(TIMEOUT_MILLISECONDS, end)
    outer.addEventListener('abort', end)
    if (outer.aborted) end()
    try {
      const addresses = await untilAborted(ending.signal, resolve(hostOf(url)))
      if (addresses.length === 0) throw new PostFailure('the name has no address')
      if (!addresses.every(({ address }) => isAllowed(address))) throw new PostFailure('the address is not a public one')
      return await post(url, addresses, headers, body, ending.signal)
    } catch (error) {
      if (error instanceof PostFailure) throw error
      if (ending.signal.aborted) throw new PostFailure(outer.aborted ? 'ended' : 'no answer in time', { cause: error })
      throw new PostFailure(codeOf(error), { cause: error })
    } finally {
      timer.cancel()
      outer.removeEventListener('abort', end)
    }
  }
}

/** `undefined` for what no event can be sent to: another scheme, or a name and a password, which would end up in logs. */
export function parseTarget(text: string): URL | undefined {
  const url = text.length <= MOST_URL && URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) return undefined
  return url.username === '' && url.password === '' && url.hash === '' ? url : undefined
}

/** The address of a URL that has one instead of a name. */
export function literalAddress(url: URL): string | undefined {
  const host = hostOf(url)
  return isIP(host) === 0 ? undefined : host
}

function hostOf({ hostname }: URL): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
}

async function resolveAll(host: string): Promise<readonly Address[]> {
  const family = isIP(host)
  return family === 0 ? await lookup(host, { all: true }) : [{ address: host, family }]
}

function post(
  url: URL,
  addresses: readonly Address[],
  headers: Readonly<Record<string, string>>,
  body: string,
  signal: AbortSignal,
): Promise<PostAnswer> {
  const options = {
    method: 'POST',
    // No connection outlives its request: the next one may have to go elsewhere.
    agent: false,
    lookup: lookupOf(addresses),
    headers: { ...headers, 'Content-Length': Buffer.byteLength(body) },
    signal,
  }
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, options, (answer: IncomingMessage) => {
      const { statusCode = 0 } = answer
      resolve({ status: statusCode, retryAfter: answer.headers['retry-after'] })
      // What else it says is of no interest, however much that is.
      answer.on('error', () => undefined)
      request.destroy()
    })
    request.on('error', reject)
    request.end(body)
  })
}

/** Answers with what was resolved and checked before. */
function lookupOf(addresses: readonly Address[]): LookupFunction {
  return (_host, { all }, answer) => {
    if (all) answer(null, [...addresses])
    else answer(null, addresses[0]?.address ?? '', addresses[0]?.family)
  }
}

function untilAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    work.then(resolve, reject)
  })
}

/** As ECONNREFUSED, ENOTFOUND or CERT_HAS_EXPIRED. */
function codeOf(error: unknown): string {
  const { code } = error as { readonly code?: unknown }
  return typeof code === 'string' && /^[A-Z0-9_]{1,60}$/.test(code) ? code : 'the connection failed'
}
