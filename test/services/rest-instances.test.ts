/**
 * Two instances on one Postgres, and a phone at the one that hears last: what it answers is true of the record, and not merely of
 * what it has heard.
 */
import { rm } from 'node:fs/promises'
import connect from 'postgres'
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest'
import { copyFolder, MAIN, testEnvironment } from '../support/data-folder.ts'
import { mintLocalToken } from '../support/local-token.ts'
import { type OwnPostgres, startPostgres } from '../support/postgres.ts'
import { type RestClient, recordIn, restClient } from '../support/rest-client.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { openStock, type StockClient } from '../support/stock-client.ts'

const CONTACTS = '/v1/records/contact'
const TENANT = 'demo'

let postgres: OwnPostgres
let folder: string
let servers: ServerProcess[] = []
/** A phone has the record open at `here`, so that this instance keeps it and hears of others' entries by and by. */
let here: RestClient
let there: RestClient
let phone: StockClient | undefined

beforeAll(async () => {
  postgres = await startPostgres()
  folder = await copyFolder(inject('preparedFolder'))
  const environment = { ...testEnvironment(folder), DATABASE_URL: postgres.url, LOG_LEVEL: 'fatal' }
  const [first, second] = [await startServer(MAIN, environment), await startServer(MAIN, environment)]
  servers = [first, second]
  const token = await mintLocalToken(folder, TENANT, 'crm')
  here = restClient(first.address, token)
  there = restClient(second.address, token)
})
afterEach(() => phone?.destroy())
afterAll(async () => {
  for (const server of servers) await server.stop()
  await postgres.close()
  await rm(folder, { recursive: true, force: true })
})

async function open(id: string): Promise<string> {
  phone = openStock(servers[0]?.address ?? '', 'contact', id, { token: await mintLocalToken(folder, TENANT, 'bob') })
  await phone.synced()
  return `${CONTACTS}/${id}`
}

async function openWritten(id: string, title: string): Promise<string> {
  await here.post(CONTACTS, { id, content: { fields: { title } } })
  return open(id)
}

test('P1: a patch that is answered with 200 is made, also if it says what this instance still believes', async () => {
  const path = await openWritten('patched', 'X')
  for (let round = 0; round < 10; round += 1) {
    expect((await there.patch(path, { fields: { title: 'Y' } })).status).toBe(200)
    const answer = recordIn(await here.patch(path, { fields: { title: 'X' } }))
    expect([answer.sequence, answer.content.fields]).toEqual([2 * round + 3, { title: 'X' }])
    expect(recordIn(await there.get(path)).content.fields).toEqual({ title: 'X' })
  }
})

test('P1: a deletion and a restoration that are answered are made, also if they were already as far as this instance knows', async () => {
  const path = await openWritten('deleted', 'X')
  await here.delete(path)
  for (let round = 0; round < 5; round += 1) {
    expect((await there.post(`${path}/restore`)).status).toBe(200)
    expect((await here.delete(path)).status).toBe(204)
    expect((await there.get(path)).status).toBe(410)
  }
  await here.post(`${path}/restore`)
  for (let round = 0; round < 5; round += 1) {
    expect((await there.delete(path)).status).toBe(204)
    expect((await here.post(`${path}/restore`)).status).toBe(200)
    expect((await there.get(path)).status).toBe(200)
  }
})

test('a tag is out of date as soon as another instance has answered its write', async () => {
  const path = await openWritten('tagged', 'X')
  for (let sequence = 1; sequence < 10; sequence += 1) {
    await there.patch(path, { fields: { title: `Y${sequence}` } })
    // To set what this instance still reads is no change; it must not be found true of the old tag.
    const before = sequence === 1 ? 'X' : `Y${sequence - 1}`
    const answer = await here.patch(path, { fields: { title: before } }, { 'If-Match': `"${sequence}"` })
    expect([sequence, answer.status]).toEqual([sequence, 412])
  }
})

test('a record that another instance made or restored is there for a patch at once', async () => {
  const path = await open('made')
  expect((await there.post(CONTACTS, { id: 'made', content: { fields: { title: 'X' } } })).status).toBe(201)
  expect((await here.patch(path, { fields: { department: 'Board' } })).status).toBe(200)
  for (let round = 0; round < 5; round += 1) {
    await here.delete(path)
    await there.post(`${path}/restore`)
    expect((await here.patch(path, { fields: { title: `Z${round}` } })).status).toBe(200)
  }
})

test('P6: with projected=true the rows show what another instance had answered before the question', async () => {
  const path = await openWritten('rows', 'X')
  await here.get(`${path}?projected=true`)
  const sql = connect(postgres.url, { max: 1 })
  try {
    for (let round = 0; round < 20; round += 1) {
      const { sequence } = recordIn(await there.patch(path, { fields: { title: `t${round}` } }))
      expect((await here.get(`${path}?projected=true`)).status).toBe(200)
      const rows = await sql`select title, sequence::int from contacts where tenant = ${TENANT} and id = 'rows'`
      expect([...rows]).toEqual([{ title: `t${round}`, sequence }])
    }
  } finally {
    await sql.end()
  }
})

test('a patch of what another instance deleted is refused as gone, and leaves nothing behind', async () => {
  const path = await openWritten('gone', 'X')
  expect((await there.delete(path)).status).toBe(204)
  expect((await here.patch(path, { fields: { title: 'X' } })).status).toBe(410)
  await there.post(`${path}/restore`)
  expect(recordIn(await there.get(path))).toMatchObject({ sequence: 3, content: { fields: { title: 'X' } } })
})
