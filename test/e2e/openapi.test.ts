/** The description of the HTTP interface: valid, whole, and true of what the real server answers. */
import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { joinDatabase } from '../../server/db.ts'
import { silent } from '../support/database.ts'
import { type RestAnswer, type RestClient, recordIn, restClient } from '../support/rest-client.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { openStock, until } from '../support/stock-client.ts'
import { openApp } from '../unit/http/opened-app.ts'

interface Operation {
  readonly operationId: string
  readonly requestBody?: { readonly content: Readonly<Record<string, unknown>> }
  readonly responses: Readonly<Record<string, { readonly $ref?: string; readonly content?: Readonly<Record<string, unknown>> }>>
}

interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: {
    readonly schemas: Readonly<Record<string, unknown>>
    readonly responses: Readonly<Record<string, { readonly content: Readonly<Record<string, unknown>> }>>
  }
}

const METHODS = ['get', 'post', 'patch', 'delete', 'put']

let server: TestServer
let crm: RestClient
let admin: RestClient
let document: Description
let ajv: Ajv2020
beforeAll(async () => {
  server = await startTestServer()
  crm = restClient(server.address, await server.token('crm', 'crm'))
  admin = restClient(server.address, await server.token('root', 'admin'))
  document = (await restClient(server.address).get('/openapi.json')).body as Description
  ajv = new Ajv2020({ strict: false, allErrors: true })
  addFormats.default(ajv)
  ajv.addSchema({ $id: 'https://rapport/description', ...document })
})
afterAll(() => server.stop())

/** The validator of a place in the description. */
function schemaAt(pointer: readonly string[]) {
  const path = pointer.map((name) => encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')
  return ajv.compile({ $ref: `https://rapport/description#/${path}` })
}

test('it is a valid OpenAPI 3.1 document, to be had without a token', async () => {
  const result = await new Validator().validate(structuredClone(document) as unknown as Record<string, unknown>)
  expect(result).toMatchObject({ valid: true })
  const operations = Object.values(document.paths).flatMap((item) => METHODS.flatMap((method) => item[method] ?? []))
  expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length)
  for (const name of Object.keys(document.components.schemas))
    expect(schemaAt(['components', 'schemas', name])).toBeTypeOf('function')
})

test('every route of the server is described, and nothing else is', () => {
  const { app } = openApp()
  const types = ['account', 'contact', 'opportunity']
  const routes = app.routes
    .filter(({ method }) => method !== 'ALL')
    .flatMap(({ method, path }) => {
      const named = path.replaceAll(/:(\w+)/g, '{$1}')
      return types.map((type) => `${method} ${named.replace('{type}', type)}`)
    })
  const described = Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method] !== undefined).map((method) => `${method.toUpperCase()} ${path}`),
  )
  // Changes are described by their contract, which they may be served by later.
  const isChanges = (route: string): boolean => /^GET \/v1\/changes(\/stream)?$/.test(route)
  const isServed = (route: string): boolean => routes.includes(route) || !isChanges(route)
  expect([...new Set(routes)].sort()).toEqual(described.filter(isServed).sort())
})

/** An answer is one that its operation describes, headers and body. */
function expectDescribed(method: string, path: string, { status, body, headers, text }: RestAnswer): void {
  const operation = document.paths[path]?.[method]
  const response = operation?.responses[status]
  if (operation === undefined || response === undefined) throw new Error(`${method} ${path} does not tell of ${status} ${text}`)
  const refusal = response.$ref?.split('/').at(-1)
  const pointer =
    refusal === undefined ? ['paths', path, method, 'responses', String(status)] : ['components', 'responses', refusal]
  const content = refusal === undefined ? response.content : document.components.responses[refusal]?.content
  const type = headers.get('content-type')?.split(';')[0] ?? ''
  expect([method, path, status, Object.keys(content ?? {})]).toEqual([method, path, status, text === '' ? [] : [type]])
  if (text === '') return
  const validate = schemaAt([...pointer, 'content', type, 'schema'])
  if (!validate(body))
    throw new Error(`${method} ${path} ${status}: ${JSON.stringify(validate.errors?.slice(0, 5))}\n${text.slice(0, 2_000)}`)
}

/** And a body that the server took is one that the operation takes. */
function expectTaken(method: string, path: string, body: unknown): void {
  for (const type of Object.keys(document.paths[path]?.[method]?.requestBody?.content ?? {})) {
    const validate = schemaAt(['paths', path, method, 'requestBody', 'content', type, 'schema'])
    if (!validate(body))
      throw new Error(`${method} ${path} does not take ${JSON.stringify(body)}: ${JSON.stringify(validate.errors)}`)
  }
}

const FIELDS = {
  contact: {
    firstName: 'Ada',
    birthday: '1980-02-29',
    creditLimit: '12.50',
    doNotCall: false,
    x_score: 7,
    website: 'https://example.com',
  },
  account: { name: 'ACME', employees: 3, stage: 'active' },
  opportunity: { name: 'Big one', probability: 12.5, amount: '99.90' },
}

test.each(Object.entries(FIELDS))(
  'real answers about a record of the type %s are as described, from the first to the last',
  async (type, fields) => {
    const base = `/v1/records/${type}`
    const one = `${base}/{id}`
    const draft = {
      id: 'described',
      content: { fields, summary: 'Met.', tags: { vip: true }, activities: { a1: { kind: 'call', at: '2026-01-02T03:04:05Z' } } },
    }
    expectTaken('post', base, draft)
    const created = await crm.post(base, draft, { 'Idempotency-Key': `k-${type}` })
    expect(created.status).toBe(201)
    const path = `${base}/${recordIn(created).id}`
    const patch = {
      summary: null,
      tags: { vip: null, new: true },
      activities: { a1: null, a2: { subject: 'x' } },
      fields: { x_score: null },
    }
    const whole = { ...recordIn(created), content: patch }
    for (const body of [patch, whole]) expectTaken('patch', one, body)
    const operations = [
      { op: 'create', content: { fields } },
      { op: 'patch', id: 'described', patch, ifMatch: 1 },
      { op: 'patch', id: 'missing', patch: {}, ifMatch: '"1"' },
    ]
    expectTaken('post', `${base}/batch`, { operations })
    for (const body of [{}, { at: 1 }, { at: '2026-01-02T03:04:05Z', path: 'summary' }, { at: 1, path: ['fields', 'stage'] }]) {
      expectTaken('post', `${one}/restore`, body)
    }
    const asked: readonly (readonly [string, string, RestAnswer])[] = [
      ['post', base, created],
      ['post', base, await crm.post(base, { id: 'described', content: { fields } })],
      ['post', base, await crm.post(base, { content: { fields: { stage: 7 } } })],
      ['post', base, await crm.post(base, 'no JSON')],
      ['get', one, await crm.get(path)],
      ['get', one, await crm.get(path, { 'If-None-Match': '"1"' })],
      ['get', one, await crm.get(`${path}?projected=true`)],
      ['get', one, await crm.get(`${path}?at=never`)],
      ['get', one, await crm.get(`${base}/missing`)],
      ['get', one, await restClient(server.address).get(path)],
      ['patch', one, await crm.patch(path, patch)],
      ['patch', one, await crm.patch(path, patch, { 'If-Match': '"9"' })],
      ['get', base, await crm.get(`${base}?limit=2`)],
      ['get', base, await crm.get(`${base}?sort=-createdAt&q=met&fields=owner,tags`)],
      ['get', base, await crm.get(`${base}?filter[nobody]=1`)],
      ['post', `${base}/batch`, await crm.post(`${base}/batch`, { operations })],
      ['get', `${one}/history`, await crm.get(`${path}/history`)],
      ['get', `${one}/conflicts`, await crm.get(`${path}/conflicts`)],
      ['delete', one, await crm.delete(path)],
      ['get', one, await crm.get(path)],
      ['patch', one, await crm.patch(path, patch)],
      ['post', `${one}/restore`, await crm.post(`${path}/restore`)],
      ['post', `${one}/restore`, await crm.post(`${path}/restore`, { at: 1 })],
      ['post', `${one}/restore`, await crm.post(`${path}/restore`, { when: 1 })],
      ['post', `${one}/conflicts/{conflict}/restore`, await crm.post(`${path}/conflicts/none/restore`)],
      ['post', `${one}/conflicts/{conflict}/dismiss`, await crm.post(`${path}/conflicts/none/dismiss`, {})],
    ]
    for (const [method, described, answer] of asked) expectDescribed(method, described, answer)
  },
)

test('so are those about samples, a conflict, what is held back, and the server itself', async () => {
  for (const type of Object.keys(FIELDS))
    expectDescribed('get', `/v1/records/${type}`, await crm.get(`/v1/records/${type}?limit=200`))

  const token = await server.token('ann')
  const path = '/v1/records/contact/met'
  await crm.post('/v1/records/contact', { id: 'met', content: { fields: { title: 'old' } } })
  const phone = openStock(server.address, 'contact', 'met', { token })
  await phone.synced()
  phone.provider.disconnect()
  phone.doc.getMap('fields').set('title', 'of the phone')
  await crm.patch(path, { fields: { title: 'of the CRM' } })
  phone.provider.connect()
  const conflicts = async () => (await crm.get(`${path}/conflicts`)).body as { items: { id: string }[] }
  await until(async () => (await conflicts()).items.length === 1, 'a conflict')
  expectDescribed('get', '/v1/records/contact/{id}/conflicts', await crm.get(`${path}/conflicts`))
  expectDescribed('get', '/v1/records/contact/{id}/history', await crm.get(`${path}/history`))
  const settle = `/v1/records/contact/{id}/conflicts/{conflict}/restore`
  const [{ id } = { id: '' }] = (await conflicts()).items
  const restored = await crm.post(`${path}/conflicts/${id}/restore`)
  expect(restored.status).toBe(200)
  expectDescribed('post', settle, restored)
  expectDescribed('post', settle.replace('restore', 'dismiss'), await crm.post(`${path}/conflicts/${id}/dismiss`))
  phone.destroy()

  const database = await joinDatabase({ databaseUrl: undefined, dataDirectory: server.dataDirectory }, silent)
  await database.sql`
    insert into rapport.quarantine (tenant, id, type, record_id, reason, author_sub, author_role, at, bytes)
    values ('demo', gen_random_uuid(), 'contact', 'met', 'refused', 'ann', 'rep', now(), decode('00', 'hex'))`
  await database.close()
  const held = await admin.get('/v1/quarantine')
  expect((held.body as { items: unknown[] }).items).toHaveLength(1)
  expectDescribed('get', '/v1/quarantine', held)
  expectDescribed('get', '/v1/quarantine', await crm.get('/v1/quarantine'))
  const [item] = (held.body as { items: { id: string }[] }).items
  expectDescribed('post', '/v1/quarantine/{id}/admit', await admin.post(`/v1/quarantine/${item?.id}/admit`))
  expectDescribed('post', '/v1/quarantine/{id}/drop', await admin.post(`/v1/quarantine/${item?.id}/drop`))

  for (const of of ['/healthz', '/readyz', '/openapi.json']) expectDescribed('get', of, await restClient(server.address).get(of))
})

test('the page to read it by loads nothing from elsewhere, and runs nothing but its own script', async () => {
  const page = await server.get('/docs')
  const [html, policy] = [await page.text(), page.headers.get('content-security-policy')]
  expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
  expect(policy).toBe(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  )
  const linked = Array.from(html.matchAll(/(?:src|href)="([^"]+)"/g), ([, address = '']) => address)
  expect(linked.sort()).toEqual(['/docs/page.css', '/docs/page.js', '/openapi.json'])
  expect(html).not.toMatch(/<script(?![^>]*src=)|\son\w+=|style=/)
  for (const path of linked) {
    const file = await server.get(path)
    expect([path, file.status, file.headers.get('x-content-type-options')]).toEqual([path, 200, 'nosniff'])
    expect(await file.text()).not.toMatch(/https?:\/\/(?!json-schema\.org|example\.com)[a-z]|innerHTML|outerHTML|insertAdjacent/)
  }
})
