/** The change feed of a real server, while people edit: as pages, as a stream, and as webhooks, all beside each other. */
import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { createRandom } from '../simulation/random.ts'
import { copyFolder, MAIN, testEnvironment } from '../support/data-folder.ts'
import { openStream } from '../support/event-stream.ts'
import type { CloudEvent } from '../support/feed-stage.ts'
import { mintLocalToken } from '../support/local-token.ts'
import { openReceiver, type Receiver } from '../support/receiver.ts'
import { recordIn, restClient } from '../support/rest-client.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { startServer } from '../support/server-process.ts'
import { until } from '../support/stock-client.ts'

const CONTACTS = '/v1/records/contact'

let server: TestServer
let token: string
let receiver: Receiver
beforeAll(async () => {
  server = await startTestServer({ RAPPORT_WEBHOOK_ALLOW: '127.0.0.1' })
  token = await server.token('crm', 'crm')
  receiver = await openReceiver()
})
afterAll(async () => {
  await server.stop()
  await receiver.close()
})

async function cli(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { ...process.env, ...testEnvironment(server.dataDirectory), RAPPORT_WEBHOOK_ALLOW: '127.0.0.1' }
  return await new Promise((resolve) => {
    execFile(process.execPath, ['server/cli.ts', ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr })
    })
  })
}

async function json<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await cli(...args)
  expect([code, stderr]).toEqual([0, ''])
  return JSON.parse(stdout) as T
}

interface Page {
  readonly items: readonly CloudEvent[]
  readonly next: string
}

async function page(query: string): Promise<Page> {
  const { status, body } = await restClient(server.address, token).get(`/v1/changes?${query}`)
  expect(status).toBe(200)
  return body as Page
}

/** All events behind a cursor, in pages of seven. */
async function pull(after: string): Promise<Page> {
  const items: CloudEvent[] = []
  for (let next = after; ; ) {
    const got = await page(`after=${next}&limit=7`)
    if (got.items.length === 0) return { items, next }
    items.push(...got.items)
    next = got.next
  }
}

const latest = async (): Promise<string> => (await page('after=latest')).next

/** Where the feed ends once every mark is projected and every event has a position. */
async function settledHead(): Promise<string> {
  const waiting = `select (select count(*) from rapport.projection_marks)::int as marks,
    (select count(*) from rapport.outbox where position is null)::int as events`
  await until(async () => {
    const [row] = await json<{ marks: number; events: number }[]>('sql', waiting)
    return row?.marks === 0 && row.events === 0
  }, 'everything is projected and has a position')
  return await latest()
}

test('P6: stream, pages and webhook give the same events under the same ids, with no gap, however often a stream is lost', async () => {
  const seed = 11
  const random = createRandom(seed)
  const before = await settledHead()
  const webhook = await json<{ id: string; secret: string }>(
    ...['webhook', 'add', '--tenant', 'demo', '--url', `http://127.0.0.1:${receiver.port}/`],
  )
  const client = restClient(server.address, token)
  let writing = true
  const write = async (): Promise<void> => {
    for (let n = 0; n < 40; n += 1) {
      const id = `s${random.below(4)}`
      const content = { fields: { title: `title ${n}` }, emails: { [`e${n % 3}`]: { address: `a${n}@example.org` } } }
      const patched = await client.patch(`${CONTACTS}/${id}`, content)
      if (patched.status === 404) recordIn(await client.post(CONTACTS, { id, content }))
      await new Promise((resolve) => setTimeout(resolve, random.below(120)))
    }
    writing = false
  }
  const writer = write()
  const streamed: { cursor: string; event: CloudEvent }[] = []
  let resumed = 0
  const follow = async (): Promise<void> => {
    for (let last = false; !last; resumed += 1) {
      last = !writing
      const cursor = streamed.at(-1)?.cursor
      const stream = await openStream(
        server.address,
        token,
        cursor === undefined ? { query: `?after=${before}` } : { query: '?after=0', lastEventId: cursor },
      )
      await new Promise((resolve) => setTimeout(resolve, random.below(600)))
      const head = last ? await settledHead() : '0'
      if (last && Number(cursor ?? before) < Number(head))
        await until(() => stream.events.at(-1)?.cursor === head, 'all is streamed')
      stream.close()
      await stream.ended
      streamed.push(...stream.events)
    }
  }
  await Promise.all([writer, follow()])
  expect(resumed, `seed ${seed}`).toBeGreaterThan(2)
  const { items, next } = await pull(before)
  expect(items.length).toBeGreaterThan(4)
  expect(streamed.map(({ event }) => event)).toEqual(items)
  expect(streamed.map(({ cursor }) => Number(cursor))).toEqual(items.map((_, index) => Number(before) + index + 1))
  expect(next).toBe(streamed.at(-1)?.cursor)
  await until(() => receiver.received.length >= items.length, 'all is delivered')
  const verifier = new Webhook(webhook.secret)
  expect(receiver.received.map(({ body, headers }) => verifier.verify(body, headers as Record<string, string>))).toEqual(items)

  const rows = await json<{ id: string; title: string }[]>('sql', "select id, title from contacts where id like 's_' order by id")
  const replayed = new Map(items.map(({ subject, data }) => [subject, data.after]))
  for (const { id, title } of rows) expect(replayed.get(`contact/${id}`)).toMatchObject({ id, title })
  await json('webhook', 'remove', webhook.id)
})

test('webhooks from the command line: add, list, rotate, replay, resume, remove; and what makes no sense is one line', async () => {
  const url = `http://127.0.0.1:${receiver.port}/`
  const already = receiver.received.length
  const { id, secret } = await json<{ id: string; secret: string }>(
    ...['webhook', 'add', '--tenant', 'demo', '--url', url, '--types', 'contact,account'],
  )
  const [listed] = await json<Record<string, unknown>[]>('webhook', 'list')
  expect(listed).toMatchObject({
    ...{ id, tenant: 'demo', url, state: 'active', waiting: 0, attempts: 0, lastError: null },
    types: ['rapport.contact.changed.v1', 'rapport.account.changed.v1'],
  })
  expect(JSON.stringify(listed)).not.toContain(secret)
  const rotated = await json<{ secret: string }>('webhook', 'rotate', id)
  expect(rotated.secret).not.toBe(secret)

  const from = String(Number(await settledHead()) - 2)
  await json('webhook', 'replay', id, '--after', from)
  const wanted = (await page(`after=${from}`)).items.filter(({ type }) => !type.includes('opportunity'))
  await until(() => receiver.received.length === already + wanted.length, 'they are sent again')
  const again = receiver.received.slice(already)
  expect(again.map(({ body }) => JSON.parse(body))).toEqual(wanted)
  for (const { body, headers } of again) {
    for (const known of [secret, rotated.secret]) new Webhook(known).verify(body, headers as Record<string, string>)
  }
  expect(await json('webhook', 'resume', id)).toMatchObject({ id, state: 'active', missed: 0 })
  expect(await json('webhook', 'remove', id)).toEqual({ id, removed: true })
  expect(await json('webhook', 'list')).toEqual([])
  for (const args of [
    ...[[], ['frobnicate'], ['remove', id], ['resume', 'x'], ['list', 'x'], ['replay', id], ['replay', id, '--after', '0']],
    ...[['add'], ['add', '--tenant', 'demo', '--url', 'ftp://x/'], ['add', '--tenant', 'demo', '--url', 'http://10.0.0.1/']],
    ['add', '--tenant', 'demo', '--url', url, '--types', 'contact,thing'],
  ]) {
    const { code, stdout, stderr } = await cli('webhook', ...args)
    expect([args, code, stdout, stderr.trim().split('\n').length]).toEqual([args, 1, '', 1])
  }
})

test('a stream ends with its token, and another tenant sees nothing of it', async () => {
  const stream = await openStream(server.address, await server.token('crm', 'crm', { ttl: 2 }), { query: '?after=latest' })
  expect(stream.status).toBe(200)
  await stream.ended
  expect(stream.text()).toBe('retry: 1000\n\n')
  const foreign = await server.token('crm', 'crm', { tenant: 'other' })
  const { body } = await restClient(server.address, foreign).get('/v1/changes?after=0')
  expect(body).toEqual({ items: [], next: '0' })
})

test('a server that is told to stop ends its streams, and the next one goes on with the same events', async () => {
  const folder = await copyFolder(inject('preparedFolder'))
  try {
    const started = await startServer(MAIN, testEnvironment(folder))
    const key = await mintLocalToken(folder, 'demo', 'crm', 'crm')
    const stream = await openStream(started.address, key)
    await until(() => stream.events.length > 0, 'the samples are streamed')
    const stopped = started.stop()
    await stream.ended
    await stopped
    const again = await startServer(MAIN, testEnvironment(folder))
    const more = await openStream(again.address, key)
    await until(() => more.events.length >= stream.events.length, 'the same events are streamed')
    expect(more.events.slice(0, stream.events.length)).toEqual(stream.events)
    more.close()
    await again.stop()
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
