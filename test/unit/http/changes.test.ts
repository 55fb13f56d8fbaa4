/** The change feed over HTTP, on events that are not real: who may read it, what is refused, and how much a stream reads ahead. */
import { SyncError } from '@rapport/shared/errors.ts'
import { Hono } from 'hono'
import { describe, expect, test } from 'vitest'
import type { FeedPage } from '../../../server/feed/reader.ts'
import { type ChangeStreamNeeds, createChangeStreams } from '../../../server/http/change-stream.ts'
import type { Authenticated } from '../../../server/http/record-target.ts'
import { silent } from '../../support/database.ts'
import { createFakeClock } from '../gateway/fake-clock.ts'
import { openApp, principal } from './opened-app.ts'

const FEED = '/v1/changes'
const EMPTY: FeedPage = { events: [], next: 0 }

function pageOf(after: number, count: number): FeedPage {
  const events = Array.from({ length: count }, (_, index) => {
    const position = after + index + 1
    return { position, id: `e${position}`, type: 'rapport.contact.changed.v1', json: `{"id":"e${position}"}` }
  })
  return { events, next: after + count }
}

describe('who may read the feed', () => {
  test.each([
    ...(['crm', 'admin', 'manager'] as const).map((role) => [role, 200] as const),
    ...(['rep', 'viewer'] as const).map((role) => [role, 403] as const),
    ['nobody', 404] as const,
  ])('%s: %i, for pages and for the stream', async (role, status) => {
    const { get } = openApp()
    expect((await get(FEED, role)).status).toBe(status)
    const stream = await get(`${FEED}/stream`, role)
    expect(stream.status).toBe(status)
    await stream.body?.cancel()
  })

  test('nobody who could not open every record: an event shows all of it', async () => {
    const everything = { record: 'write' } as const
    const { get } = openApp({
      policy: { grants: { crm: { contact: { team: everything, anyone: { record: 'none' } }, '*': { anyone: everything } } } },
    })
    expect((await get(FEED, 'crm')).status).toBe(403)
  })
})

describe('what a request may ask for', () => {
  test.each([
    ...['after=', 'after=-1', 'after=01', 'after=1.5', 'after=x', 'after=1e3', 'after=1&after=2', `after=${'9'.repeat(16)}`],
    ...['limit=0', 'limit=1001', 'limit=', 'limit=ten', 'limit=1&limit=2'],
  ])('400: %s', async (query) => {
    const answer = await openApp().get(`${FEED}?${query}`, 'crm')
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([400, 'malformed'])
  })

  test('400 for the stream by either way to say where, and 405 for another method', async () => {
    const { get, request } = openApp()
    expect((await get(`${FEED}/stream?after=x`, 'crm')).status).toBe(400)
    expect((await request('GET', `${FEED}/stream`, { headers: { 'Last-Event-ID': 'x' } }, 'crm')).status).toBe(400)
    const answer = await request('POST', FEED, {}, 'crm')
    expect([answer.status, answer.headers.get('Allow')]).toEqual([405, 'GET, HEAD'])
  })

  test('a page begins behind the cursor, goes on behind its last event, and stays where nothing is', async () => {
    const asked: unknown[] = []
    const { get } = openApp({
      feed: {
        reader: {
          ...{ head: async () => 7, oldest: async () => 0 },
          page: async (tenant, after, limit) => {
            asked.push([tenant, after, limit])
            return after >= 7 ? { events: [], next: after } : pageOf(after, Math.min(limit, 7 - after))
          },
        },
      },
    })
    const read = async (query: string): Promise<unknown> => await (await get(`${FEED}${query}`, 'crm')).json()
    expect(await read('?limit=2')).toEqual({ items: [{ id: 'e1' }, { id: 'e2' }], next: '2' })
    expect(await read('?after=5&limit=1000')).toEqual({ items: [{ id: 'e6' }, { id: 'e7' }], next: '7' })
    expect(await read('?after=latest')).toEqual({ items: [], next: '7' })
    expect(await read('?after=900')).toEqual({ items: [], next: '900' })
    expect(asked).toEqual([
      ['demo', 0, 2],
      ['demo', 5, 1_000],
      ['demo', 7, 100],
      ['demo', 900, 100],
    ])
  })

  test('410 for a cursor before what is kept, also for a stream', async () => {
    const page = async (): Promise<FeedPage> => {
      throw new SyncError('gone', 'Events up to cursor 5 were removed')
    }
    const { get } = openApp({ feed: { reader: { page, head: async () => 9, oldest: async () => 5 } } })
    for (const path of [`${FEED}?after=2`, `${FEED}/stream?after=2`]) {
      const answer = await get(path, 'crm')
      expect([answer.status, await answer.json()]).toEqual([
        410,
        expect.objectContaining({ code: 'gone', detail: 'Events up to cursor 5 were removed' }),
      ])
    }
  })
})

describe('a stream', () => {
  function serve(given: Partial<ChangeStreamNeeds> = {}, expiresAt = 1e12) {
    const clock = createFakeClock()
    const limits: string[] = []
    const ending = new AbortController()
    let followers = 0
    const follow = () => {
      followers += 1
      let rouse = (): void => undefined
      return {
        moved: (milliseconds: number) =>
          new Promise<void>((resolve) => {
            rouse = resolve
            clock.after(milliseconds, resolve)
          }),
        end() {
          followers -= 1
          rouse()
        },
      }
    }
    const reader = { page: async () => EMPTY, head: async () => 0, oldest: async () => 0 }
    const streams = createChangeStreams({
      feed: { reader, news: { follow } },
      ...{ clock, log: silent, limitHit: (limit) => limits.push(limit), ending: ending.signal },
      ...given,
    })
    const app = new Hono<Authenticated>()
    app.use(async (context, next) => {
      context.set('principal', { ...principal(['crm']), expiresAt })
      await next()
    })
    app.get('/', (context) => streams.open(context, 0))
    app.onError((_error, context) => context.text('', 503))
    const open = async () => {
      const answer = await app.request('/')
      const read = answer.body?.getReader()
      return {
        answer,
        /** The next piece; undefined at the end. */
        async next(): Promise<string | undefined> {
          const piece = await read?.read()
          return piece?.done === false ? new TextDecoder().decode(piece.value) : undefined
        },
        cancel: async () => await read?.cancel(),
      }
    }
    return { clock, limits, ending, open, app, followers: () => followers }
  }
  /** Lets everything that waits for nothing happen. */
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

  test('P10: of a reader that reads nothing, nothing is read ahead; each page is read when it is asked for', async () => {
    let pages = 0
    const page = async (_tenant: string, after: number, limit: number): Promise<FeedPage> => {
      pages += 1
      return pageOf(after, limit)
    }
    const { open } = serve({
      feed: {
        reader: { page, head: async () => 0, oldest: async () => 0 },
        news: { follow: () => ({ moved: async () => undefined, end: () => undefined }) },
      },
    })
    const stream = await open()
    await settled()
    const before = pages
    expect(await stream.next()).toBe('retry: 1000\n\n')
    expect(pages).toBe(before)
    for (let read = 1; read <= 3; read += 1) {
      const text = await stream.next()
      await settled()
      expect(text).toMatch(new RegExp(`^id: ${read * 100 - 99}\\nevent: change\\ndata: {"id":"e${read * 100 - 99}"}\\n\\n`))
      expect(pages).toBe(before + read)
    }
    await stream.cancel()
  })

  test('where nothing happens there is a sign of life every ten seconds', async () => {
    const { open, clock } = serve()
    const stream = await open()
    await stream.next()
    for (let beat = 0; beat < 3; beat += 1) {
      let got: string | undefined
      const waiting = stream.next().then((text) => {
        got = text
      })
      await settled()
      clock.pass(9_900)
      await settled()
      expect(got).toBe(undefined)
      clock.pass(200)
      await waiting
      expect(got).toBe(':\n\n')
    }
    await stream.cancel()
  })

  test('ends with its token, and with the server', async () => {
    const expiring = serve({}, 5)
    const one = await expiring.open()
    await one.next()
    const last = one.next()
    await settled()
    expiring.clock.pass(5_000)
    expect(await last).toBe(undefined)
    const { open, ending, followers } = serve()
    const two = await open()
    await two.next()
    const drained = two.next()
    await settled()
    ending.abort()
    expect(await drained).toBe(undefined)
    expect([expiring.followers(), followers()]).toEqual([0, 0])
  })

  test('P10: so many per account and no more; one that is left makes room', async () => {
    const { open, limits, followers, app } = serve()
    const streams = []
    for (let count = 0; count < 20; count += 1) streams.push(await open())
    expect((await open()).answer.status).toBe(503)
    expect(limits).toEqual(['streams'])
    expect(followers()).toBe(20)
    await streams[0]?.cancel()
    expect((await app.request('/', { method: 'HEAD' })).status).toBe(200)
    const again = await open()
    expect(again.answer.status).toBe(200)
    for (const stream of [...streams, again]) await stream.cancel()
    expect(followers()).toBe(0)
  })
})
