/**
 * The change feed as server-sent events: `id` is the cursor behind an event, so that a client that comes back with it misses nothing and
 * gets nothing twice. A stream reads the database only while its reader takes what it is given: of a slow one a page waits, no more, and
 * one that takes nothing for a while is cut off. It ends with its token, or with the server.
 */
import type { HttpBindings } from '@hono/node-server'
import type { Clock } from '@rapport/shared/clock.ts'
import { SyncError } from '@rapport/shared/errors.ts'
import type { Context } from 'hono'
import type { Principal } from '../auth/principal.ts'
import type { Feed } from '../feed/feed.ts'
import { cursorOf } from '../feed/reader.ts'
import type { LimitHit } from '../observability/limits.ts'
import type { Logger } from '../observability/logger.ts'
import { type Authenticated, accountOf } from './record-target.ts'

export interface ChangeStreamNeeds {
  readonly feed: Pick<Feed, 'reader' | 'news'>
  readonly clock: Clock
  readonly log: Logger
  readonly limitHit: LimitHit
  /** Aborted when the server is about to end. */
  readonly ending: AbortSignal
}

export interface ChangeStreams {
  /** Rejects with `overload` if there are too many, with `gone` if what the stream would begin with was removed. */
  open(context: Context<Authenticated>, from: number): Promise<Response>
}

const HEADERS = { 'Content-Type': 'text/event-stream; charset=utf-8', 'X-Accel-Buffering': 'no' }
/** Streams at once, of all and of one account. */
const MOST = 1_000
const MOST_OF_ONE = 20
/** Events read at once; few, since a page of each stream may be waiting. */
const PAGE_EVENTS = 100
/** Milliseconds between two signs of life, so that no proxy takes the connection for dead. */
const HEARTBEAT = 10_000
/** Milliseconds in which a reader must take something. */
const PATIENCE = 30_000
/** Milliseconds after which a client is to come back. */
const COME_BACK = 1_000

export function createChangeStreams(needs: ChangeStreamNeeds): ChangeStreams {
  const { feed, limitHit } = needs
  /** By account. */
  const open = new Map<string, number>()
  let total = 0

  /** Answers with what gives the place back. */
  function takePlace(account: string): () => void {
    const held = open.get(account) ?? 0
    if (total >= MOST || held >= MOST_OF_ONE) {
      limitHit('streams')
      throw new SyncError('overload', 'too many streams at once')
    }
    total += 1
    open.set(account, held + 1)
    return () => {
      total -= 1
      const left = (open.get(account) ?? 1) - 1
      if (left > 0) open.set(account, left)
      else open.delete(account)
    }
  }

  return {
    async open(context, from) {
      const principal = context.get('principal')
      // Told while there is still a status to tell it with.
      await feed.reader.page(principal.tenant, from, 1)
      if (context.req.method === 'HEAD') return context.body(null, 200, HEADERS)
      const leave = takePlace(accountOf(principal))
      // Without a server around the app there is no connection to watch.
      const { outgoing } = (context.env as HttpBindings | undefined) ?? {}
      outgoing?.setTimeout(PATIENCE)
      return context.body(streamOf(needs, principal, from, leave), 200, HEADERS)
    },
  }
}

/** `onEnd` is called once, however it ends. */
function streamOf(needs: ChangeStreamNeeds, principal: Principal, from: number, onEnd: () => void): ReadableStream<Uint8Array> {
  const { feed, clock, log, ending } = needs
  const { tenant, expiresAt } = principal
  const follower = feed.news.follow(tenant)
  const encoder = new TextEncoder()
  let place = from
  let greeted = false
  /** Whether the last page may not have been the last. */
  let more = true
  let over = false
  let cancelled = false

  function end(): void {
    if (over) return
    over = true
    ending.removeEventListener('abort', end)
    follower.end()
    onEnd()
  }
  ending.addEventListener('abort', end)
  if (ending.aborted) end()

  /** What is to be sent next; `undefined` at the end. Waits until there is something. */
  async function next(): Promise<string | undefined> {
    if (!greeted) {
      greeted = true
      return `retry: ${COME_BACK}\n\n`
    }
    const until = clock.elapsed() + HEARTBEAT
    while (!over) {
      const left = expiresAt * 1_000 - clock.now()
      if (left <= 0) return undefined
      const wait = until - clock.elapsed()
      if (wait <= 0) return ':\n\n'
      if (!more) await follower.moved(Math.min(wait, left))
      if (over) return undefined
      const { events, next: behind } = await feed.reader.page(tenant, place, PAGE_EVENTS)
      place = behind
      more = events.length > 0
      if (more) return events.map(({ position, json }) => `id: ${cursorOf(position)}\nevent: change\ndata: ${json}\n\n`).join('')
    }
    return undefined
  }

  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const text = await next()
          if (text !== undefined && !cancelled) return controller.enqueue(encoder.encode(text))
        } catch (error) {
          // The client comes back by itself, and is told then what is wrong.
          log.debug({ err: error }, 'a stream of changes ended early')
        }
        end()
        if (!cancelled) controller.close()
      },
      cancel() {
        cancelled = true
        end()
      },
    },
    // Nothing is read ahead: what is asked for is written at once.
    { highWaterMark: 0 },
  )
}
