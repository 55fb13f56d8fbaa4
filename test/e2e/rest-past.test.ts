/** Records as they were, by sequence and by time, and put back to then, over REST. */
import { setTimeout as sleep } from 'node:timers/promises'
import { xmlOf } from '@rapport/shared/schema/xml-text.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { type RestAnswer, type RestClient, type RestRecord, recordIn, restClient } from '../support/rest-client.ts'
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
type State = RestRecord & { readonly updatedAt: string }

const read = async (id: string, at?: string | number): Promise<State> =>
  recordIn(await crm.get(`${CONTACTS}/${id}${at === undefined ? '' : `?at=${encodeURIComponent(at)}`}`)) as State

const problemOf = ({ status, body }: RestAnswer): unknown => [status, (body as { code: string }).code]

async function open(id: string, sub: string): Promise<StockClient> {
  const device = openStock(server.address, 'contact', id, { token: await server.token(sub, 'manager') })
  await device.synced()
  return device
}

/** Makes a change on a device; resolves with the record as REST then shows it. */
async function commit(id: string, device: StockClient, change: () => void): Promise<State> {
  const { sequence } = await read(id)
  device.doc.transact(change)
  await until(async () => (await read(id)).sequence === sequence + 1, 'the change is committed')
  return await read(id)
}

function paragraph(text: string): Y.XmlElement {
  const element = new Y.XmlElement('paragraph')
  element.insert(0, [new Y.XmlText(text)])
  return element
}

/** The life of a record in every kind of root, over two channels, and what it read after each entry. */
async function live(id: string): Promise<{ readonly states: readonly State[]; readonly device: StockClient }> {
  const states: State[] = []
  const patch = async (content: object): Promise<void> => {
    states.push(recordIn(await crm.patch(`${CONTACTS}/${id}`, content)) as State)
  }
  states.push(recordIn(await crm.post(CONTACTS, { id, content: { fields: { lastName: 'Ferro', x_size: 3 } } })) as State)
  await patch({ emails: { e1: { label: 'work', address: 'a@example.com' }, e2: { label: 'home' } }, tags: { vip: true } })
  const device = await open(id, 'mia')
  const notes = device.doc.getXmlFragment('notes')
  states.push(await commit(id, device, () => notes.insert(0, [paragraph('first'), paragraph('second')])))
  await sleep(5)
  await patch({ summary: 'Buys much paper.', fields: { title: 'Buyer', owner: 'mia' } })
  await sleep(5)
  await patch({ emails: { e1: null, e3: { label: 'new' } }, tags: { vip: null, late: true }, fields: { x_size: null } })
  states.push(
    await commit(id, device, () => {
      notes.delete(0, 1)
      ;((notes.get(0) as Y.XmlElement).get(0) as Y.XmlText).format(0, 3, { bold: true })
      device.doc.getText('summary').insert(4, ' and sells')
      device.doc.getMap('emails').set('e2/order', 'zz')
    }),
  )
  return { states, device }
}

describe('a record as it was', () => {
  test('at each of its sequences, and at the time of each, reads as it did then', async () => {
    const { states, device } = await live('was')
    expect(states.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5, 6])
    for (const state of states) {
      const answer = await crm.get(`${CONTACTS}/was?at=${state.sequence}`)
      expect([answer.status, answer.body, answer.headers.get('etag')]).toEqual([200, state, `"${state.sequence}"`])
    }
    for (const state of [states[3], states[4]]) {
      const at = state?.updatedAt ?? ''
      expect(await read('was', at)).toEqual(state)
      // The same moment, as somebody in Kathmandu writes it.
      expect(await read('was', new Date(Date.parse(at) + 345 * 60_000).toISOString().replace('Z', '+05:45'))).toEqual(state)
    }
    const between = new Date(Date.parse(states[4]?.updatedAt ?? '') - 1).toISOString()
    expect((await read('was', between)).sequence).toBe(4)
    expect(await read('was', '9999-12-31T23:59:59Z')).toEqual(states[5])
    device.destroy()
  })

  test('from a snapshot, too, and before it', async () => {
    await crm.post(CONTACTS, { id: 'compacted', content: {} })
    // More than a tail may hold before it is compacted.
    for (let edit = 1; edit <= 320; edit += 1) await crm.patch(`${CONTACTS}/compacted`, { fields: { x_a: edit } })
    for (const sequence of [1, 2, 150, 299, 300, 301, 321]) {
      const { content } = await read('compacted', sequence)
      expect(content.fields).toEqual(sequence === 1 ? {} : { x_a: sequence - 1 })
    }
  })

  test('conditions are about that state', async () => {
    await crm.post(CONTACTS, { id: 'tagged', content: {} })
    await crm.patch(`${CONTACTS}/tagged`, { fields: { title: 'Buyer' } })
    const path = `${CONTACTS}/tagged?at=1`
    expect((await crm.get(path, { 'If-None-Match': '"1"' })).status).toBe(304)
    expect((await crm.get(path, { 'If-None-Match': '"2"' })).status).toBe(200)
    expect((await crm.get(path, { 'If-Match': '"2"' })).status).toBe(412)
  })

  test('of a deleted record: as it was before, and gone as of then', async () => {
    await crm.post(CONTACTS, { id: 'deleted', content: { fields: { title: 'Buyer' } } })
    await crm.delete(`${CONTACTS}/deleted`)
    expect((await read('deleted', 1)).content.fields).toEqual({ title: 'Buyer' })
    expect(problemOf(await crm.get(`${CONTACTS}/deleted?at=2`))).toEqual([410, 'gone'])
  })

  test('a state that never was, and a record that is not there or not to be seen, look the same', async () => {
    await crm.post(CONTACTS, { id: 'young', content: {} })
    const stranger = restClient(server.address, await server.token('mallory', 'crm', { tenant: 'other' }))
    const answers = await Promise.all([
      crm.get(`${CONTACTS}/young?at=0`),
      crm.get(`${CONTACTS}/young?at=2`),
      crm.get(`${CONTACTS}/young?at=2001-01-01T00:00:00Z`),
      crm.get(`${CONTACTS}/never?at=1`),
      stranger.get(`${CONTACTS}/young?at=1`),
    ])
    expect(answers.map(problemOf)).toEqual(Array(5).fill([404, 'not_found']))
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
  })

  test('what is no moment is malformed', async () => {
    for (const at of ['', 'yesterday', '-1', '1.5', '2026-13-01T00:00:00Z', '2026-01-01', '2026-01-01T00:00:00']) {
      expect([at, problemOf(await crm.get(`${CONTACTS}/young?at=${at}`))]).toEqual([at, [400, 'malformed']])
    }
    expect(problemOf(await crm.get(`${CONTACTS}/young?at=1&projected=true`))).toEqual([400, 'malformed'])
  })
})

describe('a record put back', () => {
  test('to any sequence or time it reads exactly as it did, on every device; and then forth again', async () => {
    const { states, device } = await live('back')
    const last = states.at(-1) as State
    let sequence = last.sequence
    for (const then of [states[0], states[4], states[2], states[3], states[1], last] as readonly State[]) {
      const at = then === states[3] ? then.updatedAt : then.sequence
      const record = recordIn(await crm.post(`${CONTACTS}/back/restore`, { at }))
      sequence += 1
      expect([record.sequence, record.content]).toEqual([sequence, then.content])
      expect((await read('back')).content).toEqual(then.content)
      const notes = then.content.notes as unknown as string
      await until(() => xmlOf(device.doc.getXmlFragment('notes')) === notes, 'the notes show on the device')
      const owner = then.content.fields?.owner
      await until(() => (device.doc.getMap('fields').get('owner') ?? undefined) === owner, 'the fields show, too')
    }
    const history = (await crm.get(`${CONTACTS}/back/history?limit=200&path=fields/title`)).body as { items: object[] }
    expect(history.items.slice(0, 2)).toMatchObject([
      { sequence: 12, author: { sub: 'backend' }, via: 'rest', before: null, after: 'Buyer' },
      { sequence: 11, before: 'Buyer', after: null },
    ])
    // It reads so already: nothing is written.
    expect(recordIn(await crm.post(`${CONTACTS}/back/restore`, { at: last.sequence })).sequence).toBe(sequence)
    device.destroy()
  })

  test('in one place alone, and only in the state that it is meant for', async () => {
    await crm.post(CONTACTS, { id: 'place', content: { fields: { title: 'Buyer', department: 'Sales' } } })
    await crm.patch(`${CONTACTS}/place`, { fields: { title: 'Boss', department: 'Board' }, emails: { e1: { label: 'x' } } })
    const path = `${CONTACTS}/place/restore`
    expect(problemOf(await crm.post(path, { at: 1, path: ['fields', 'title'] }, { 'If-Match': '"1"' }))).toEqual([412, 'stale'])
    const field = recordIn(await crm.post(path, { at: 1, path: ['fields', 'title'] }, { 'If-Match': '"2"' }))
    expect([field.sequence, field.content.fields]).toEqual([3, { title: 'Buyer', department: 'Board' }])
    expect(recordIn(await crm.post(path, { at: 1, path: 'emails' })).content.emails).toEqual({})
    expect(recordIn(await crm.post(path, { at: 2, path: 'emails/e1' })).content.emails).toMatchObject({ e1: { label: 'x' } })
    expect((await read('place')).content.fields).toEqual({ title: 'Buyer', department: 'Board' })
  })

  test('keeps what others type meanwhile into the parts that stayed', async () => {
    await crm.post(CONTACTS, { id: 'typing', content: { summary: 'Buys paper every week.' } })
    const device = await open('typing', 'mia')
    const notes = device.doc.getXmlFragment('notes')
    await commit('typing', device, () => notes.insert(0, [paragraph('one'), paragraph('two')]))
    await crm.patch(`${CONTACTS}/typing`, { summary: 'Buys paper every month.' })
    await until(() => device.doc.getText('summary').toString().includes('month'), 'the device has heard of it')
    await commit('typing', device, () => notes.delete(1, 1))
    device.provider.disconnect()
    device.doc.getText('summary').insert(5, 'white ')
    ;((notes.get(0) as Y.XmlElement).get(0) as Y.XmlText).insert(3, ' and a half')
    await crm.post(`${CONTACTS}/typing/restore`, { at: 2 })
    device.provider.connect()
    const both = '<paragraph>one and a half</paragraph><paragraph>two</paragraph>'
    await until(async () => (await read('typing')).content.notes === (both as never), 'both are there')
    expect((await read('typing')).content.summary).toBe('Buys white paper every week.')
    device.destroy()
  })

  test('P4: by whoever may write all that differs; nobody else makes any of it', async () => {
    await crm.post(CONTACTS, { id: 'rights', content: { fields: { title: 'Buyer', creditLimit: '1.00' } } })
    await crm.patch(`${CONTACTS}/rights`, { fields: { title: 'Boss', creditLimit: '2.00' } })
    const rep = restClient(server.address, await server.token('ann', 'rep'))
    const viewer = restClient(server.address, await server.token('eve', 'viewer'))
    const path = `${CONTACTS}/rights/restore`
    expect(await rep.post(path, { at: 1 })).toMatchObject({
      status: 403,
      body: { code: 'forbidden', errors: [{ path: ['fields', 'creditLimit'], code: 'forbidden' }] },
    })
    expect((await read('rights')).sequence).toBe(2)
    expect(recordIn(await rep.post(path, { at: 1, path: 'fields/title' })).content.fields).toEqual({
      title: 'Buyer',
      creditLimit: '2.00',
    })
    expect(problemOf(await viewer.post(path, { at: 1 }))).toEqual([403, 'forbidden'])
    const stranger = restClient(server.address, await server.token('mallory', 'crm', { tenant: 'other' }))
    expect(problemOf(await stranger.post(path, { at: 1 }))).toEqual([404, 'not_found'])
  })

  test('content alone: a deleted record is restored first, by an empty body', async () => {
    await crm.post(CONTACTS, { id: 'twice', content: { fields: { title: 'Buyer' } } })
    await crm.patch(`${CONTACTS}/twice`, { fields: { title: 'Boss' } })
    await crm.delete(`${CONTACTS}/twice`)
    const path = `${CONTACTS}/twice/restore`
    expect(problemOf(await crm.post(path, { at: 1 }))).toEqual([410, 'gone'])
    expect(recordIn(await crm.post(path)).content.fields).toEqual({ title: 'Boss' })
    // It was deleted then; and stays as it is.
    expect(recordIn(await crm.post(path, { at: 3 })).deletedAt).toBe(null)
    expect(recordIn(await crm.post(path, { at: 1 })).content.fields).toEqual({ title: 'Buyer' })
  })

  test('what cannot be asked for, or would not be valid, says where', async () => {
    await crm.post('/v1/records/account', { id: 'named', content: { fields: { name: 'Ferro' } } })
    const path = '/v1/records/account/named/restore'
    const cases: readonly (readonly [object, readonly string[], string])[] = [
      [{ at: 'yesterday' }, ['at'], 'shape'],
      [{ at: 1.5 }, ['at'], 'shape'],
      [{ at: null }, ['at'], 'shape'],
      [{ path: 'fields' }, ['at'], 'kind'],
      [{ at: 1, path: 'meta' }, ['path'], 'unknown_field'],
      [{ at: 1, path: ['fields', 'nothing'] }, ['path'], 'unknown_field'],
      [{ at: 1, why: 'x' }, ['why'], 'unknown_field'],
    ]
    for (const [body, place, code] of cases) {
      const answer = await crm.post(path, body)
      expect([body, answer.status, answer.body]).toMatchObject([body, 422, { errors: [{ path: place, code }] }])
    }
    expect(problemOf(await crm.post(path, { at: 2 }))).toEqual([404, 'not_found'])
    expect(problemOf(await crm.post(path, { at: '2001-01-01T00:00:00Z' }))).toEqual([404, 'not_found'])
  })
})
