/** What was not applied, as an administrator sees it over REST: listed, admitted in its sender's name, or dropped. */
import { randomUUID } from 'node:crypto'
import { parseRecordId, parseTenant, type RecordId, type Tenant } from '@rapport/shared/ids.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as Y from 'yjs'
import { type Database, joinDatabase } from '../../server/db.ts'
import { createSqlLogStore } from '../../server/log/sql-log-store.ts'
import { silent } from '../support/database.ts'
import { type RestAnswer, type RestClient, recordIn, restClient } from '../support/rest-client.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { openStock, until } from '../support/stock-client.ts'

let server: TestServer
let database: Database
let admin: RestClient
let crm: RestClient
beforeAll(async () => {
  server = await startTestServer()
  database = await joinDatabase({ databaseUrl: undefined, dataDirectory: server.dataDirectory }, silent)
  admin = restClient(server.address, await server.token('root', 'admin'))
  crm = restClient(server.address, await server.token('backend', 'crm'))
})
afterAll(async () => {
  await database.close()
  await server.stop()
})

const CONTACTS = '/v1/records/contact'
const QUARANTINE = '/v1/quarantine'

interface Item {
  readonly id: string
  readonly state: string
}

const listOf = async (client = admin): Promise<readonly Item[]> =>
  ((await client.get(QUARANTINE)).body as { items: readonly Item[] }).items

const problemOf = ({ status, body }: RestAnswer): unknown => [status, (body as { code: string }).code]

/** Keeps an update as if it could not have been applied when it came. */
async function quarantine(id: string, bytes: Uint8Array, { roles = ['rep'], tenant = 'demo', at = Date.now() } = {}) {
  const row = {
    id: randomUUID(),
    key: { tenant: parseTenant(tenant) as Tenant, type: 'contact', id: parseRecordId(id) as RecordId },
    reason: 'it cannot be applied',
    author: { sub: 'ann', role: roles[0] ?? '' },
    roles,
    teams: [],
    at,
    bytes,
  }
  await createSqlLogStore(database.sql).quarantine(row)
  return row
}

/** What a new device would send for these fields. */
function updateOf(fields: Readonly<Record<string, unknown>>): Uint8Array {
  const document = new Y.Doc()
  document.transact(() => {
    for (const [name, value] of Object.entries(fields)) document.getMap('fields').set(name, value)
  })
  return Y.encodeStateAsUpdate(document)
}

test('what is held back is listed, newest first, in pages, and without its content', async () => {
  const bytes = updateOf({ title: 'Buyer' })
  const [older, newer] = [await quarantine('listed', bytes, { at: 1_000 }), await quarantine('listed', bytes, { at: 2_000 })]
  const items = (await listOf()).filter(({ id }) => id === older.id || id === newer.id)
  const shown = (row: typeof older) => ({
    id: row.id,
    type: 'contact',
    recordId: 'listed',
    reason: 'it cannot be applied',
    author: { sub: 'ann', role: 'rep' },
    at: new Date(row.at).toISOString(),
    bytes: bytes.length,
    state: 'quarantined',
  })
  expect(items).toEqual([shown(newer), shown(older)])

  const seen: Item[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page = (await admin.get(`${QUARANTINE}?limit=1&cursor=${cursor}`)).body as { items: Item[]; nextCursor: string | null }
    expect(page.items.length).toBeLessThanOrEqual(1)
    seen.push(...page.items)
    cursor = page.nextCursor
  }
  expect(seen).toEqual(await listOf())
  for (const { id } of seen) await admin.post(`${QUARANTINE}/${id}/drop`)
  expect(await listOf()).toEqual([])
})

test('one that is admitted is made in its sender’s name, by the sender’s rights, and is held back no more', async () => {
  await crm.post(CONTACTS, { id: 'admitted', content: { fields: { lastName: 'Ferro' } } })
  const row = await quarantine('admitted', updateOf({ title: 'Buyer', creditLimit: '9.00' }))
  const answer = await admin.post(`${QUARANTINE}/${row.id}/admit`)
  expect([answer.status, answer.body]).toMatchObject([200, { id: row.id, recordId: 'admitted', state: 'admitted' }])
  // A rep's: P4 holds for it as for anything that a rep sends.
  expect(recordIn(await crm.get(`${CONTACTS}/admitted`)).content.fields).toEqual({ lastName: 'Ferro', title: 'Buyer' })
  const history = (await crm.get(`${CONTACTS}/admitted/history?path=fields/title`)).body as { items: object[] }
  expect(history.items).toMatchObject([{ author: { sub: 'ann', role: 'rep' }, after: 'Buyer' }])
  expect(await listOf()).toEqual([])
  expect(problemOf(await admin.post(`${QUARANTINE}/${row.id}/admit`))).toEqual([404, 'not_found'])
})

test('one that is dropped leaves no trace; one that cannot be admitted stays', async () => {
  await crm.post(CONTACTS, { id: 'dropped', content: {} })
  const dropped = await quarantine('dropped', updateOf({ title: 'Buyer' }))
  const answer = await admin.post(`${QUARANTINE}/${dropped.id}/drop`)
  expect([answer.status, answer.body]).toMatchObject([200, { id: dropped.id, state: 'dropped' }])
  expect(recordIn(await crm.get(`${CONTACTS}/dropped`)).sequence).toBe(1)
  expect(problemOf(await admin.post(`${QUARANTINE}/${dropped.id}/drop`))).toEqual([404, 'not_found'])

  const garbage = await quarantine('dropped', Uint8Array.of(1, 1, 255, 255, 255))
  const viewers = await quarantine('dropped', updateOf({ title: 'Buyer' }), { roles: ['viewer'] })
  expect(problemOf(await admin.post(`${QUARANTINE}/${garbage.id}/admit`))).toEqual([422, 'invalid'])
  expect(problemOf(await admin.post(`${QUARANTINE}/${viewers.id}/admit`))).toEqual([403, 'forbidden'])
  expect(new Set((await listOf()).map(({ id }) => id))).toEqual(new Set([garbage.id, viewers.id]))
  expect(recordIn(await crm.get(`${CONTACTS}/dropped`)).sequence).toBe(1)
  for (const { id } of [garbage, viewers]) await admin.post(`${QUARANTINE}/${id}/drop`)
})

test('what carries another person’s unsaved edits is set aside, listed, and admitted by an administrator', async () => {
  await crm.post(CONTACTS, { id: 'aside', content: { fields: { lastName: 'Ferro' } } })
  const ann = openStock(server.address, 'contact', 'aside', { token: await server.token('ann') })
  await ann.synced()
  ann.doc.getMap('fields').set('title', 'Buyer')
  await until(async () => recordIn(await crm.get(`${CONTACTS}/aside`)).sequence === 2, 'ann has written')
  ann.provider.disconnect()
  ann.doc.getMap('fields').set('department', 'Sales')

  // On the same tablet, somebody else signs in and goes on.
  const doc = new Y.Doc()
  Y.applyUpdate(doc, Y.encodeStateAsUpdate(ann.doc))
  doc.getMap('fields').set('website', 'https://example.com')
  const bob = openStock(server.address, 'contact', 'aside', { token: await server.token('bob'), doc })
  expect(await bob.stopped).toBe(4409)
  await until(async () => (await listOf()).length === 1, 'it is set aside')
  const [item] = await listOf()
  expect(item).toMatchObject({ state: 'set-aside', recordId: 'aside', author: { sub: 'bob', role: 'rep' } })
  expect(recordIn(await crm.get(`${CONTACTS}/aside`)).sequence).toBe(2)

  expect((await admin.post(`${QUARANTINE}/${item?.id}/admit`)).status).toBe(200)
  expect(recordIn(await crm.get(`${CONTACTS}/aside`)).content.fields).toEqual({
    lastName: 'Ferro',
    title: 'Buyer',
    department: 'Sales',
    website: 'https://example.com',
  })
  expect(await listOf()).toEqual([])
  ann.destroy()
  bob.destroy()
})

test('P11: it is for administrators, and each sees what is of their own tenant', async () => {
  const row = await quarantine('foreign', updateOf({ title: 'Buyer' }), { tenant: 'other' })
  const theirs = restClient(server.address, await server.token('boss', 'admin', { tenant: 'other' }))
  expect((await listOf(theirs)).map(({ id }) => id)).toEqual([row.id])
  expect(await listOf()).toEqual([])
  for (const act of ['admit', 'drop']) {
    const [foreign, missing] = await Promise.all([
      admin.post(`${QUARANTINE}/${row.id}/${act}`),
      admin.post(`${QUARANTINE}/${randomUUID()}/${act}`),
    ])
    expect(problemOf(foreign)).toEqual([404, 'not_found'])
    expect(foreign.text).toBe(missing.text)
    expect(problemOf(await admin.post(`${QUARANTINE}/nonsense/${act}`))).toEqual([404, 'not_found'])
  }
  expect(await listOf(theirs)).toHaveLength(1)
  for (const role of ['rep', 'manager', 'crm', 'viewer'] as const) {
    const client = restClient(server.address, await server.token('x', role, { tenant: 'other' }))
    for (const answer of [client.get(QUARANTINE), client.post(`${QUARANTINE}/${row.id}/drop`)]) {
      expect([role, problemOf(await answer)]).toEqual([role, [403, 'forbidden']])
    }
  }
})

test('what it cannot answer is malformed, and other methods are refused', async () => {
  for (const query of ['limit=0', 'cursor=x', `cursor=${Buffer.from('1.2').toString('base64url')}`]) {
    expect([query, problemOf(await admin.get(`${QUARANTINE}?${query}`))]).toEqual([query, [400, 'malformed']])
  }
  expect(problemOf(await admin.post(`${QUARANTINE}/${randomUUID()}/drop`, { why: 'x' }))).toEqual([422, 'invalid'])
  const wrong = await Promise.all([
    admin.post(QUARANTINE),
    admin.get(`${QUARANTINE}/x/admit`),
    admin.delete(`${QUARANTINE}/x/drop`),
  ])
  expect(wrong.map(({ status, headers }) => [status, headers.get('allow')])).toEqual([
    [405, 'GET, HEAD'],
    [405, 'POST'],
    [405, 'POST'],
  ])
})
