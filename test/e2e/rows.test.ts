/** The card's whole path: phones and REST edit one customer at once, and its rows say what both say. */
import { parseTenant, type Tenant } from '@rapport/shared/ids.ts'
import { forward } from '@rapport/shared/mapping/forward.ts'
import { contact } from '@rapport/shared/records/contact.ts'
import { editorOf } from '@rapport/shared/schema/edit.ts'
import { readContent } from '@rapport/shared/schema/read-content.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { compileShipped } from '../../drizzle/mappings/mappings.ts'
import { type Database, joinDatabase } from '../../server/db.ts'
import { silent } from '../support/database.ts'
import { recordKey } from '../support/entries.ts'
import { comparableRows, readRows } from '../support/projected-rows.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { openStock, until } from '../support/stock-client.ts'

let server: TestServer
let database: Database
let token: string
beforeAll(async () => {
  server = await startTestServer()
  token = await server.token('ann')
  database = await joinDatabase({ databaseUrl: undefined, dataDirectory: server.dataDirectory }, silent)
})
afterAll(async () => {
  await database.close()
  await server.stop()
})

const ID = 'rows-1'
const url = (path = `/${ID}`): string => `http://${server.address}/v1/records/contact${path}`
const send = (method: string, body: object, path?: string): Promise<Response> =>
  fetch(url(path), { method, headers: { Authorization: `Bearer ${token}` }, body: JSON.stringify(body) })

test('P3, P6: two stock clients and PATCHes edit one contact at once; documents, GET ?projected=true and rows agree', async () => {
  const content = {
    fields: { firstName: 'Ana', lastName: 'Ruiz' },
    emails: { work: { label: 'work', address: 'ana@example.org' } },
  }
  expect((await send('POST', { id: ID, content }, '')).status).toBe(201)
  const [ann, bob] = [token, await server.token('bob')].map((one) => openStock(server.address, 'contact', ID, { token: one }))
  if (ann === undefined || bob === undefined) throw new Error('two clients')
  await Promise.all([ann.synced(), bob.synced()])
  const [annEdits, bobEdits] = [editorOf(contact, ann.doc), editorOf(contact, bob.doc)]

  const patched: Promise<Response>[] = []
  for (let round = 0; round < 20; round += 1) {
    annEdits.set('title', `Director ${round}`)
    annEdits.addEntry('phones', { number: `+49 30 ${1000 + round}` }, { id: `ann-${round}` })
    ann.doc.getText('summary').insert(0, `${round} `)
    bobEdits.set('department', `North ${round}`)
    bobEdits.addEntry('emails', { address: `bob${round}@example.org` }, { id: `bob-${round}` }, null)
    if (round % 3 === 0) bobEdits.deleteEntry('emails', `bob-${round}`)
    bobEdits.add('tags', `tag ${round}`)
    // Requests that are under way at once have no order; the last one is to be the last.
    if (round === 19) await Promise.all(patched)
    patched.push(
      send('PATCH', {
        fields: { stage: round % 2 === 0 ? 'lead' : 'customer', x_score: round },
        emails: { work: { label: `work ${round}` } },
        addresses: { [`rest-${round}`]: { city: `Town ${round}` } },
      }),
    )
    await new Promise((resolve) => setTimeout(resolve, round))
  }
  for (const answer of await Promise.all(patched)) expect(answer.status).toBe(200)
  const shown = (): string => JSON.stringify(readContent(contact, ann.doc))
  await until(() => shown() === JSON.stringify(readContent(contact, bob.doc)), 'both phones show the same')
  await until(
    async () => JSON.stringify(((await (await send('PATCH', {})).json()) as { content: object }).content) === shown(),
    'so does REST',
  )

  const projected = (await (await server.get(`/v1/records/contact/${ID}?projected=true`, token)).json()) as {
    sequence: number
    content: Record<string, Record<string, object>>
  }
  expect(projected.content).toEqual(readContent(contact, ann.doc))
  expect(Object.keys(projected.content.emails ?? {})).toHaveLength(1 + 20 - 7)
  expect(projected.content.emails?.work).toMatchObject({ label: 'work 19', address: 'ana@example.org' })
  const plan = compileShipped().find(({ mapping }) => mapping.table === 'contacts')
  if (plan === undefined) throw new Error('contacts are mapped')
  const key = recordKey(ID, parseTenant('demo') as Tenant)
  const projection = forward(plan, { key, sequence: projected.sequence, document: ann.doc })
  const rows = await readRows(database.sql, plan, key)
  expect(rows).toEqual(comparableRows(plan, projection))
  expect(rows?.main).toMatchObject({ title: 'Director 19', department: 'North 19', stage: 'customer', custom: { x_score: 19 } })
  expect(
    [rows?.children.contact_phones, rows?.children.contact_addresses, rows?.children.contact_tags].map((t) => t?.length),
  ).toEqual([20, 20, 20])
  ann.destroy()
  bob.destroy()
})
