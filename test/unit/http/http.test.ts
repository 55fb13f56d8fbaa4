/** Reading over HTTP: what the app makes of states and failures that are hard to bring about. */
import { SyncError } from '@rapport/shared/errors.ts'
import { expect, test } from 'vitest'
import { openApp } from './opened-app.ts'

test('a deleted record answers 410, is left out of lists, and shows with deleted=true', async () => {
  const { get, put, registry } = openApp()
  await put('a')
  await put('b', Date.parse('2026-01-02T03:04:05Z'))
  expect((await get('/v1/records/contact/b')).status).toBe(410)
  expect(await (await get('/v1/records/contact')).json()).toMatchObject({ items: [{ id: 'a' }], nextCursor: null })
  const all = await (await get('/v1/records/contact?deleted=true')).json()
  expect(all).toMatchObject({
    items: [
      { id: 'a', deletedAt: null },
      { id: 'b', deletedAt: '2026-01-02T03:04:05.000Z' },
    ],
  })
  expect(registry.acquired).toBe(0)
})

test('a page is filled up behind deleted records', async () => {
  const { get, put } = openApp()
  for (let index = 100; index < 120; index++) await put(`r${index}`, index < 115 ? 1_000 : undefined)
  const page = await (await get('/v1/records/contact?limit=3')).json()
  expect(page).toMatchObject({ items: [{ id: 'r115' }, { id: 'r116' }, { id: 'r117' }] })
  const { nextCursor } = page as { nextCursor: string }
  expect(await (await get(`/v1/records/contact?limit=3&cursor=${nextCursor}`)).json()).toMatchObject({
    items: [{ id: 'r118' }, { id: 'r119' }],
    nextCursor: null,
  })
})

interface Page {
  readonly items: { readonly id: string }[]
  readonly nextCursor: string | null
}

test('P10: a page ends early once it is long, with at least one record, and the next one goes on from there', async () => {
  const { get, put, registry, limitsHit } = openApp()
  const sizes = { a: 3, b: 3, c: 3, d: 1, e: 20, f: 20, g: 1 }
  for (const [id, megabytes] of Object.entries(sizes)) await put(id, undefined, 'x'.repeat(megabytes * 1024 * 1024))
  const pages: string[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const page = (await (await get(`/v1/records/contact?cursor=${cursor}`)).json()) as Page
    pages.push(page.items.map(({ id }) => id).join(''))
    cursor = page.nextCursor
    expect(registry.acquired).toBe(0)
  }
  expect(pages).toEqual(['abc', 'de', 'f', 'g'])
  expect(limitsHit).toEqual(['page', 'page', 'page'])
})

test('P10: a page that is long with the very last record says that it is the last', async () => {
  const { get, put } = openApp()
  await put('a', undefined, 'x'.repeat(9 * 1024 * 1024))
  expect(await (await get('/v1/records/contact')).json()).toMatchObject({ items: [{ id: 'a' }], nextCursor: null })
})

test('P10: records are rendered one at a time, and loaded a few ahead', async () => {
  const { get, put, registry } = openApp()
  for (let index = 100; index < 130; index++) await put(`r${index}`)
  let viewing = 0
  const most = { viewing: 0, held: 0 }
  for (const room of registry.rooms.values()) {
    const view = room.view
    room.view = async (look) => {
      viewing++
      most.viewing = Math.max(most.viewing, viewing)
      most.held = Math.max(most.held, registry.acquired)
      await new Promise((resolve) => setImmediate(resolve))
      viewing--
      return view(look)
    }
  }
  expect(((await (await get('/v1/records/contact')).json()) as Page).items).toHaveLength(30)
  expect(most).toEqual({ viewing: 1, held: 9 })
  expect(registry.acquired).toBe(0)
})

test('P10: lists that come too many at once wait, and beyond that are answered with 503 and told when to come back', async () => {
  const { get, put, registry, limitsHit } = openApp()
  await put('a')
  const room = registry.rooms.get('a')
  const view = room?.view
  if (room === undefined || view === undefined) throw new Error('no room')
  const looks: (() => void)[] = []
  let open = false
  room.view = async (look) => {
    if (!open) await new Promise<void>((resolve) => looks.push(resolve))
    return view(look)
  }
  const lists = Array.from({ length: 40 }, () => get('/v1/records/contact'))
  const refused = await Promise.race(lists)
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1'])
  expect(looks).toHaveLength(4)
  open = true
  for (const look of looks) look()
  const statuses = (await Promise.all(lists)).map(({ status }) => status)
  expect(statuses.filter((status) => status === 503)).toHaveLength(4)
  expect(limitsHit).toEqual(Array.from({ length: 4 }, () => 'lists'))
})

test('a list that fails half-way lets go of every record', async () => {
  const { get, put, registry } = openApp()
  for (let index = 100; index < 120; index++) await put(`r${index}`)
  const room = registry.rooms.get('r103')
  if (room !== undefined) room.view = () => Promise.reject(new SyncError('overload', 'busy'))
  const acquire = registry.acquire
  registry.acquire = function (key) {
    return key.id === 'r108' ? Promise.reject(new SyncError('overload', 'busy')) : acquire.call(this, key)
  }
  expect((await get('/v1/records/contact')).status).toBe(503)
  await new Promise((resolve) => setImmediate(resolve))
  expect(registry.acquired).toBe(0)
})

test('P11: no role at all looks like no record', async () => {
  const { get, put } = openApp()
  await put('a')
  const [denied, missing] = await Promise.all([get('/v1/records/contact/a', 'nobody'), get('/v1/records/contact/none')])
  expect([denied.status, await denied.text()]).toEqual([missing.status, await missing.text()])
  const list = await get('/v1/records/contact', 'nobody')
  expect([list.status, await list.text()]).toEqual([404, await (await get('/v1/records/contact/none')).text()])
})

test('failures become the problems of the contract', async () => {
  const { get, registry, logged } = openApp()
  const expected = { gone: 410, out_of_service: 503, overload: 503, draining: 503, commit_failed: 503, internal: 500 } as const
  for (const [code, status] of Object.entries(expected)) {
    registry.fail = new SyncError(code as keyof typeof expected, 'secret detail')
    const answer = await get('/v1/records/contact/a?token=in-url')
    expect([code, answer.status]).toEqual([code, status])
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    if (status >= 500) expect(await answer.text()).not.toContain('secret')
  }
  registry.fail = new TypeError('secret')
  expect((await get('/v1/records/contact/a')).status).toBe(500)
  expect(logged.join()).not.toContain('in-url')
})

test('P10: one record that is out of service does not take the list with it', async () => {
  const { get, put, registry } = openApp()
  await put('a')
  await put('b')
  const acquire = registry.acquire
  registry.acquire = function (key) {
    return key.id === 'a' ? Promise.reject(new SyncError('out_of_service', 'unreadable')) : acquire.call(this, key)
  }
  expect(await (await get('/v1/records/contact')).json()).toMatchObject({ items: [{ id: 'b' }] })
})

test('readiness says why not', async () => {
  const { app } = openApp({ unready: 'draining' })
  const answer = await app.request('/readyz')
  expect([answer.status, await answer.json()]).toEqual([503, { status: 'unavailable', reason: 'draining' }])
  expect((await app.request('/healthz')).status).toBe(200)
})

test('a method that a path does not take is answered with those that it takes', async () => {
  const { request, put } = openApp()
  await put('a')
  const paths = {
    '/v1/records/contact': ['GET, HEAD, POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    '/v1/records/contact/a': ['GET, HEAD, PATCH, DELETE', 'PUT', 'POST', 'OPTIONS'],
    '/v1/records/contact/a/restore': ['POST', 'GET', 'PUT', 'PATCH', 'DELETE'],
    '/v1/records/contact/a/history': ['GET, HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    '/v1/records/contact/a/conflicts': ['GET, HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    '/v1/records/contact/a/conflicts/c1/restore': ['POST', 'GET', 'PUT', 'PATCH', 'DELETE'],
    '/v1/records/contact/a/conflicts/c1/dismiss': ['POST', 'GET', 'PUT', 'PATCH', 'DELETE'],
  }
  for (const [path, [allow, ...methods]] of Object.entries(paths)) {
    for (const method of methods) {
      const answer = await request(method, path)
      const { status, headers } = answer
      expect([path, method, status, headers.get('allow'), headers.get('retry-after')]).toEqual([path, method, 405, allow, null])
      expect(await answer.json()).toEqual({
        type: 'about:blank',
        title: 'Method not allowed',
        status: 405,
        detail: `this resource takes ${allow}`,
        code: 'malformed',
      })
    }
  }
  for (const [path, token] of [
    ['/v1/records/invoice/a', 'rep'],
    ['/v1/records/contact/a', 'nobody'],
  ] as const) {
    expect((await request('PUT', path, {}, token)).status).toBe(404)
  }
  expect((await request('HEAD', '/v1/records/contact/a')).status).toBe(200)
})

test('while the server drains, nothing new is begun, and each answer is the last of its connection', async () => {
  let draining = false
  const { get, send, put, registry, app } = openApp({ draining: () => draining })
  await put('a')
  const acquire = registry.acquire
  registry.acquire = function (key) {
    draining = true
    return acquire.call(this, key)
  }
  const before = await send('PATCH', '/v1/records/contact/a', { fields: { title: 'Dr' } })
  expect([before.status, before.headers.get('connection')]).toEqual([200, 'close'])
  for (const answer of [await get('/v1/records/contact/a'), await send('PATCH', '/v1/records/contact/a', {})]) {
    expect([answer.status, answer.headers.get('connection'), answer.headers.get('retry-after')]).toEqual([503, 'close', '1'])
    expect(await answer.json()).toMatchObject({ code: 'unavailable' })
  }
  expect((await app.request('/healthz')).status).toBe(200)
})

test('answers carry the headers that keep a browser from guessing, and are private', async () => {
  const { get, put } = openApp()
  await put('a')
  const answer = await get('/v1/records/contact/a')
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
  expect(answer.headers.get('cache-control')).toBe('private, no-cache')
  expect(answer.headers.get('etag')).toBe('"1"')
})
