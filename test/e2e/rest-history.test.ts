/** The history of a record that three people edit over two channels, as REST tells it. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RestClient, restClient } from '../support/rest-client.ts'
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

interface Item {
  readonly sequence: number
  readonly at: string
  readonly author: { readonly sub: string; readonly role: string }
  readonly device: string | null
  readonly via: string
  readonly path: readonly string[]
  readonly before: unknown
  readonly after: unknown
}
interface Page {
  readonly items: readonly Item[]
  readonly nextCursor: string | null
}

async function historyOf(id: string, query = ''): Promise<Page> {
  const answer = await crm.get(`${CONTACTS}/${id}/history${query}`)
  if (answer.status !== 200) throw new Error(answer.text)
  return answer.body as Page
}

async function sequenceOf(id: string): Promise<number> {
  return ((await crm.get(`${CONTACTS}/${id}`)).body as { sequence: number }).sequence
}

/** Makes a change on a device, and resolves once it is committed, as one more entry. */
async function commit(id: string, device: StockClient, change: () => void): Promise<void> {
  const before = await sequenceOf(id)
  device.doc.transact(change)
  await until(async () => (await sequenceOf(id)) === before + 1, 'the change is committed')
}

test('three authors over two channels: who set what, from what, when and with what', async () => {
  const began = Date.now()
  await crm.post(CONTACTS, { id: 'history', content: { fields: { lastName: 'Ferro', title: 'Buyer' } } })
  const ann = openStock(server.address, 'contact', 'history', { token: await server.token('ann', 'rep') })
  const mia = openStock(server.address, 'contact', 'history', { token: await server.token('mia', 'manager') })
  await Promise.all([ann.synced(), mia.synced()])
  const [anns, mias] = [String(ann.doc.clientID), String(mia.doc.clientID)]
  await commit('history', ann, () => {
    ann.doc.getMap('fields').set('title', 'Head of purchasing')
    ann.doc.getMap('emails').set('e1/address', 'ferro@example.com')
  })
  await until(() => mia.doc.getMap('fields').get('title') === 'Head of purchasing', 'mia has seen it')
  await commit('history', mia, () => {
    mia.doc.getMap('fields').set('creditLimit', '1250.00')
    mia.doc.getMap('fields').set('title', null)
    mia.doc.getMap('tags').set('vip', true)
  })
  await crm.patch(`${CONTACTS}/history`, { fields: { title: 'CFO' }, emails: { e1: { label: 'work' } } })
  await until(() => ann.doc.getMap('fields').get('title') === 'CFO', 'ann has seen it')
  await commit('history', ann, () => {
    ann.doc.getMap('fields').delete('lastName')
    ann.doc.getMap('tags').delete('vip')
  })

  const { items, nextCursor } = await historyOf('history')
  expect(nextCursor).toBe(null)
  const backend = { author: { sub: 'backend', role: 'crm' }, device: null, via: 'rest' }
  const byAnn = { author: { sub: 'ann', role: 'rep' }, device: anns, via: 'socket' }
  // A deletion writes nothing that would say on which device it was made.
  const deletedByAnn = { ...byAnn, device: null }
  const byMia = { author: { sub: 'mia', role: 'manager' }, device: mias, via: 'socket' }
  const fields = items.filter(({ path }) => path[0] !== 'meta').map(({ at: _, ...item }) => item)
  const [last, fourth, third, second, first] = [5, 4, 3, 2, 1].map((sequence) =>
    fields.filter((item) => item.sequence === sequence),
  )
  const change = (sequence: number, who: object, path: readonly string[], before: unknown, after: unknown) => ({
    sequence,
    ...who,
    path,
    before,
    after,
  })
  const same = (found: readonly object[] | undefined, wanted: readonly object[]) => {
    expect(found).toHaveLength(wanted.length)
    expect(found).toEqual(expect.arrayContaining([...wanted]))
  }
  same(first, [change(1, backend, ['fields', 'lastName'], null, 'Ferro'), change(1, backend, ['fields', 'title'], null, 'Buyer')])
  same(second, [
    change(2, byAnn, ['fields', 'title'], 'Buyer', 'Head of purchasing'),
    change(2, byAnn, ['emails', 'e1', 'address'], null, 'ferro@example.com'),
  ])
  same(third, [
    change(3, byMia, ['fields', 'creditLimit'], null, '1250.00'),
    change(3, byMia, ['fields', 'title'], 'Head of purchasing', null),
    change(3, byMia, ['tags', 'vip'], null, true),
  ])
  same(fourth, [
    change(4, backend, ['fields', 'title'], null, 'CFO'),
    change(4, backend, ['emails', 'e1', 'label'], null, 'work'),
  ])
  same(last, [
    change(5, deletedByAnn, ['fields', 'lastName'], 'Ferro', null),
    change(5, deletedByAnn, ['tags', 'vip'], true, null),
  ])

  const times = items.map(({ at }) => Date.parse(at))
  expect(times).toEqual(times.toSorted((one, other) => other - one))
  expect(Math.min(...times)).toBeGreaterThanOrEqual(began)
  expect(items.every(({ at }) => at.endsWith('Z'))).toBe(true)

  const title = await historyOf('history', '?path=fields/title')
  expect(title.items.map(({ after }) => after)).toEqual(['CFO', null, 'Head of purchasing', 'Buyer'])
  const entry = await historyOf('history', '?path=emails/e1')
  expect(entry.items.map(({ path }) => path.at(-1))).toEqual(['label', 'address'])
  ann.destroy()
  mia.destroy()
})

test('texts show what was taken away and what was put in', async () => {
  await crm.post(CONTACTS, { id: 'texts', content: { summary: 'Buys paper.' } })
  await crm.patch(`${CONTACTS}/texts`, { summary: 'Buys much paper.' })
  const [newest] = (await historyOf('texts', '?path=summary')).items
  expect(newest).toMatchObject({ sequence: 2, path: ['summary'], author: { sub: 'backend' } })
  expect(JSON.stringify([newest?.before, newest?.after])).toContain('much')
})

test('pages follow each other without a gap, and nothing comes twice', async () => {
  await crm.post(CONTACTS, { id: 'pages', content: { fields: { title: 'v0', x_a: 1, x_b: 2 } } })
  for (let version = 1; version <= 4; version += 1) await crm.patch(`${CONTACTS}/pages`, { fields: { title: `v${version}` } })
  const whole = (await historyOf('pages')).items
  for (const limit of [1, 3]) {
    const seen: Item[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: Page = await historyOf('pages', `?limit=${limit}&cursor=${cursor}`)
      expect(page.items.length).toBeLessThanOrEqual(limit)
      seen.push(...page.items)
      cursor = page.nextCursor
    }
    expect(seen).toEqual(whole)
  }
})

test('of a deleted record it can be read; of one that is not there, or of another tenant, it cannot', async () => {
  await crm.post(CONTACTS, { id: 'gone', content: { fields: { title: 'Buyer' } } })
  await crm.delete(`${CONTACTS}/gone`)
  expect((await historyOf('gone', '?path=fields')).items).toHaveLength(1)
  const stranger = restClient(server.address, await server.token('mallory', 'crm', { tenant: 'other' }))
  const [missing, foreign] = await Promise.all([crm.get(`${CONTACTS}/never/history`), stranger.get(`${CONTACTS}/gone/history`)])
  expect([missing.status, foreign.status]).toEqual([404, 404])
  expect(foreign.text).toBe(missing.text)
})

test('what it cannot answer is malformed, and it takes GET alone', async () => {
  await crm.post(CONTACTS, { id: 'asked', content: {} })
  const path = `${CONTACTS}/asked/history`
  for (const query of ['limit=0', 'limit=201', 'cursor=x', 'path=nowhere', 'path=tags/%00', 'path=', 'path=fields&path=tags']) {
    expect([query, (await crm.get(`${path}?${query}`)).status]).toEqual([query, 400])
  }
  const other = Buffer.from('1.00000000-0000-0000-0000-000000000000').toString('base64url')
  expect((await crm.get(`${path}?cursor=${other}`)).status).toBe(400)
  const post = await crm.post(path, {})
  expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
})
