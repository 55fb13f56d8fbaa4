/** P5 over REST: what two people set without having seen each other is listed, put back with one call, or dismissed. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RestClient, recordIn, restClient } from '../support/rest-client.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { openStock, type StockClient, until } from '../support/stock-client.ts'

let server: TestServer
let crm: RestClient
beforeAll(async () => {
  server = await startTestServer()
  crm = restClient(server.address, await server.token('backend', 'crm'))
})
afterAll(() => server.stop())

const CONTACTS = '/v1/records/contact'

interface Write {
  readonly value: unknown
  readonly author: { readonly sub: string; readonly role: string }
  readonly at: string
}
interface Item {
  readonly id: string
  readonly path: readonly string[]
  readonly sequence: number
  readonly status: string
  readonly kept: Write
  readonly replaced: Write
}

async function conflictsOf(id: string, query = ''): Promise<readonly Item[]> {
  const answer = await crm.get(`${CONTACTS}/${id}/conflicts${query}`)
  if (answer.status !== 200) throw new Error(answer.text)
  return (answer.body as { items: readonly Item[] }).items
}

interface Meeting {
  readonly ann: StockClient
  readonly mia: StockClient
  readonly items: readonly Item[]
}

/** Two people set these while both are offline; afterwards both have heard of all of it. */
async function meet(id: string, path: readonly [string, string], [anns, mias]: readonly [unknown, unknown]): Promise<Meeting> {
  await crm.post(CONTACTS, { id, content: { fields: { title: 'Buyer' }, emails: { e1: { label: 'work' } } } })
  const ann = openStock(server.address, 'contact', id, { token: await server.token('ann', 'rep') })
  const mia = openStock(server.address, 'contact', id, { token: await server.token('mia', 'manager') })
  await Promise.all([ann.synced(), mia.synced()])
  const [root, key] = path
  for (const { provider } of [ann, mia]) provider.disconnect()
  ann.doc.getMap(root).set(key, anns)
  mia.doc.getMap(root).set(key, mias)
  for (const device of [ann, mia]) {
    device.provider.connect()
    await device.synced()
  }
  await until(async () => (await conflictsOf(id)).length > 0, 'the conflict is recorded')
  await until(() => ann.doc.getMap(root).get(key) === mia.doc.getMap(root).get(key), 'both show the same')
  return { ann, mia, items: await conflictsOf(id) }
}

const part = ({ ann, mia }: Meeting): void => {
  ann.destroy()
  mia.destroy()
}

test('two offline editors of one field: both values are listed with their authors, and the one that lost is put back', async () => {
  const meeting = await meet('restored', ['fields', 'title'], ['Boss', 'CFO'])
  const { ann, mia, items } = meeting
  const kept = ann.doc.getMap('fields').get('title')
  const [winner, loser] = kept === 'Boss' ? (['ann', 'mia'] as const) : (['mia', 'ann'] as const)
  const lost = winner === 'ann' ? 'CFO' : 'Boss'
  const authors = { ann: { sub: 'ann', role: 'rep' }, mia: { sub: 'mia', role: 'manager' } }
  expect(items).toEqual([
    {
      id: expect.any(String),
      path: ['fields', 'title'],
      sequence: 3,
      status: 'open',
      kept: { value: kept, author: authors[winner], at: expect.stringMatching(/^\d{4}-.*Z$/) },
      replaced: { value: lost, author: authors[loser], at: expect.stringMatching(/^\d{4}-.*Z$/) },
    },
  ])

  const [conflict] = items
  const restore = `${CONTACTS}/restored/conflicts/${conflict?.id}/restore`
  const answer = await crm.post(restore)
  expect([answer.status, answer.body]).toEqual([200, { ...conflict, status: 'restored' }])
  const record = recordIn(await crm.get(`${CONTACTS}/restored`))
  expect([record.sequence, record.content.fields?.title]).toEqual([4, lost])
  await until(() => [ann, mia].every(({ doc }) => doc.getMap('fields').get('title') === lost), 'it shows on both devices')
  expect(await conflictsOf('restored', '?status=open')).toEqual([])
  expect(await conflictsOf('restored', '?status=restored')).toHaveLength(1)

  // Whoever heard no answer asks again, and nothing is written twice; of something else it is too late.
  expect((await crm.post(restore)).status).toBe(200)
  expect((await crm.get(`${CONTACTS}/restored`)).headers.get('etag')).toBe('"4"')
  const late = await crm.post(restore.replace(/restore$/, 'dismiss'))
  expect([late.status, late.body]).toMatchObject([412, { code: 'stale' }])
  const [newest] = ((await crm.get(`${CONTACTS}/restored/history?path=fields/title`)).body as { items: object[] }).items
  expect(newest).toMatchObject({ sequence: 4, author: { sub: 'backend' }, via: 'rest', before: kept, after: lost })
  part(meeting)
})

test('a dismissed one stays as it is, and is put back no more', async () => {
  const meeting = await meet('dismissed', ['emails', 'e1/label'], ['home', 'office'])
  const [conflict] = meeting.items
  expect(conflict?.path).toEqual(['emails', 'e1', 'label'])
  const before = await crm.get(`${CONTACTS}/dismissed`)
  const path = `${CONTACTS}/dismissed/conflicts/${conflict?.id}`
  for (const _ of [1, 2]) {
    const answer = await crm.post(`${path}/dismiss`)
    expect([answer.status, answer.body]).toEqual([200, { ...conflict, status: 'dismissed' }])
  }
  expect((await crm.get(`${CONTACTS}/dismissed`)).text).toBe(before.text)
  expect(await crm.post(`${path}/restore`)).toMatchObject({ status: 412, body: { code: 'stale' } })
  expect(await conflictsOf('dismissed', '?status=open')).toEqual([])
  part(meeting)
})

test('P4: whoever may not write there neither puts back nor dismisses', async () => {
  // Both know what they may: two managers set what no rep may write.
  await crm.post(CONTACTS, { id: 'rights', content: { fields: { creditLimit: '1.00' } } })
  const devices = await Promise.all(
    ['mia', 'max'].map(async (sub) =>
      openStock(server.address, 'contact', 'rights', { token: await server.token(sub, 'manager') }),
    ),
  )
  for (const [index, device] of devices.entries()) {
    await device.synced()
    device.provider.disconnect()
    device.doc.getMap('fields').set('creditLimit', `${index + 2}.00`)
  }
  for (const device of devices) {
    device.provider.connect()
    await device.synced()
  }
  await until(async () => (await conflictsOf('rights')).length === 1, 'the conflict is recorded')
  const [conflict] = await conflictsOf('rights')
  const path = `${CONTACTS}/rights/conflicts/${conflict?.id}`
  const [rep, viewer] = [
    restClient(server.address, await server.token('ann', 'rep')),
    restClient(server.address, await server.token('eve', 'viewer')),
  ]
  for (const act of ['restore', 'dismiss']) {
    const refused = await rep.post(`${path}/${act}`)
    expect(refused).toMatchObject({
      status: 403,
      body: { code: 'forbidden', errors: [{ path: ['fields', 'creditLimit'], code: 'forbidden' }] },
    })
    expect((await viewer.post(`${path}/${act}`)).status).toBe(403)
  }
  expect((await viewer.get(`${CONTACTS}/rights/conflicts`)).status).toBe(200)
  expect((await conflictsOf('rights'))[0]?.status).toBe('open')
  for (const device of devices) device.destroy()
})

test('those who settle one at the same moment all hear what became of it', async () => {
  const meeting = await meet('together', ['fields', 'title'], ['Boss', 'CFO'])
  const [conflict] = meeting.items
  const path = `${CONTACTS}/together/conflicts/${conflict?.id}`
  const restored = await Promise.all([1, 2, 3, 4].map(() => crm.post(`${path}/restore`)))
  for (const { status, body } of restored) expect([status, body]).toEqual([200, { ...conflict, status: 'restored' }])
  expect(recordIn(await crm.get(`${CONTACTS}/together`)).content.fields?.title).toBe(conflict?.replaced.value)
  part(meeting)
})

test('pages, and what is not there', async () => {
  const meeting = await meet('paged', ['fields', 'title'], ['Boss', 'CFO'])
  const { ann, mia } = meeting
  for (const { provider } of [ann, mia]) provider.disconnect()
  ann.doc.getMap('fields').set('department', 'Sales')
  mia.doc.getMap('fields').set('department', 'Finance')
  for (const device of [ann, mia]) {
    device.provider.connect()
    await device.synced()
  }
  await until(async () => (await conflictsOf('paged')).length === 2, 'both are recorded')
  const whole = await conflictsOf('paged')
  expect(whole.map(({ path }) => path[1])).toEqual(['department', 'title'])
  const first = (await crm.get(`${CONTACTS}/paged/conflicts?limit=1`)).body as { items: Item[]; nextCursor: string }
  const second = (await crm.get(`${CONTACTS}/paged/conflicts?limit=1&cursor=${first.nextCursor}`)).body
  expect(first.items).toEqual(whole.slice(0, 1))
  expect(second).toEqual({ items: whole.slice(1), nextCursor: null })

  const path = `${CONTACTS}/paged/conflicts`
  for (const query of ['status=closed', 'status=', 'limit=0', 'cursor=x']) {
    expect([query, (await crm.get(`${path}?${query}`)).status]).toEqual([query, 400])
  }
  const stranger = restClient(server.address, await server.token('mallory', 'crm', { tenant: 'other' }))
  const answers = await Promise.all([
    crm.get(`${CONTACTS}/never/conflicts`),
    stranger.get(path),
    stranger.post(`${path}/${whole[0]?.id}/dismiss`),
    crm.post(`${path}/00000000-0000-7000-8000-000000000000/dismiss`),
    crm.post(`${path}/nonsense/restore`),
  ])
  expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404])
  expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
  expect((await crm.post(`${path}/${whole[0]?.id}/dismiss`, { why: 'x' })).status).toBe(422)
  const wrong = await Promise.all([crm.post(path), crm.get(`${path}/${whole[0]?.id}/restore`)])
  expect(wrong.map(({ status, headers }) => [status, headers.get('allow')])).toEqual([
    [405, 'GET, HEAD'],
    [405, 'POST'],
  ])
  part(meeting)
})
