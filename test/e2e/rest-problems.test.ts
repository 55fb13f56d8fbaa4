/** Every refusal of the contract's table, from the real server, with its whole body. */
import type { IssueCode } from '@rapport/shared/errors.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openSigningKey } from '../../server/auth/signing-key.ts'
import { mintToken } from '../../server/auth/tokens.ts'
import { joinDatabase } from '../../server/db.ts'
import { silent } from '../support/database.ts'
import { type RestAnswer, type RestClient, restClient } from '../support/rest-client.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

/** What a server takes here in one body, and what a record may amount to. */
const FRAME_BYTES = 20_000
const RECORD_BYTES = 30_000

let server: TestServer
let crm: RestClient
let rep: RestClient
let viewer: RestClient
let nobody: RestClient
let stranger: RestClient
beforeAll(async () => {
  server = await startTestServer({
    RAPPORT_MAX_FRAME_BYTES: String(FRAME_BYTES),
    RAPPORT_MAX_RECORD_BYTES: String(RECORD_BYTES),
  })
  const as = async (sub: string, ...more: [('crm' | 'viewer')?, { tenant: string }?]) =>
    restClient(server.address, await server.token(sub, ...more))
  crm = await as('crm', 'crm')
  rep = restClient(server.address, await server.token('ada'))
  viewer = await as('eve', 'viewer')
  stranger = await as('mallory', 'crm', { tenant: 'other' })
  const claims = { audience: 'rapport', tenant: 'demo' as never, sub: 'nobody', roles: [] }
  nobody = restClient(server.address, await mintToken(await openSigningKey(server.dataDirectory), claims, 600))
  await crm.post(CONTACTS, { id: 'here', content: {} })
  await crm.post(CONTACTS, { id: 'deleted', content: {} })
  await crm.delete(`${CONTACTS}/deleted`)
})
afterAll(() => server.stop())

const CONTACTS = '/v1/records/contact'
const HERE = `${CONTACTS}/here`

/** The whole problem; `undefined` stands for a member that is not there. */
function expectProblem(answer: RestAnswer, status: number, code: string, title: string, detail: string, errors?: unknown): void {
  const body = { type: 'about:blank', title, status, detail, code }
  expect([answer.status, answer.body]).toEqual([status, errors === undefined ? body : { ...body, errors }])
  expect(answer.headers.get('content-type')).toBe('application/problem+json')
}

/** All four ways to write, with a body that would do. */
const writes = (client: RestClient, id: string) => [
  client.patch(`${CONTACTS}/${id}`, {}),
  client.delete(`${CONTACTS}/${id}`),
  client.post(`${CONTACTS}/${id}/restore`),
]

test('400 malformed', async () => {
  const title = 'Malformed request'
  const notJson = 'the body is not JSON in UTF-8'
  const cases: readonly (readonly [Promise<RestAnswer>, string])[] = [
    [crm.patch(HERE, '{'), notJson],
    [crm.post(CONTACTS, 'x'), notJson],
    [crm.patch(HERE, '[]'), 'the body must be a JSON object'],
    [crm.post(`${HERE}/restore`, '"x"'), 'the body must be a JSON object'],
    [crm.patch(HERE), 'a JSON object with the changes is needed'],
    [crm.post(CONTACTS), 'a JSON object with the content of the record is needed'],
    [crm.patch(HERE, { content: 1 }), 'content must be an object'],
    [crm.patch(HERE, {}, { 'If-Match': '1' }), 'If-Match must be * or a list of entity tags in double quotes'],
    [crm.get(HERE, { 'If-None-Match': '1' }), 'If-None-Match must be * or a list of entity tags in double quotes'],
    [crm.delete(`${HERE}?erase=true`), 'records cannot be erased yet; this one was left as it is'],
    [crm.delete(`${HERE}?erase`), 'erase must be true or false'],
    [crm.post(CONTACTS, { content: {} }, { 'If-Match': '*' }), 'a collection has no state to match'],
    [crm.delete(`${HERE}?erase=yes`), 'erase must be true or false'],
    [crm.get(`${HERE}?projected=1`), 'projected must be true or false'],
    [crm.get(`${CONTACTS}?projected=true`), 'lists do not wait for rows; read a record with projected=true'],
    [crm.get(`${CONTACTS}?limit=0`), 'limit must be from 1 to 200'],
  ]
  for (const [answer, detail] of cases) expectProblem(await answer, 400, 'malformed', title, detail)
})

test('401 unauthenticated', async () => {
  const anybody = restClient(server.address)
  for (const answer of await Promise.all([anybody.get(HERE), anybody.post(CONTACTS, {}), ...writes(anybody, 'here')])) {
    expectProblem(answer, 401, 'unauthenticated', 'Unauthenticated', 'a valid bearer token is needed')
    expect(answer.headers.get('www-authenticate')).toBe('Bearer')
  }
  const late = restClient(server.address, await server.token('crm', 'crm', { ttl: -5 }))
  expectProblem(await late.patch(HERE, {}), 401, 'unauthenticated', 'Unauthenticated', 'the token has expired')
})

test('403 forbidden: a viewer writes nothing, whether or not the record exists', async () => {
  const all = [viewer.post(CONTACTS, { content: {} }), ...writes(viewer, 'here'), ...writes(viewer, 'none')]
  for (const answer of await Promise.all(all)) {
    expectProblem(answer, 403, 'forbidden', 'Forbidden', 'no right to write records')
  }
  expect((await viewer.get(HERE)).body).toMatchObject({ sequence: 1 })
})

describe('403 forbidden: a field that its author may not write', () => {
  const OWNED = `${CONTACTS}/owned`
  const detail = 'no right to write this'
  const owner = { path: ['fields', 'owner'], code: 'forbidden' }
  const creditLimit = { path: ['fields', 'creditLimit'], code: 'forbidden' }
  beforeAll(async () => {
    const content = { fields: { owner: 'grace', creditLimit: '10.00', title: 'Dr' }, tags: { vip: true } }
    expect((await crm.post(CONTACTS, { id: 'owned', content })).status).toBe(201)
  })

  test('refuses the whole patch, and the whole new record', async () => {
    const before = await crm.get(OWNED)
    const patch = { fields: { owner: 'ada', creditLimit: null, title: 'Prof' }, summary: 'not kept' }
    expectProblem(await rep.patch(OWNED, patch), 403, 'forbidden', 'Forbidden', detail, [owner, creditLimit])
    const draft = { id: 'never', content: { fields: { owner: 'ada', title: 'Prof' } } }
    expectProblem(await rep.post(CONTACTS, draft), 403, 'forbidden', 'Forbidden', detail, [owner])
    expect((await crm.get(OWNED)).text).toBe(before.text)
    expect((await crm.get(`${CONTACTS}/never`)).status).toBe(404)
  })

  test('is no matter where the patch leaves it as it is', async () => {
    const { body } = await rep.get(OWNED)
    const { content } = body as { content: { fields: object } }
    const patched = await rep.patch(OWNED, { ...content, fields: { ...content.fields, title: 'Prof' } })
    expect([patched.status, patched.body]).toMatchObject([
      200,
      { sequence: 2, content: { fields: { owner: 'grace', creditLimit: '10.00', title: 'Prof' }, tags: { vip: true } } },
    ])
    expect((await rep.patch(OWNED, { fields: { owner: 'grace' } })).body).toMatchObject({ sequence: 2 })
  })

  test('is one place of several where others do not fit: 422', async () => {
    const errors = [{ path: ['fields', 'stage'], code: 'enum' }, { path: ['meta'], code: 'forbidden' }, owner]
    const patch = { fields: { owner: 'ada', stage: 'won' }, meta: { createdBy: 'ada' } }
    expectProblem(await rep.patch(OWNED, patch), 422, 'invalid', 'Invalid', 'the content does not fit the record type', errors)
  })

  test('does not keep a rep from deleting and restoring the record', async () => {
    expect([(await rep.delete(OWNED)).status, (await rep.post(`${OWNED}/restore`)).status]).toEqual([204, 200])
  })
})

test('P11: 404 not_found, in the same bytes for a missing record, a foreign one, one without access, and what cannot be a record', async () => {
  const answers = await Promise.all([
    ...[crm.get(`${CONTACTS}/none`), ...writes(crm, 'none')],
    ...[stranger.get(HERE), ...writes(stranger, 'here'), ...writes(stranger, 'deleted')],
    ...[
      nobody.get(CONTACTS),
      nobody.get(HERE),
      ...writes(nobody, 'here'),
      ...writes(nobody, 'none'),
      nobody.post(CONTACTS, { content: {} }),
    ],
    ...[
      crm.get(`${CONTACTS}/no%20id`),
      crm.patch('/v1/records/invoice/here', {}),
      crm.post('/v1/records/invoice', { content: {} }),
    ],
  ])
  const [first] = answers
  if (first === undefined) throw new Error('no answer')
  expectProblem(first, 404, 'not_found', 'Not found', 'There is nothing here that you may see.')
  expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
  const headers = ({ headers: given }: RestAnswer) => JSON.stringify([...given].filter(([name]) => name !== 'date'))
  expect(new Set(answers.map(headers)).size).toBe(1)
})

test('409 exists, of a deleted record, too', async () => {
  for (const id of ['here', 'deleted']) {
    expectProblem(await crm.post(CONTACTS, { id, content: {} }), 409, 'exists', 'Exists', 'a record with this id exists')
  }
})

test('410 gone: deleted, and erased', async () => {
  for (const answer of await Promise.all([crm.get(`${CONTACTS}/deleted`), crm.patch(`${CONTACTS}/deleted`, {})])) {
    expectProblem(answer, 410, 'gone', 'Gone', 'this record was deleted')
  }
  const database = await joinDatabase({ databaseUrl: undefined, dataDirectory: server.dataDirectory }, silent)
  await database.sql`insert into rapport.records (tenant, type, id, created_at, created_by, erased)
    values ('demo', 'contact', 'erased', now(), 'ann', true)`
  await database.close()
  const looks = ['', '?at=1', '/history', '/conflicts'].map((rest) => crm.get(`${CONTACTS}/erased${rest}`))
  const erased = [...looks, crm.post(CONTACTS, { id: 'erased', content: {} }), ...writes(crm, 'erased')]
  for (const answer of await Promise.all(erased)) expectProblem(answer, 410, 'gone', 'Gone', 'the record was erased')
})

test('412 stale, with nothing written', async () => {
  const condition = { 'If-Match': '"7"' }
  const answers = [crm.patch(HERE, { fields: { title: 'Dr' } }, condition), crm.delete(HERE, condition), crm.get(HERE, condition)]
  for (const answer of await Promise.all(answers)) {
    expectProblem(answer, 412, 'stale', 'Stale', 'the record is not in the state that was asked for')
  }
  expect((await crm.get(HERE)).body).toMatchObject({ sequence: 1, deletedAt: null, content: { fields: {} } })
})

test('413 too_large: a body, announced or not, and a record that would be', async () => {
  const body = JSON.stringify({ summary: 'x'.repeat(FRAME_BYTES) })
  const detail = `the body is larger than ${FRAME_BYTES} bytes`
  expectProblem(await crm.patch(HERE, body), 413, 'too_large', 'Too large', detail)
  const chunked = await fetch(`http://${server.address}${HERE}`, {
    method: 'PATCH',
    body: new Blob([body]).stream(),
    duplex: 'half',
    headers: { Authorization: `Bearer ${await server.token('crm', 'crm')}` },
  } as RequestInit)
  expect([chunked.status, await chunked.json()]).toMatchObject([413, { code: 'too_large', detail }])

  const chunk = (name: string) =>
    crm.patch(HERE, { fields: Object.fromEntries([0, 1, 2].map((n) => [`x_${name}${n}`, 'y'.repeat(4_000)])) })
  expect([(await chunk('a')).status, (await chunk('b')).status]).toEqual([200, 200])
  expectProblem(await chunk('c'), 413, 'too_large', 'Too large', 'the record would exceed its size limit')
  expect((await crm.get(HERE)).body).toMatchObject({ sequence: 3 })
  const fields = Object.fromEntries(['a', 'b'].flatMap((name) => [0, 1, 2].map((n) => [`x_${name}${n}`, null])))
  expect((await crm.patch(HERE, { fields })).status).toBe(200)
})

describe('422 invalid', () => {
  const long = 'x'.repeat(201)
  const cases: Readonly<Record<IssueCode, readonly (readonly [object, readonly string[]])[]>> = {
    kind: [
      [{ fields: { firstName: 1 } }, ['fields', 'firstName']],
      [{ fields: null }, ['fields']],
      [{ tags: { vip: 'yes' } }, ['tags', 'vip']],
      [{ emails: { e1: 'x' } }, ['emails', 'e1']],
    ],
    enum: [[{ fields: { stage: 'won' } }, ['fields', 'stage']]],
    length: [
      [{ fields: { firstName: long } }, ['fields', 'firstName']],
      [{ tags: Object.fromEntries(Array.from({ length: 201 }, (_, index) => [`t${index}`, true])) }, ['tags']],
    ],
    range: [[{ fields: { creditLimit: '0.00001' } }, ['fields', 'creditLimit']]],
    shape: [
      [{ fields: { birthday: '2023-02-29' } }, ['fields', 'birthday']],
      [{ emails: { e1: { address: 'nobody' } } }, ['emails', 'e1', 'address']],
      [{ emails: { 'no id': {} } }, ['emails', 'no id']],
    ],
    reference: [[{ fields: { account: 'no id' } }, ['fields', 'account']]],
    unknown_field: [
      [{ fields: { nickname: 'x' } }, ['fields', 'nickname']],
      [{ nickname: 'x' }, ['nickname']],
      [{ emails: { e1: { nope: 1 } } }, ['emails', 'e1', 'nope']],
    ],
    forbidden: [
      [{ notes: '<p>x</p>' }, ['notes']],
      [{ meta: { createdBy: 'me' } }, ['meta']],
    ],
  }

  test.each(Object.entries(cases))('%s, in a patch and in a new record', async (code, places) => {
    const before = await crm.get(HERE)
    const detail = 'the content does not fit the record type'
    for (const [content, path] of places) {
      const errors = [{ path, code }]
      // What is right in it is not kept either.
      const patch = { summary: 'not kept', ...content }
      expectProblem(await crm.patch(HERE, patch), 422, 'invalid', 'Invalid', detail, errors)
      expectProblem(await crm.post(CONTACTS, { id: 'never', content }), 422, 'invalid', 'Invalid', detail, errors)
    }
    expect((await crm.get(HERE)).text).toBe(before.text)
    expect((await crm.get(`${CONTACTS}/never`)).status).toBe(404)
  })

  test('a number out of its range, and a required field that is missing or cleared', async () => {
    const detail = 'the content does not fit the record type'
    const bad = await crm.post('/v1/records/opportunity', { content: { fields: { probability: 101 } } })
    expectProblem(bad, 422, 'invalid', 'Invalid', detail, [
      { path: ['fields', 'probability'], code: 'range' },
      { path: ['fields', 'name'], code: 'kind' },
    ])
    expect((await crm.post('/v1/records/account', { id: 'acme', content: { fields: { name: 'ACME' } } })).status).toBe(201)
    const cleared = await crm.patch('/v1/records/account/acme', { fields: { name: null } })
    expectProblem(cleared, 422, 'invalid', 'Invalid', detail, [{ path: ['fields', 'name'], code: 'kind' }])
  })

  test('around the content', async () => {
    const shape = 'an id is 1 to 128 letters, digits, dashes or underscores'
    const restore = 'a restore takes at and path, and nothing else'
    const cases: readonly (readonly [Promise<RestAnswer>, string, string, IssueCode])[] = [
      [crm.post(CONTACTS, { id: 'no id', content: {} }), shape, 'id', 'shape'],
      [crm.post(CONTACTS, { id: '', content: {} }), shape, 'id', 'shape'],
      [crm.post(CONTACTS, { id: 'x'.repeat(129), content: {} }), shape, 'id', 'shape'],
      [crm.post(CONTACTS, { id: 7, content: {} }), 'an id must be a string', 'id', 'kind'],
      [crm.post(CONTACTS, {}), 'content must be an object', 'content', 'kind'],
      [crm.post(CONTACTS, { content: [] }), 'content must be an object', 'content', 'kind'],
      [
        crm.post(CONTACTS, { content: {}, tenant: 'other' }),
        'a new record has an id and content, and nothing else',
        'tenant',
        'unknown_field',
      ],
      [crm.post(`${CONTACTS}/deleted/restore`, { when: 1 }), restore, 'when', 'unknown_field'],
    ]
    for (const [answer, detail, name, code] of cases) {
      expectProblem(await answer, 422, 'invalid', 'Invalid', detail, [{ path: [name], code }])
    }
  })
})

test('429 rate_limited, with the time after which the same request is let in', async () => {
  const slow = await startTestServer({ RAPPORT_RATE_UPDATES_PER_S: '1' })
  try {
    const client = restClient(slow.address, await slow.token('crm', 'crm'))
    const refused = async (): Promise<RestAnswer> => {
      for (;;) {
        const answer = await client.patch(`${CONTACTS}/none`, {})
        if (answer.status !== 404) return answer
      }
    }
    const answer = await refused()
    expectProblem(answer, 429, 'rate_limited', 'Too many requests', 'too many writes; come back later')
    const seconds = Number(answer.headers.get('retry-after'))
    expect(seconds).toBeGreaterThanOrEqual(1)
    await new Promise((resolve) => setTimeout(resolve, seconds * 1_000))
    expect((await client.patch(`${CONTACTS}/none`, {})).status).toBe(404)
    const metrics = await (await slow.get('/metrics')).text()
    expect(metrics).toMatch(/^rapport_limit_hits_total\{limit="rate"\} [1-9]/m)
  } finally {
    await slow.stop()
  }
})
