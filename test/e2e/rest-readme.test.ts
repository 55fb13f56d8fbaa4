/** The requests that the README tells a CRM's engineer to paste, pasted. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { restClient } from '../support/rest-client.ts'
import { startTestServer } from '../support/server.ts'
import { until } from '../support/stock-client.ts'

const README = readFileSync(fileURLToPath(new URL('../../README.md', import.meta.url)), 'utf8')

test('the requests of the README give what it says', async () => {
  const [, pasted = ''] = /```sh\n(TOKEN=[^\n]*\ncontacts\(\).*?)```/s.exec(README) ?? []
  const server = await startTestServer()
  try {
    const script = pasted.replace(/^TOKEN=.*$/m, '').replaceAll('127.0.0.1:4100', server.address)
    const env = { ...process.env, TOKEN: await server.token('crm', 'crm') }
    const { stdout } = await promisify(execFile)('sh', ['-c', script], { env })
    const answers = stdout.split('\n').map((line): unknown => (line === '' ? undefined : JSON.parse(line)))
    expect(answers).toMatchObject([
      { id: 'c1', sequence: 1, content: { fields: { lastName: 'Ferro' } } },
      { sequence: 2, content: { fields: { title: 'Buyer' }, tags: { vip: true }, emails: { e1: {}, e2: { label: 'home' } } } },
      { status: 412, code: 'stale' },
      undefined,
      { sequence: 4, deletedAt: null },
      { sequence: 4, content: { fields: { title: 'Buyer' } } },
      undefined,
    ])
  } finally {
    await server.stop()
  }
})

test('so do those about the past', async () => {
  const [, functions = ''] = /```sh\nTOKEN=[^\n]*\n(contacts\(\).*?\n})/s.exec(README) ?? []
  const [, pasted = ''] = /```sh\n(contacts POST.*?)```/s.exec(README) ?? []
  const server = await startTestServer()
  try {
    const script = `${functions}\n${pasted}`.replaceAll('127.0.0.1:4100', server.address)
    const env = { ...process.env, TOKEN: await server.token('crm', 'crm') }
    const { stdout } = await promisify(execFile)('sh', ['-c', script], { env })
    const answers = stdout.split('\n').map((line): unknown => (line === '' ? undefined : JSON.parse(line)))
    const crm = { sub: 'crm', role: 'crm' }
    expect(answers).toMatchObject([
      { id: 'c2', sequence: 1 },
      { sequence: 2, content: { fields: { title: 'Boss' }, emails: {} } },
      {
        items: [{ sequence: 2, author: crm, via: 'rest', path: ['fields', 'title'], before: 'Buyer', after: 'Boss' }],
        nextCursor: expect.any(String),
      },
      { sequence: 1, content: { fields: { title: 'Buyer' }, emails: { e1: { label: 'work' } } } },
      { sequence: 3, content: { fields: { title: 'Boss' }, emails: { e1: { label: 'work' } } } },
      { sequence: 4, content: { fields: { title: 'Buyer' }, emails: { e1: { label: 'work' } } } },
      { items: [], nextCursor: null },
      undefined,
    ])
  } finally {
    await server.stop()
  }
})

test('so do those about changes', async () => {
  const [, pasted = ''] = /```sh\n(changes\(\).*?)```/s.exec(README) ?? []
  const server = await startTestServer()
  try {
    const token = await server.token('crm', 'crm')
    const feed = async (): Promise<{ items: unknown[] }> =>
      (await (await server.get('/v1/changes?limit=1', token)).json()) as { items: unknown[] }
    await until(async () => (await feed()).items.length > 0, 'there are events of the samples')
    const env = { ...process.env, TOKEN: token }
    const { stdout } = await promisify(execFile)('sh', ['-c', pasted.replaceAll('127.0.0.1:4100', server.address)], { env })
    const [first, latest] = stdout
      .split('\n')
      .slice(0, 2)
      .map((line): unknown => JSON.parse(line))
    const data = { op: 'c', before: null, documentSequence: 1, mappingVersion: expect.any(Number) }
    expect(first).toMatchObject({ items: [{ specversion: '1.0', source: '/tenants/demo', data }], next: '1' })
    expect(latest).toMatchObject({ items: [], next: expect.stringMatching(/^[1-9]\d*$/) })
  } finally {
    await server.stop()
  }
})

test('and those that find records, and repeat', async () => {
  const [, functions = ''] = /```sh\nTOKEN=[^\n]*\n(contacts\(\).*?\n})/s.exec(README) ?? []
  const [, pasted = ''] = /```sh\n(contacts GET '\?filter.*?)```/s.exec(README) ?? []
  const server = await startTestServer()
  try {
    const script = `${functions}\n${pasted}`.replaceAll('127.0.0.1:4100', server.address)
    const token = await server.token('crm', 'crm')
    const crm = restClient(server.address, token)
    const fields = { firstName: 'Ada', lastName: 'Ferro', stage: 'customer', creditLimit: '5000.00' }
    await crm.post('/v1/records/contact', { id: 'ferro', content: { fields } })
    await crm.get('/v1/records/contact/ferro?projected=true')
    const { stdout } = await promisify(execFile)('sh', ['-c', script], { env: { ...process.env, TOKEN: token } })
    const [filtered, searched, batch, once, again] = stdout
      .split('\n')
      .map((line): unknown => (line === '' ? undefined : JSON.parse(line)))
    const { items } = filtered as { items: { id: string; content: object }[] }
    expect(items.every(({ content }) => Object.keys(content).join() === 'fields,emails')).toBe(true)
    const found = (await crm.get('/v1/records/contact?filter[stage]=customer&filter[creditLimit][gte]=1000&sort=-lastName')).body
    expect((found as { items: { id: string }[] }).items.map(({ id }) => id)).toContain('ferro')
    expect(searched).toMatchObject({ items: [{ content: { fields: { lastName: 'Ferro' } } }] })
    expect(batch).toEqual({
      items: [
        { status: 201, id: 'c3', sequence: 1, etag: '"1"' },
        { status: 200, id: 'c3', sequence: 2, etag: '"2"' },
      ],
    })
    expect(once).toMatchObject({ content: { fields: { lastName: 'Once' } } })
    expect(again).toEqual(once)
  } finally {
    await server.stop()
  }
})
