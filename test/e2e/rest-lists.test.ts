/** Lists by rows over REST, on the real server: filter, sort, search, page and thin out, and then read what is there. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RestAnswer, type RestClient, restClient } from '../support/rest-client.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const CONTACTS = '/v1/records/contact'

let server: TestServer
let crm: RestClient
beforeAll(async () => {
  server = await startTestServer({ RAPPORT_SAMPLES: 'off' })
  crm = restClient(server.address, await server.token('crm', 'crm', { tenant: 'lists' }))
  const people: readonly (readonly [string, string, string, string | null, string])[] = [
    ['c1', 'Ada', 'Lovelace', '1000.00', 'customer'],
    ['c2', 'Bob', 'Ferro', '9.50', 'customer'],
    ['c3', 'Cleo', 'Ferro', null, 'lead'],
    ['c4', 'Ünal', "O'Neil", '2500.00', 'former'],
  ]
  for (const [id, firstName, lastName, creditLimit, stage] of people) {
    const content = {
      fields: { firstName, lastName, creditLimit, stage },
      summary: id === 'c3' ? 'Met at the trade fair.' : '',
      emails: { e1: { address: `${firstName.toLowerCase().replace('ü', 'u')}@example.com` } },
    }
    expect((await crm.post(CONTACTS, { id, content })).status).toBe(201)
    expect((await crm.get(`${CONTACTS}/${id}?projected=true`)).status).toBe(200)
  }
})
afterAll(() => server.stop())

interface Page {
  readonly items: readonly { readonly id: string; readonly content: Readonly<Record<string, unknown>> }[]
  readonly nextCursor: string | null
}

const pageOf = ({ status, text, body }: RestAnswer): Page => {
  if (status !== 200) throw new Error(text)
  return body as Page
}
const list = async (query: string) => pageOf(await crm.get(`${CONTACTS}?${query}`))
const ids = async (query: string) => (await list(query)).items.map(({ id }) => id)

test('filters, orders and searches find what the rows say', async () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['filter[stage]=customer', ['c1', 'c2']],
    ['filter[creditLimit][gte]=1000', ['c1', 'c4']],
    ['filter[creditLimit][null]=true', ['c3']],
    ['filter[stage][in]=lead,former&sort=-id', ['c4', 'c3']],
    ['filter[lastName][like]=Fer&filter[firstName][ne]=Bob', ['c3']],
    [`filter[lastName]=${encodeURIComponent("O'Neil")}`, ['c4']],
    ['sort=lastName,-firstName', ['c3', 'c2', 'c1', 'c4']],
    ['sort=-creditLimit', ['c3', 'c4', 'c1', 'c2']],
    ['q=ferro', ['c2', 'c3']],
    ['q=ferro+fair', ['c3']],
    ['q=%C3%BCna', ['c4']],
    ['q=ada%40example', ['c1']],
    ['q=ferro&filter[stage]=lead&sort=firstName', ['c3']],
  ]
  for (const [query, found] of cases) expect([query, await ids(query)]).toEqual([query, found])
})

test('an item is the record as a reader finds it, or the part of it that is asked for', async () => {
  const { items } = await list('filter[firstName]=Ada')
  expect(items).toEqual([(await crm.get(`${CONTACTS}/c1`)).body])
  const [thin] = (await list('filter[firstName]=Ada&fields=lastName,emails')).items
  expect(thin?.content).toEqual({
    fields: { lastName: 'Lovelace' },
    emails: { e1: { address: 'ada@example.com', order: expect.any(String) } },
  })
})

test('pages follow each other while records come that belong behind, between and before', async () => {
  const seen: string[] = []
  let cursor: string | null = ''
  for (let round = 0; cursor !== null; round += 1) {
    const page = await list(`sort=lastName,firstName&limit=1${cursor && `&cursor=${cursor}`}`)
    seen.push(...page.items.map(({ id }) => id))
    cursor = page.nextCursor
    const [lastName] = ['Aa', 'Zz', 'Mm'].slice(round)
    if (lastName === undefined) continue
    const id = `new-${lastName}`
    await crm.post(CONTACTS, { id, content: { fields: { lastName } } })
    await crm.get(`${CONTACTS}/${id}?projected=true`)
  }
  expect(seen).toEqual(['c2', 'c3', 'c1', 'new-Mm', 'c4', 'new-Zz'])
})

test('P11: another tenant finds nothing, and a deleted record is left out', async () => {
  const stranger = restClient(server.address, await server.token('mallory', 'crm', { tenant: 'other' }))
  for (const query of ['q=ada', 'sort=lastName', 'filter[stage]=customer']) {
    expect((await stranger.get(`${CONTACTS}?${query}`)).body).toEqual({ items: [], nextCursor: null })
  }
  await crm.post(CONTACTS, { id: 'gone', content: { fields: { lastName: 'Gone' } } })
  await crm.delete(`${CONTACTS}/gone`)
  await crm.get(`${CONTACTS}/gone?projected=true`)
  expect([await ids('q=gone'), await ids('q=gone&deleted=true')]).toEqual([[], ['gone']])
})

test('hostile names are refused, hostile values find nothing, and the tables are still there', async () => {
  const hostile = `x'; drop table contacts; --`
  const encoded = encodeURIComponent(hostile)
  const statuses = await Promise.all(
    [
      `filter[${encoded}]=1`,
      `filter[title][${encoded}]=1`,
      `sort=${encoded}`,
      `fields=${encoded}`,
      `cursor=${encoded}&sort=title`,
    ].map(async (query) => (await crm.get(`${CONTACTS}?${query}`)).status),
  )
  expect(statuses).toEqual([400, 400, 400, 400, 400])
  for (const query of [
    `filter[title]=${encoded}`,
    `filter[title][like]=${encoded}`,
    `filter[title][in]=${encoded}`,
    `q=${encoded}`,
  ]) {
    expect([query, (await list(query)).items]).toEqual([query, []])
  }
  expect(await ids('filter[id]=c1')).toEqual(['c1'])
})
