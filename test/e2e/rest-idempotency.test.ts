/** Keyed writes and batches over REST, on the real server. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, joinDatabase } from '../../server/db.ts'
import { silent } from '../support/database.ts'
import { type RestAnswer, type RestClient, recordIn, restClient } from '../support/rest-client.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const CONTACTS = '/v1/records/contact'

let server: TestServer
let crm: RestClient
let database: Database
beforeAll(async () => {
  server = await startTestServer({ RAPPORT_SAMPLES: 'off' })
  crm = restClient(server.address, await server.token('crm', 'crm'))
  database = await joinDatabase({ databaseUrl: undefined, dataDirectory: server.dataDirectory }, silent)
})
afterAll(async () => {
  await database.close()
  await server.stop()
})

const keyed = (key: string) => ({ 'Idempotency-Key': key })
const replayed = ({ headers }: RestAnswer) => headers.get('idempotency-replayed')
const told = ({ status, text, headers }: RestAnswer) => [
  status,
  text,
  ...['etag', 'location', 'content-type'].map((name) => headers.get(name)),
]
const titled = async (title: string): Promise<number> => {
  const { items } = (await crm.get(`${CONTACTS}?limit=200`)).body as { items: { content: { fields: { title?: string } } }[] }
  return items.filter(({ content }) => content.fields.title === title).length
}

/** As if the server had died between the commit and the note of its answer. */
async function cutOff(key: string): Promise<void> {
  await database.sql`
    update rapport.idempotency_keys
    set status = null, type = null, record_id = null, sequence = null, body = null, busy_until = now() - interval '1 s'
    where key = ${key}`
}

test('each kind of write is made once, and told again as it was, whatever happened since', async () => {
  const create = () => crm.post(CONTACTS, { content: { fields: { title: 'once' } } }, keyed('"k-create"'))
  const created = await create()
  const { id } = recordIn(created)
  const path = `${CONTACTS}/${id}`
  const patch = () => crm.patch(path, { fields: { title: 'twice' } }, { ...keyed('k-patch'), 'If-Match': '"1"' })
  const patched = await patch()
  const remove = () => crm.delete(path, keyed('k-delete'))
  const removed = await remove()
  const restore = () => crm.post(`${path}/restore`, undefined, keyed('k-restore'))
  const restored = await restore()
  expect([created, patched, removed, restored].map(({ status }) => status)).toEqual([201, 200, 204, 200])
  expect([created, patched, removed, restored].map(replayed)).toEqual([null, null, null, null])
  await crm.patch(path, { fields: { title: 'later' } })
  for (const [again, first] of [
    [await create(), created],
    [await patch(), patched],
    [await remove(), removed],
    [await restore(), restored],
  ] as const) {
    expect(told(again)).toEqual(told(first))
    expect(replayed(again)).toBe('true')
  }
  expect(recordIn(await crm.get(path))).toMatchObject({ sequence: 5, content: { fields: { title: 'later' } } })
  // Quoted or not, it is one key.
  expect(replayed(await crm.post(CONTACTS, { content: { fields: { title: 'once' } } }, keyed('k-create')))).toBe('true')
})

test('a refusal is told again, too; one that may pass when tried again is not kept', async () => {
  const refused = () => crm.patch(`${CONTACTS}/soon`, { fields: { title: 'x' } }, keyed('k-refused'))
  const first = await refused()
  expect(first.status).toBe(404)
  await crm.post(CONTACTS, { id: 'soon', content: {} })
  const again = await refused()
  expect([told(again), replayed(again)]).toEqual([told(first), 'true'])
})

test('422 for the key of another request, 400 for what is no key, and a key of one user is none of another', async () => {
  const post = (body: object, key = 'k-mine', client = crm) => client.post(CONTACTS, body, keyed(key))
  expect((await post({ id: 'mine', content: {} })).status).toBe(201)
  for (const answer of [
    await post({ id: 'mine', content: { summary: 'x' } }),
    await crm.post('/v1/records/account', { id: 'mine', content: {} }, keyed('k-mine')),
    await crm.patch(`${CONTACTS}/mine`, {}, keyed('k-mine')),
  ]) {
    expect([answer.status, answer.body]).toMatchObject([
      422,
      { code: 'invalid', detail: 'this Idempotency-Key belongs to another request' },
    ])
  }
  for (const key of ['', '"', '""', '"a', 'a b', '"é"', 'x'.repeat(256)]) {
    const answer = await crm.post(CONTACTS, { id: 'never', content: {} }, { 'Idempotency-Key': key }).catch(() => undefined)
    if (answer !== undefined) expect([key, answer.status]).toEqual([key, 400])
  }
  expect((await crm.get(`${CONTACTS}/never`)).status).toBe(404)
  const other = restClient(server.address, await server.token('other', 'crm'))
  expect((await post({ id: 'mine', content: {} }, 'k-mine', other)).status).toBe(409)
})

test('409 with Retry-After while the first is under way', async () => {
  await database.sql`
    insert into rapport.idempotency_keys (tenant, sub, key, request, seed, begun_at, attempt, busy_until)
    select tenant, sub, 'k-busy', request, seed, now(), attempt, now() + interval '30 s'
    from rapport.idempotency_keys where key = 'k-refused'`
  const answer = await crm.patch(`${CONTACTS}/soon`, { fields: { title: 'x' } }, keyed('k-busy'))
  expect([answer.status, answer.body]).toEqual([
    409,
    {
      type: 'about:blank',
      title: 'In progress',
      status: 409,
      detail: 'a request with this Idempotency-Key is under way',
      code: 'in_progress',
    },
  ])
  expect(answer.headers.get('retry-after')).toBe('1')
})

test('20 that create with one key at once make one record', async () => {
  const race = await Promise.all(
    Array.from({ length: 20 }, () => crm.post(CONTACTS, { content: { fields: { title: 'raced' } } }, keyed('k-raced'))),
  )
  expect(race.every(({ status }) => status === 201 || status === 409)).toBe(true)
  expect(new Set(race.filter(({ status }) => status === 201).map((answer) => recordIn(answer).id)).size).toBe(1)
  expect(await titled('raced')).toBe(1)
})

describe('an attempt that was cut off behind its commit', () => {
  test('meets the record that it made, under an id of its own or a given one', async () => {
    for (const [key, id] of [
      ['k-cut', undefined],
      ['k-cut-id', 'cut-id'],
    ] as const) {
      const create = () => crm.post(CONTACTS, { ...(id && { id }), content: { fields: { title: key } } }, keyed(key))
      const first = await create()
      await cutOff(key)
      const again = await create()
      expect([told(again), replayed(again)]).toEqual([told(first), null])
      expect(replayed(await create())).toBe('true')
      expect(await titled(key)).toBe(1)
    }
  })

  test('does not take what somebody else made for its own', async () => {
    await crm.post(CONTACTS, { id: 'theirs', content: {} })
    const manager = restClient(server.address, await server.token('boss', 'manager'))
    const create = () => manager.post(CONTACTS, { id: 'theirs', content: {} }, keyed('k-theirs'))
    expect((await create()).status).toBe(409)
    await cutOff('k-theirs')
    expect((await create()).status).toBe(409)
  })

  test('ends in the same state, as a patch, a deletion or a restoration', async () => {
    await crm.post(CONTACTS, { id: 'state', content: { fields: { title: 'old' } } })
    const path = `${CONTACTS}/state`
    const writes: readonly (readonly [string, () => Promise<RestAnswer>])[] = [
      ['k-s1', () => crm.patch(path, { fields: { title: 'new' }, emails: { e1: { label: 'work' } } }, keyed('k-s1'))],
      ['k-s2', () => crm.delete(path, keyed('k-s2'))],
      ['k-s3', () => crm.post(`${path}/restore`, undefined, keyed('k-s3'))],
    ]
    for (const [key, write] of writes) {
      const first = await write()
      await cutOff(key)
      expect(told(await write())).toEqual(told(first))
    }
    expect(recordIn(await crm.get(path))).toMatchObject({ sequence: 4 })
  })
})

describe('a batch', () => {
  interface Item {
    readonly status: number
    readonly id: string | null
    readonly sequence?: number
    readonly etag?: string
    readonly problem?: { readonly code: string; readonly detail: string; readonly errors?: unknown }
  }
  const BATCH = `${CONTACTS}/batch`
  const itemsOf = ({ status, text, body }: RestAnswer): readonly Item[] => {
    if (status !== 200) throw new Error(text)
    return (body as { items: Item[] }).items
  }

  test('answers for each operation in its order, each made or refused by itself', async () => {
    const operations = [
      { op: 'create', id: 'b1', content: { fields: { title: 'one' } } },
      { op: 'create', content: { fields: { title: 'two' } } },
      { op: 'patch', id: 'b1', patch: { fields: { department: 'Board' } }, ifMatch: '"1"' },
      { op: 'patch', id: 'b1', patch: { fields: { title: 'never' } }, ifMatch: '"1"' },
      { op: 'patch', id: 'b1', patch: { summary: 'Met.' }, ifMatch: 2 },
      { op: 'create', id: 'b1', content: {} },
      { op: 'patch', id: 'missing', patch: {} },
      { op: 'create', content: { fields: { stage: 'won' } } },
      { op: 'delete', id: 'b1' },
      { op: 'patch', id: 'no id', patch: {} },
      { op: 'patch', id: 'b1' },
      { op: 'patch', id: 'b1', patch: {}, when: 1 },
      { op: 'create', id: 'b2', content: {}, patch: {} },
      {},
    ]
    const items = itemsOf(await crm.post(BATCH, { operations }))
    expect(items.map(({ status, id, sequence, etag, problem }) => [status, id, sequence ?? problem?.code, etag])).toEqual([
      [201, 'b1', 1, '"1"'],
      [201, expect.stringMatching(/^[0-9a-f-]{36}$/), 1, '"1"'],
      [200, 'b1', 2, '"2"'],
      [412, 'b1', 'stale', undefined],
      [200, 'b1', 3, '"3"'],
      [409, 'b1', 'exists', undefined],
      [404, 'missing', 'not_found', undefined],
      [422, expect.any(String), 'invalid', undefined],
      [422, 'b1', 'invalid', undefined],
      [422, null, 'invalid', undefined],
      [422, 'b1', 'invalid', undefined],
      [422, 'b1', 'invalid', undefined],
      [422, 'b2', 'invalid', undefined],
      [422, null, 'invalid', undefined],
    ])
    expect(items[7]?.problem?.errors).toEqual([{ path: ['fields', 'stage'], code: 'enum' }])
    expect(recordIn(await crm.get(`${CONTACTS}/b1`)).content).toMatchObject({
      fields: { title: 'one', department: 'Board' },
      summary: 'Met.',
    })
    expect((await crm.get(`${CONTACTS}/b2`)).status).toBe(404)
  })

  test('judges each operation by the rights of its sender; 403 as a whole for whoever may write nothing', async () => {
    const rep = restClient(server.address, await server.token('ada'))
    const operations = [
      { op: 'create', id: 'r1', content: { fields: { title: 'mine' } } },
      { op: 'create', id: 'r2', content: { fields: { owner: 'ada' } } },
    ]
    expect(itemsOf(await rep.post(BATCH, { operations }))).toMatchObject([
      { status: 201 },
      { status: 403, problem: { code: 'forbidden', errors: [{ path: ['fields', 'owner'], code: 'forbidden' }] } },
    ])
    const viewer = restClient(server.address, await server.token('eve', 'viewer'))
    expect((await viewer.post(BATCH, { operations })).status).toBe(403)
  })

  test('of 200 is taken, in order within a record; one more, or a malformed whole, is 400', async () => {
    const patches = Array.from({ length: 99 }, (_, index) => ({ op: 'patch', id: 'many', patch: { fields: { x_n: index } } }))
    const creates = Array.from({ length: 100 }, (_, index) => ({ op: 'create', id: `m${index}`, content: {} }))
    const operations = [{ op: 'create', id: 'many', content: {} }, ...patches, ...creates]
    const items = itemsOf(await crm.post(BATCH, { operations }))
    expect(items.map(({ status }) => status)).toEqual([201, ...patches.map(() => 200), ...creates.map(() => 201)])
    expect(items.slice(0, 100).map(({ sequence }) => sequence)).toEqual(Array.from({ length: 100 }, (_, index) => index + 1))
    const bad = [
      { operations: [...operations, { op: 'create', content: {} }] },
      { operations: [] },
      { operations: {} },
      { operations: ['x'] },
      { operations: [{ op: 'create', content: {} }], more: 1 },
      {},
    ]
    for (const body of bad) expect((await crm.post(BATCH, body)).status).toBe(400)
    expect((await crm.post(BATCH)).status).toBe(400)
    expect((await crm.post(BATCH, bad[1], { 'If-Match': '"1"' })).status).toBe(400)
  })

  test('with a key is made once, by the same ids also when it was cut off', async () => {
    const operations = Array.from({ length: 5 }, () => ({ op: 'create', content: { fields: { title: 'batched' } } }))
    const send = () => crm.post(BATCH, { operations }, keyed('k-batch'))
    const first = await send()
    expect(new Set(itemsOf(first).map(({ id }) => id)).size).toBe(5)
    const again = await send()
    expect([told(again), replayed(again)]).toEqual([told(first), 'true'])
    await cutOff('k-batch')
    expect(told(await send())).toEqual(told(first))
    expect(await titled('batched')).toBe(5)
  })

  test('a record may be called batch all the same', async () => {
    expect((await crm.post(CONTACTS, { id: 'batch', content: {} })).status).toBe(201)
    expect((await crm.patch(BATCH, { fields: { title: 'x' } })).status).toBe(200)
    expect(recordIn(await crm.get(BATCH)).id).toBe('batch')
    const put = await fetch(`http://${server.address}${BATCH}`, {
      method: 'PUT',
      headers: { Authorization: `Bearer ${await server.token('crm', 'crm')}` },
    })
    expect([put.status, put.headers.get('allow')]).toEqual([405, 'GET, HEAD, POST, PATCH, DELETE'])
  })
})

test('P12: nothing of what was written stands with the keys', async () => {
  const secret = 'never to be kept twice'
  const content = { summary: secret, fields: { title: secret, stage: secret } }
  await crm.post(CONTACTS, { id: 's1', content: { summary: secret } }, keyed('k-p1'))
  await crm.post(CONTACTS, { id: 's2', content }, keyed('k-p2'))
  await crm.post(`${CONTACTS}/batch`, { operations: [{ op: 'create', content }] }, keyed('k-p3'))
  const rows = await database.sql`select to_jsonb(k)::text as row from rapport.idempotency_keys k where key like 'k-p_'`
  expect(rows).toHaveLength(3)
  for (const { row } of rows) expect(row).not.toContain(secret)
})
