/** REST on real Postgres: two instances on one database, and a database that says nothing. */
import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { copyFolder, MAIN, testEnvironment } from '../support/data-folder.ts'
import { mintLocalToken } from '../support/local-token.ts'
import { type OwnPostgres, startPostgres } from '../support/postgres.ts'
import { type RestAnswer, type RestClient, recordIn, restClient } from '../support/rest-client.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { openStock, until } from '../support/stock-client.ts'

const CONTACTS = '/v1/records/contact'
const TENANT = 'demo'

let postgres: OwnPostgres
let folder: string
let servers: ServerProcess[]
let clients: RestClient[]
beforeAll(async () => {
  postgres = await startPostgres()
  folder = await copyFolder(inject('preparedFolder'))
  const environment = { ...testEnvironment(folder), DATABASE_URL: postgres.url, LOG_LEVEL: 'fatal' }
  servers = [await startServer(MAIN, environment), await startServer(MAIN, environment)]
  const token = await mintLocalToken(folder, TENANT, 'ann')
  clients = servers.map(({ address }) => restClient(address, token))
})
afterAll(async () => {
  for (const server of servers) await server.stop()
  await postgres.close()
  await rm(folder, { recursive: true, force: true })
})

/** The n-th client of two, turn by turn. */
function client(turn: number): RestClient {
  const found = clients[turn % 2]
  if (found === undefined) throw new Error('no such client')
  return found
}

test('of 20 patches of the same state, through two instances at once, exactly one is made', async () => {
  const path = `${CONTACTS}/raced`
  await client(0).post(CONTACTS, { id: 'raced', content: {} })
  let sequence = 1
  for (let round = 0; round < 20; round += 1) {
    const race = Array.from({ length: 20 }, (_, index) =>
      client(index).patch(path, { fields: { title: `r${round}-${index}` } }, { 'If-Match': `"${sequence}"` }),
    )
    const answers = await Promise.all(race)
    const made = answers.filter(({ status }) => status === 200)
    expect([made.length, answers.filter(({ status }) => status === 412).length]).toEqual([1, 19])
    const [winner] = made
    if (winner === undefined) throw new Error('nobody won')
    sequence = recordIn(winner).sequence
    expect(sequence).toBe(round + 2)
  }
})

test('of 10 that create one record, through two instances at once, exactly one does', async () => {
  const race = Array.from({ length: 10 }, (_, index) =>
    client(index).post(CONTACTS, { id: 'created', content: { fields: { title: `${index}` } } }),
  )
  const answers = await Promise.all(race)
  expect(answers.map(({ status }) => status).toSorted()).toEqual([201, ...Array.from({ length: 9 }, () => 409)])
  const made = answers.find(({ status }) => status === 201)
  expect((await client(0).get(`${CONTACTS}/created`)).body).toEqual(made?.body)
})

test('of 20 that create with one key, through two instances at once, one is made, and all are told of the same', async () => {
  const create = (turn: number) =>
    client(turn).post(CONTACTS, { content: { fields: { title: 'keyed' } } }, { 'Idempotency-Key': 'raced' })
  const race = await Promise.all(Array.from({ length: 20 }, (_, index) => create(index)))
  expect(race.every(({ status }) => status === 201 || status === 409)).toBe(true)
  const again = [await create(0), await create(1)]
  const told = [...race, ...again].filter(({ status }) => status === 201)
  expect(new Set(told.map(({ text }) => text)).size).toBe(1)
  expect(again.map(({ status, headers }) => [status, headers.get('idempotency-replayed')])).toEqual([
    [201, 'true'],
    [201, 'true'],
  ])
  const all = (await client(1).get(`${CONTACTS}?limit=200`)).body as { items: { content: { fields: { title?: string } } }[] }
  expect(all.items.filter(({ content }) => content.fields.title === 'keyed')).toHaveLength(1)
})

test('a tag that one instance gave is good at the other at once', async () => {
  const path = `${CONTACTS}/wandering`
  let etag = (await client(0).post(CONTACTS, { id: 'wandering', content: {} })).headers.get('etag') ?? ''
  for (let turn = 1; turn < 20; turn += 1) {
    const answer = await client(turn).patch(path, { fields: { title: `t${turn}` } }, { 'If-Match': etag })
    expect([turn, answer.status]).toEqual([turn, 200])
    etag = answer.headers.get('etag') ?? ''
  }
})

test('503 unavailable while the database says nothing, to whoever asks; and afterwards all goes on', async () => {
  const path = `${CONTACTS}/frozen`
  await client(0).post(CONTACTS, { id: 'frozen', content: {} })
  postgres.freeze()
  let answers: RestAnswer[]
  try {
    answers = await Promise.all([
      client(0).patch(path, { fields: { title: 'Dr' } }),
      client(0).get(path),
      client(0).post(CONTACTS, { content: {} }),
      client(0).delete(`${CONTACTS}/another`),
      client(0).get(CONTACTS),
    ])
  } finally {
    postgres.thaw()
  }
  for (const { status, body, headers } of answers) {
    expect([status, body]).toEqual([
      503,
      {
        type: 'about:blank',
        title: 'Service unavailable',
        status: 503,
        detail:
          'This cannot be done at the moment. Whether a write took effect is not known: read the record before trying again.',
        code: 'unavailable',
      },
    ])
    expect(headers.get('retry-after')).toBe('1')
  }
  const patched = async (): Promise<boolean> => (await client(0).patch(path, { fields: { title: 'Prof' } })).status === 200
  await until(patched, 'writes are taken again', 30_000)
  expect(recordIn(await client(1).get(path)).content.fields).toEqual({ title: 'Prof' })
})

test('an edit whose commit is stuck is answered with 503, and is there, once, when the database is back', async () => {
  const path = `${CONTACTS}/stuck`
  await client(0).post(CONTACTS, { id: 'stuck', content: {} })
  // Somebody has the record open, so nothing of it must be read before it can be edited.
  const phone = openStock(servers[0]?.address ?? '', 'contact', 'stuck', { token: await mintLocalToken(folder, TENANT, 'bob') })
  await phone.synced()
  postgres.freeze()
  let answers: RestAnswer[]
  try {
    answers = await Promise.all([0, 1, 2].map((index) => client(0).patch(path, { fields: { [`x_${index}`]: index } })))
    expect(phone.doc.getMap('fields').size).toBe(0)
  } finally {
    postgres.thaw()
  }
  expect(answers.map(({ status }) => status)).toEqual([503, 503, 503])
  await until(() => phone.doc.getMap('fields').size === 3, 'all three are committed', 30_000)
  expect(recordIn(await client(0).get(path)).content.fields).toEqual({ x_0: 0, x_1: 1, x_2: 2 })
  phone.destroy()
})
