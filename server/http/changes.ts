/**
 * The change feed over HTTP: pages for those who pull, and a stream of server-sent events for those who are pushed to. Both show the same
 * events under the same ids, and a cursor of one is good for the other.
 */
import { SyncError } from '@rapport/shared/errors.ts'
import { type Context, Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { Policy } from '../access/policy.ts'
import { cursorOf, type FeedReader, parseCursor } from '../feed/reader.ts'
import { requireFeedReader } from './change-reader.ts'
import { type ChangeStreamNeeds, createChangeStreams } from './change-stream.ts'
import type { Authenticated } from './record-target.ts'

export interface ChangesNeeds extends ChangeStreamNeeds {
  readonly policy?: Policy | undefined
}

const DEFAULT_LIMIT = 100
const MAX_LIMIT = 1_000
/** Instead of a cursor: behind the newest event. */
const LATEST = 'latest'

export function createChanges(needs: ChangesNeeds): Hono<Authenticated> {
  const { policy, feed } = needs
  const app = new Hono<Authenticated>()
  const streams = createChangeStreams(needs)

  app.use('*', async (context, next) => {
    requireFeedReader(context.get('principal'), policy)
    await next()
  })

  app.get('/', async (context) => {
    const { tenant } = context.get('principal')
    const limit = readLimit(context)
    const from = await placeOf(feed.reader, context, readOnce(context, 'after') ?? cursorOf(0))
    const { events, next } = await feed.reader.page(tenant, from, limit)
    const page = `{"items":[${events.map(({ json }) => json).join(',')}],"next":${JSON.stringify(cursorOf(next))}}`
    return context.body(page, 200, { 'Content-Type': 'application/json' })
  })

  app.get('/stream', async (context) => {
    // A client that comes back knows better than its URL.
    const cursor = context.req.header('Last-Event-ID') || readOnce(context, 'after')
    const from = await placeOf(feed.reader, context, cursor ?? cursorOf(0))
    return await streams.open(context, from)
  })

  for (const path of ['/', '/stream']) {
    app.all(path, (context) => {
      context.header('Allow', 'GET, HEAD')
      throw new HTTPException(405, { message: 'this resource takes GET, HEAD' })
    })
  }
  return app
}

async function placeOf(reader: FeedReader, context: Context<Authenticated>, cursor: string): Promise<number> {
  return cursor === LATEST ? await reader.head(context.get('principal').tenant) : parseCursor(cursor)
}

function readLimit(context: Context): number {
  const limit = readOnce(context, 'limit') ?? String(DEFAULT_LIMIT)
  if (/^[1-9]\d{0,3}$/.test(limit) && Number(limit) <= MAX_LIMIT) return Number(limit)
  throw new SyncError('malformed', `limit must be from 1 to ${MAX_LIMIT}`)
}

function readOnce(context: Context, name: string): string | undefined {
  const [value, ...more] = context.req.queries(name) ?? []
  if (more.length > 0) throw new SyncError('malformed', `${name} must be given once`)
  return value
}
