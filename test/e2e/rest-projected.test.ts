/** What REST wrote, in the rows, for whoever asks with `?projected=true`. */
import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type * as Y from 'yjs'
import { type Database, joinDatabase } from '../../server/db.ts'
import { silent } from '../support/database.ts'
import { type RestClient, recordIn, restClient } from '../support/rest-client.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { openStock, until } from '../support/stock-client.ts'

const CONTACTS = '/v1/records/contact'

let server: TestServer
let crm: RestClient
let database: Database
beforeAll(async () => {
  server = await startTestServer()
  crm = restClient(server.address, await server.token('crm', 'crm'))
  database = await joinDatabase({ databaseUrl: undefined, dataDirectory: server.dataDirectory }, silent)
})
afterAll(async () => {
  await database.close()
  await server.stop()
})

async function rowsOf(id: string): Promise<unknown> {
  const { sql } = database
  const [row] = await sql`select first_name, last_name, title, summary, sequence, deleted_at is not null as deleted
    from contacts where tenant = 'demo' and id = ${id}`
  const emails = await sql`select id, label, address from contact_emails where tenant = 'demo' and contact_id = ${id} order by id`
  const tags = await sql`select tag from contact_tags where tenant = 'demo' and contact_id = ${id} order by tag`
  return row && { ...row, emails: emails.map((email) => ({ ...email })), tags: tags.map(({ tag }) => tag as string) }
}

test('P6: the rows show what was written before the question, each time', async () => {
  const content = { fields: { firstName: 'Ada' }, tags: { vip: true }, emails: { e1: { address: 'ada@example.com' } } }
  await crm.post(CONTACTS, { id: 'rows', content })
  for (let round = 0; round < 5; round += 1) {
    const patch = { fields: { title: `t${round}` }, emails: { [`n${round}`]: { label: 'new' }, [`n${round - 1}`]: null } }
    const patched = recordIn(await crm.patch(`${CONTACTS}/rows`, patch))
    expect((await crm.get(`${CONTACTS}/rows?projected=true`)).body).toEqual(patched)
    expect(await rowsOf('rows')).toMatchObject({
      first_name: 'Ada',
      title: `t${round}`,
      sequence: patched.sequence,
      deleted: false,
      emails: [
        { id: 'e1', label: null, address: 'ada@example.com' },
        { id: `n${round}`, label: 'new', address: null },
      ],
      tags: ['vip'],
    })
  }
})

test('P6: two phones and the CRM on one contact at once: documents, the answer and the rows agree, children included', async () => {
  await crm.post(CONTACTS, { id: 'three', content: { summary: 'Met.', emails: { e0: { address: 'zero@example.com' } } } })
  const tokens = [await server.token('ann'), await server.token('bob')]
  const phones = tokens.map((token) => openStock(server.address, 'contact', 'three', { token }))
  await Promise.all(phones.map((phone) => phone.synced()))
  const patches: Promise<unknown>[] = []
  for (let index = 0; index < 20; index += 1) {
    for (const [number, { doc }] of phones.entries()) {
      doc.getMap('fields').set(number === 0 ? 'firstName' : 'lastName', `n${index}`)
      doc.getMap('emails').set(`p${number}x${index}/address`, `p${number}x${index}@example.com`)
      doc.getText('summary').insert(0, String(number))
    }
    const emails = { [`c${index}`]: { address: `c${index}@example.com` }, e0: { label: `l${index}` } }
    patches.push(crm.patch(`${CONTACTS}/three`, { fields: { title: `t${index}` }, emails, tags: { [`t${index}`]: true } }))
    await new Promise((resolve) => setImmediate(resolve))
  }
  await Promise.all(patches)
  const whole = async () => Object.keys(recordIn(await crm.get(`${CONTACTS}/three`)).content.emails ?? {}).length === 61
  await until(whole, 'everything of the phones has arrived')
  const read = async () => recordIn(await crm.get(`${CONTACTS}/three?projected=true`))
  await until(async () => ((await read()).content.summary as unknown as string).length === 44, 'and every letter')
  const { content, sequence } = await read()
  const agrees = (doc: Y.Doc): boolean =>
    isDeepStrictEqual(doc.getMap('fields').toJSON(), content.fields) && String(doc.getText('summary')) === String(content.summary)
  await until(() => phones.every(({ doc }) => agrees(doc)), 'the phones show what the CRM reads')
  const emails = Object.entries(content.emails as Record<string, { address: string; label?: string }>)
  expect(await rowsOf('three')).toEqual({
    first_name: content.fields?.firstName,
    last_name: content.fields?.lastName,
    title: content.fields?.title,
    summary: content.summary,
    sequence,
    deleted: false,
    emails: emails.map(([id, { address, label = null }]) => ({ id, label, address })).toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    tags: Object.keys(content.tags ?? {}).toSorted(),
  })
  for (const phone of phones) phone.destroy()
})

test('a deletion and a restoration show in the rows, which keep their children', async () => {
  await crm.post(CONTACTS, { id: 'gone', content: { emails: { e1: { address: 'ada@example.com' } } } })
  await crm.delete(`${CONTACTS}/gone`)
  expect((await crm.get(`${CONTACTS}/gone?projected=true`)).status).toBe(410)
  expect(await rowsOf('gone')).toMatchObject({ deleted: true, emails: [{ id: 'e1' }] })
  await crm.post(`${CONTACTS}/gone/restore`)
  expect((await crm.get(`${CONTACTS}/gone?projected=true`)).status).toBe(200)
  expect(await rowsOf('gone')).toMatchObject({ deleted: false, emails: [{ id: 'e1' }] })
})

test('504 not_yet for a record whose rows cannot be written, and for no other; what was written stands', async () => {
  await crm.post(CONTACTS, { id: 'blocked', content: { fields: { lastName: 'Good' } } })
  await crm.post(CONTACTS, { id: 'free', content: {} })
  await database.sql.unsafe(`alter table contacts add constraint nobody_is_blocked check (last_name <> 'Blocked')`)
  const patched = await crm.patch(`${CONTACTS}/blocked`, { fields: { lastName: 'Blocked' } })
  expect(patched.status).toBe(200)
  const [blocked, free] = await Promise.all([
    crm.get(`${CONTACTS}/blocked?projected=true`),
    crm.get(`${CONTACTS}/free?projected=true`),
  ])
  expect([free.status, blocked.status, blocked.body]).toEqual([
    200,
    504,
    {
      type: 'about:blank',
      title: 'Not yet',
      status: 504,
      detail: 'The rows do not show the record as it was at arrival. The record itself can be read without waiting for them.',
      code: 'not_yet',
    },
  ])
  expect(blocked.headers.get('retry-after')).toBe('1')
  expect((await crm.get(`${CONTACTS}/blocked`)).body).toEqual(patched.body)
  await database.sql.unsafe('alter table contacts drop constraint nobody_is_blocked')
  await until(async () => (await crm.get(`${CONTACTS}/blocked?projected=true`)).status === 200, 'its rows follow', 30_000)
  expect(await rowsOf('blocked')).toMatchObject({ last_name: 'Blocked' })
})
