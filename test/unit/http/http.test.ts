/** The HTTP app over rooms that are not real: what it makes of states and failures that are hard to bring about. */
import { SyncError } from '@rapport/shared/errors.ts'
import { writeMeta } from '@rapport/shared/schema/layout.ts'
import { expect, test } from 'vitest'
import type { Principal } from '../../../server/auth/principal.ts'
import { createHttpApp } from '../../../server/http/app.ts'
import { createLogger } from '../../../server/observability/logger.ts'
import { createMetrics } from '../../../server/observability/metrics.ts'
import { createFakeRegistry } from '../../support/fake-room.ts'

const principal = (roles: string[]) => ({ tenant: 'demo', sub: 'ann', roles, teams: [], expiresAt: 1e12 }) as unknown as Principal

function setUp(unready: string | undefined = undefined) {
  const registry = createFakeRegistry()
  const logged: string[] = []
  const app = createHttpApp({
    registry,
    updateLog: {
      page: async (_tenant, _type, after, limit) =>
        [...registry.rooms.keys()]
          .sort()
          .filter((id) => id > after)
          .slice(0, limit) as never,
    },
    log: createLogger('trace', (line) => logged.push(line)),
    metrics: createMetrics(),
    verify: async (token) => ({ type: 'verified', principal: principal(token === 'nobody' ? [] : ['rep']) }),
    unready: async () => unready,
  })
  const get = (path: string, token = 'rep') => app.request(path, { headers: { Authorization: `Bearer ${token}` } })
  const put = async (id: string, deletedAt?: number) => {
    const room = await registry.acquire({ tenant: 'demo', type: 'contact', id } as never)
    await room.edit(principal(['admin']), (document) => {
      document.getMap('fields').set('lastName', id)
      if (deletedAt !== undefined) writeMeta(document, { deletedAt })
    })
    registry.release(room)
  }
  return { registry, logged, app, get, put }
}

test('a deleted record answers 410, is left out of lists, and shows with deleted=true', async () => {
  const { get, put, registry } = setUp()
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
  const { get, put } = setUp()
  for (let index = 100; index < 120; index++) await put(`r${index}`, index < 115 ? 1_000 : undefined)
  const page = await (await get('/v1/records/contact?limit=3')).json()
  expect(page).toMatchObject({ items: [{ id: 'r115' }, { id: 'r116' }, { id: 'r117' }] })
  const { nextCursor } = page as { nextCursor: string }
  expect(await (await get(`/v1/records/contact?limit=3&cursor=${nextCursor}`)).json()).toMatchObject({
    items: [{ id: 'r118' }, { id: 'r119' }],
    nextCursor: null,
  })
})

test('P11: no role at all looks like no record', async () => {
  const { get, put } = setUp()
  await put('a')
  const [denied, missing] = await Promise.all([get('/v1/records/contact/a', 'nobody'), get('/v1/records/contact/none')])
  expect([denied.status, await denied.text()]).toEqual([missing.status, await missing.text()])
  expect((await get('/v1/records/contact', 'nobody')).status).toBe(403)
})

test('failures become the problems of the contract', async () => {
  const { get, registry, logged } = setUp()
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
  const { get, put, registry } = setUp()
  await put('a')
  await put('b')
  const acquire = registry.acquire
  registry.acquire = function (key) {
    return key.id === 'a' ? Promise.reject(new SyncError('out_of_service', 'unreadable')) : acquire.call(this, key)
  }
  expect(await (await get('/v1/records/contact')).json()).toMatchObject({ items: [{ id: 'b' }] })
})

test('readiness says why not', async () => {
  const { app } = setUp('draining')
  const answer = await app.request('/readyz')
  expect([answer.status, await answer.json()]).toEqual([503, { status: 'unavailable', reason: 'draining' }])
  expect((await app.request('/healthz')).status).toBe(200)
})

test('answers carry the headers that keep a browser from guessing, and are private', async () => {
  const { get, put } = setUp()
  await put('a')
  const answer = await get('/v1/records/contact/a')
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
  expect(answer.headers.get('cache-control')).toBe('private, no-cache')
  expect(answer.headers.get('etag')).toBe('"1"')
})
