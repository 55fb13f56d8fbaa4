/** REST reads and operations of the real server. */
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sampleContacts } from '../../server/samples/data.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { openStock, until } from '../support/stock-client.ts'

let server: TestServer
let token: string
beforeAll(async () => {
  server = await startTestServer()
  token = await server.token('ann')
})
afterAll(() => server.stop())

const sample = sampleContacts[0]?.id as string

test('a request without a genuine token is answered with 401 and a problem', async () => {
  for (const bad of [undefined, 'x', `${token}x`]) {
    const answer = await server.get('/v1/records/contact', bad)
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toBe('Bearer')
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(await answer.json()).toMatchObject({ status: 401, code: 'unauthenticated' })
  }
  expect((await server.get(`/v1/records/contact?token=${token}`)).status).toBe(401)
  expect((await server.get('/v1/records/contact', await server.token('ann', 'rep', { ttl: -5 }))).status).toBe(401)
})

test('P11: a foreign record, a missing one and an unknown type give the same answer', async () => {
  const foreign = await server.token('eve', 'admin', { tenant: 'other' })
  const paths = [`/v1/records/contact/${sample}`, '/v1/records/contact/none', '/v1/records/invoice/none', '/v1/records/invoice']
  const answers = await Promise.all(paths.map((path) => server.get(path, foreign)))
  const bodies = await Promise.all(answers.map((answer) => answer.text()))
  expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404])
  expect(new Set(bodies).size).toBe(1)
  expect(await (await server.get('/v1/records/contact', foreign)).json()).toEqual({ items: [], nextCursor: null })
})

test('P11: over a socket, the id of a foreign record opens an empty document of one’s own', async () => {
  const eve = openStock(server.address, 'contact', sample, { token: await server.token('eve', 'admin', { tenant: 'other' }) })
  await eve.synced()
  expect(eve.doc.getMap('fields').size).toBe(0)
  eve.destroy()
})

test('opening an unknown record makes none', async () => {
  const client = openStock(server.address, 'contact', 'only-looked-at', { token })
  await client.synced()
  client.destroy()
  expect((await server.get('/v1/records/contact/only-looked-at', token)).status).toBe(404)
  expect(await ids('?limit=200')).not.toContain('only-looked-at')
})

test('a list pages by id and ends with a null cursor', async () => {
  const seen: string[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const answer = await server.get(`/v1/records/contact?limit=5&cursor=${cursor}`, token)
    const page = (await answer.json()) as { items: { id: string }[]; nextCursor: string | null }
    expect(page.items.length).toBeLessThanOrEqual(5)
    seen.push(...page.items.map(({ id }) => id))
    cursor = page.nextCursor
  }
  expect(seen).toEqual(sampleContacts.map(({ id }) => id).sort())
})

test('malformed parameters are answered with 400', async () => {
  for (const query of ['limit=0', 'limit=201', 'limit=x', 'limit=-1', 'deleted=maybe', 'cursor=!!!', 'cursor=L2V0Yw']) {
    const answer = await server.get(`/v1/records/contact?${query}`, token)
    expect([query, answer.status]).toEqual([query, 400])
    expect(await answer.json()).toMatchObject({ code: 'malformed' })
  }
})

test('a record created by a client is there with its author and times', async () => {
  const client = openStock(server.address, 'contact', 'created-here', { token })
  await client.synced()
  client.doc.getMap('fields').set('lastName', 'Ferro')
  await until(async () => (await server.get('/v1/records/contact/created-here', token)).status === 200, 'it is stored')
  const record = await (await server.get('/v1/records/contact/created-here', token)).json()
  expect(record).toMatchObject({ type: 'contact', id: 'created-here', createdBy: 'ann', deletedAt: null })
  expect(record).toMatchObject({ content: { fields: { lastName: 'Ferro' }, summary: '', tags: {}, emails: {} } })
  expect(Date.parse((record as { createdAt: string }).createdAt)).toBeGreaterThan(Date.now() - 60_000)
  client.destroy()
})

test('health, readiness and the metrics of the contract are served without a token', async () => {
  expect((await server.get('/healthz')).status).toBe(200)
  expect((await server.get('/readyz')).status).toBe(200)
  const metrics = await (await server.get('/metrics')).text()
  const promised = ['records_loaded', 'sockets', 'commit_batch_size', 'commit_seconds', 'updates_refused_total']
  for (const name of [...promised, 'send_queue_bytes', 'limit_hits_total', 'event_loop_delay_seconds']) {
    expect(metrics).toContain(`# TYPE rapport_${name} `)
  }
})

test('an unknown path is answered with a problem', async () => {
  const answer = await server.get('/nowhere')
  expect(answer.status).toBe(404)
  expect(answer.headers.get('content-type')).toBe('application/problem+json')
})

/** What the server says to a request that no ordinary client library would send. */
function exchange(request: string): Promise<string> {
  const [host = '', port] = server.address.split(':')
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), host)
    let answer = ''
    socket.on('data', (data) => {
      answer += data.toString()
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(answer))
    socket.end(request)
  })
}

test('a client that offers to upgrade to HTTP/2 is answered in HTTP/1.1', async () => {
  const offer = 'Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA'
  expect(await exchange(`GET /healthz HTTP/1.1\r\nHost: x\r\n${offer}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 200 /)
  expect(await exchange(`GET /v1/records/contact HTTP/1.1\r\nHost: x\r\n${offer}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 401 /)
})

test('HTTP/1.0 without a Host is answered, as probes of old load balancers need', async () => {
  expect(await exchange('GET /healthz HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /)
})

async function ids(query: string): Promise<string[]> {
  const { items } = (await (await server.get(`/v1/records/contact${query}`, token)).json()) as { items: { id: string }[] }
  return items.map(({ id }) => id)
}
