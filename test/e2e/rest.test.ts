/** Writing records over REST, beside stock clients, on the real server. */

import { rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import type * as Y from 'yjs'
import { copyFolder, MAIN, testEnvironment } from '../support/data-folder.ts'
import { mintLocalToken } from '../support/local-token.ts'
import { type RestClient, type RestRecord, recordIn, restClient } from '../support/rest-client.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { startServer } from '../support/server-process.ts'
import { openStock, type StockClient, until } from '../support/stock-client.ts'

let server: TestServer
let token: string
let crm: RestClient
beforeAll(async () => {
  server = await startTestServer()
  token = await server.token('crm', 'crm')
  crm = restClient(server.address, token)
})
afterAll(() => server.stop())

const CONTACTS = '/v1/records/contact'
const UUID7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

async function create(id: string, content: object = {}): Promise<RestRecord> {
  return recordIn(await crm.post(CONTACTS, { id, content }))
}

async function read(id: string): Promise<RestRecord> {
  return recordIn(await crm.get(`${CONTACTS}/${id}`))
}

/** A rep's phone on a record, in step with the server. */
async function phone(id: string, sub = 'ann'): Promise<StockClient> {
  const client = openStock(server.address, 'contact', id, { token: await server.token(sub) })
  await client.synced()
  return client
}

const fieldsOf = (doc: Y.Doc): unknown => doc.getMap('fields').toJSON()

describe('create', () => {
  test('gives the record an id, says where it is, and shows it to everybody', async () => {
    const content = {
      fields: { firstName: 'Ada', lastName: 'Lovelace', creditLimit: '1250.00', x_size: 4 },
      summary: 'Met at the fair.',
      tags: { vip: true },
      emails: { work: { label: 'work', address: 'ada@example.com' }, home: { address: 'a@example.org', primary: true } },
    }
    const answer = await crm.post(CONTACTS, { content })
    const record = recordIn(answer)
    expect([answer.status, answer.headers.get('etag')]).toEqual([201, '"1"'])
    expect(record).toMatchObject({ type: 'contact', id: expect.stringMatching(UUID7), sequence: 1, createdBy: 'crm' })
    expect(record).toMatchObject({ deletedAt: null, content })
    expect(Object.keys(record.content.emails ?? {})).toEqual(['work', 'home'])
    expect(answer.headers.get('location')).toBe(`${CONTACTS}/${record.id}`)
    const found = await crm.get(answer.headers.get('location') ?? '')
    expect([found.body, found.headers.get('etag')]).toEqual([record, '"1"'])
    const client = await phone(record.id)
    expect(fieldsOf(client.doc)).toEqual(content.fields)
    expect(client.doc.getText('summary').toString()).toBe('Met at the fair.')
    client.destroy()
    expect((await crm.get(`${CONTACTS}?limit=200`)).text).toContain(record.id)
  })

  test('with empty content makes a record, too', async () => {
    await create('empty')
    expect(await read('empty')).toMatchObject({ sequence: 1, createdBy: 'crm', content: { fields: {}, emails: {} } })
  })

  test('of many that want one id at once, one gets it', async () => {
    const wanted = Array.from({ length: 10 }, (_, index) =>
      crm.post(CONTACTS, { id: 'wanted', content: { fields: { firstName: `n${index}` } } }),
    )
    const answers = await Promise.all(wanted)
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, ...Array.from({ length: 9 }, () => 409)])
    const made = answers.find(({ status }) => status === 201)
    expect(await read('wanted')).toEqual(made?.body)
  })

  test('does not take an id that a phone has used, and leaves what is there', async () => {
    const client = await phone('of-a-phone')
    client.doc.getMap('fields').set('lastName', 'Ferro')
    await until(async () => (await crm.get(`${CONTACTS}/of-a-phone`)).status === 200, 'it is stored')
    expect((await crm.post(CONTACTS, { id: 'of-a-phone', content: {} })).status).toBe(409)
    expect((await read('of-a-phone')).content.fields).toEqual({ lastName: 'Ferro' })
    client.destroy()
  })
})

describe('patch', () => {
  test('changes what it names, answers what was committed, and is heard at once', async () => {
    await create('named', { fields: { firstName: 'Ada', title: 'Dr' }, tags: { old: true }, summary: 'Met at the fair.' })
    const client = await phone('named')
    const patch = { fields: { title: null, lastName: 'Lovelace' }, tags: { vip: true, old: null }, summary: 'Met in Kiel.' }
    const answer = await crm.patch(`${CONTACTS}/named`, patch)
    expect(answer.headers.get('etag')).toBe('"2"')
    const content = { fields: { firstName: 'Ada', lastName: 'Lovelace' }, tags: { vip: true }, summary: 'Met in Kiel.' }
    expect(recordIn(answer)).toMatchObject({ sequence: 2, content })
    expect(await read('named')).toEqual(answer.body)
    await until(() => client.doc.getText('summary').toString() === 'Met in Kiel.', 'the phone hears of it')
    expect(client.doc.getMap('fields').get('lastName')).toBe('Lovelace')
    client.destroy()
  })

  test('may be wrapped as content, as it is read', async () => {
    await create('wrapped')
    const answer = await crm.patch(`${CONTACTS}/wrapped`, { content: { fields: { title: 'Dr' } } })
    expect(recordIn(answer).content.fields).toEqual({ title: 'Dr' })
    expect((await crm.patch(`${CONTACTS}/wrapped`, { content: {}, fields: {} })).status).toBe(422)
  })

  test('that changes nothing writes nothing and keeps the tag', async () => {
    const { content } = await create('same', { fields: { title: 'Dr' }, tags: { vip: true }, emails: { e1: { label: 'x' } } })
    const { tags: _tags, ...known } = content
    for (const patch of [{}, { fields: { title: 'Dr', firstName: null }, tags: { none: null } }, known]) {
      const answer = await crm.patch(`${CONTACTS}/same`, patch)
      expect([answer.status, answer.headers.get('etag')]).toEqual([200, '"1"'])
    }
  })

  test('P3: of one entry keeps the one that a phone adds meanwhile, whether it is online or not', async () => {
    await create('entries', { emails: { work: { address: 'ada@example.com' } } })
    const [online, offline] = [await phone('entries'), await phone('entries', 'bob')]
    offline.provider.disconnect()
    online.doc.getMap('emails').set('ann/address', 'from-ann@example.com')
    offline.doc.getMap('emails').set('bob/address', 'from-bob@example.com')
    await crm.patch(`${CONTACTS}/entries`, { emails: { work: { label: 'office' } } })
    offline.provider.connect()
    const all = {
      work: { address: 'ada@example.com', label: 'office' },
      ann: { address: 'from-ann@example.com' },
      bob: { address: 'from-bob@example.com' },
    }
    await until(async () => Object.keys((await read('entries')).content.emails ?? {}).length === 3, 'all three are there')
    expect((await read('entries')).content.emails).toMatchObject(all)
    await until(() => online.doc.getMap('emails').get('bob/address') === 'from-bob@example.com', 'the other hears of it')
    for (const client of [online, offline]) expect(client.doc.getMap('emails').get('work/label')).toBe('office')
    online.destroy()
    offline.destroy()
  })

  test('P3: of a text changes the words that differ, and keeps what an offline phone typed', async () => {
    await create('words', { summary: 'Met at the fair. Wants an offer.' })
    const client = await phone('words')
    client.provider.disconnect()
    client.doc.getText('summary').insert(0, 'Monday: ')
    await crm.patch(`${CONTACTS}/words`, { summary: 'Met at the fair. Wants a new offer.' })
    client.provider.connect()
    const merged = 'Monday: Met at the fair. Wants a new offer.'
    await until(() => client.doc.getText('summary').toString() === merged, 'both are there')
    expect((await read('words')).content.summary).toBe(merged)
    client.destroy()
  })

  test('names that mean something to JavaScript do no harm', async () => {
    await create('names')
    const bodies = [
      '{"__proto__":{"polluted":true}}',
      '{"constructor":{"prototype":{"polluted":true}}}',
      '{"fields":{"__proto__":{"polluted":true}}}',
      '{"emails":{"__proto__":{"label":"x"}}}',
      '{"tags":{"__proto__":true}}',
    ]
    for (const body of bodies) expect([body, (await crm.patch(`${CONTACTS}/names`, body)).status]).toEqual([body, 422])
    const odd = await crm.patch(`${CONTACTS}/names`, '{"tags":{"constructor":true},"emails":{"toString":{"label":"x"}}}')
    expect(recordIn(odd).content).toMatchObject({ tags: { constructor: true }, emails: { toString: { label: 'x' } } })
    expect(recordIn(await crm.patch(`${CONTACTS}/names`, '{"tags":{"constructor":null}}')).content.tags).toEqual({})
    expect((await crm.post(CONTACTS, '{"id":"__proto__","content":{}}')).status).toBe(201)
    expect((await crm.get(`${CONTACTS}/__proto__`)).status).toBe(200)
  })
})

describe('delete and restore', () => {
  test('a deleted record is gone for readers, seen deleted by phones, and back with one call', async () => {
    await create('coming-back', { fields: { lastName: 'Byron' } })
    const client = await phone('coming-back')
    const path = `${CONTACTS}/coming-back`
    const deletedAt = (): unknown => client.doc.getMap('meta').get('deletedAt') ?? null
    const deleted = await crm.delete(path)
    expect([deleted.status, deleted.text]).toEqual([204, ''])
    await until(() => deletedAt() !== null, 'the phone sees the deletion')
    expect([(await crm.get(path)).status, (await crm.patch(path, {})).status, (await crm.delete(path)).status]).toEqual([
      410, 410, 204,
    ])
    const listed = async (query: string) => (await crm.get(`${CONTACTS}?limit=200${query}`)).text.includes('"coming-back"')
    expect([await listed(''), await listed('&deleted=true')]).toEqual([false, true])
    const restored = await crm.post(`${path}/restore`)
    expect([restored.headers.get('etag'), recordIn(restored).content.fields]).toEqual(['"3"', { lastName: 'Byron' }])
    await until(() => deletedAt() === null, 'the phone sees it restored')
    const again = await crm.post(`${path}/restore`, {})
    expect([again.status, again.headers.get('etag')]).toEqual([200, '"3"'])
    client.destroy()
  })

  test('what an offline phone writes into a deleted record is there when it is restored', async () => {
    await create('edited-late', { fields: { lastName: 'Byron' }, emails: { e1: { address: 'b@example.com' } } })
    const client = await phone('edited-late')
    client.provider.disconnect()
    await crm.delete(`${CONTACTS}/edited-late`)
    client.doc.getMap('fields').set('title', 'Countess')
    client.doc.getMap('emails').set('e2/address', 'late@example.com')
    client.provider.connect()
    await until(() => client.doc.getMap('meta').get('deletedAt') != null, 'it is in step again')
    const path = `${CONTACTS}/edited-late`
    const seen = openStock(server.address, 'contact', 'edited-late', { token: await server.token('bob') })
    await until(() => seen.doc.getMap('fields').get('title') === 'Countess', 'the edit is stored')
    expect((await crm.get(path)).status).toBe(410)
    expect(recordIn(await crm.post(`${path}/restore`, '{}'))).toMatchObject({
      deletedAt: null,
      content: { fields: { title: 'Countess', lastName: 'Byron' }, emails: { e1: {}, e2: { address: 'late@example.com' } } },
    })
    client.destroy()
    seen.destroy()
  })

  test('an erasure is not mistaken for a deletion', async () => {
    await create('to-be-erased')
    const answer = await crm.delete(`${CONTACTS}/to-be-erased?erase=true`)
    expect([answer.status, (await read('to-be-erased')).deletedAt]).toEqual([400, null])
    expect((await crm.delete(`${CONTACTS}/to-be-erased?erase=false`)).status).toBe(204)
  })

  test('of a deleted record only the deletion is lifted: asking for an earlier state changes nothing', async () => {
    await create('earlier')
    await crm.delete(`${CONTACTS}/earlier`)
    expect((await crm.post(`${CONTACTS}/earlier/restore`, { at: 1 })).status).toBe(410)
    expect((await crm.post(`${CONTACTS}/earlier/restore`, { path: ['fields'] })).status).toBe(422)
    expect((await crm.get(`${CONTACTS}/earlier`)).status).toBe(410)
  })
})

describe('conditions', () => {
  test('of 20 patches of the same state at once exactly one is made', async () => {
    await create('raced')
    const path = `${CONTACTS}/raced`
    for (let round = 1; round <= 5; round += 1) {
      const race = Array.from({ length: 20 }, (_, index) =>
        crm.patch(path, { fields: { title: `r${round}-${index}` } }, { 'If-Match': `"${round}"` }),
      )
      const answers = await Promise.all(race)
      const made = answers.filter(({ status }) => status === 200)
      expect([made.length, answers.filter(({ status }) => status === 412).length]).toEqual([1, 19])
      expect(await read('raced')).toEqual(made[0]?.body)
      expect((await read('raced')).sequence).toBe(round + 1)
    }
  })

  test('a phone that was faster makes the patch stale', async () => {
    await create('faster')
    const client = await phone('faster')
    client.doc.getMap('fields').set('title', 'of the phone')
    await until(async () => (await read('faster')).sequence === 2, 'it is stored')
    const answer = await crm.patch(`${CONTACTS}/faster`, { fields: { title: 'of the CRM' } }, { 'If-Match': '"1"' })
    expect([answer.status, (await read('faster')).content.fields]).toEqual([412, { title: 'of the phone' }])
    client.destroy()
  })

  test('deletion and restoration may depend on a state, too', async () => {
    await create('guarded')
    const path = `${CONTACTS}/guarded`
    expect((await crm.delete(path, { 'If-Match': '"9"' })).status).toBe(412)
    expect((await crm.delete(path, { 'If-Match': 'W/"1"' })).status).toBe(412)
    expect((await crm.delete(path, { 'If-Match': '"9", "1"' })).status).toBe(204)
    expect((await crm.delete(path, { 'If-Match': '"1"' })).status).toBe(204)
    expect((await crm.post(`${path}/restore`, undefined, { 'If-Match': '"1"' })).status).toBe(412)
    expect((await crm.post(`${path}/restore`, undefined, { 'If-Match': '*' })).status).toBe(200)
  })

  test('whoever holds the record already is not sent it again', async () => {
    await create('held')
    const path = `${CONTACTS}/held`
    for (const tag of ['"1"', 'W/"1"', '"7", "1"', '*']) {
      const answer = await crm.get(path, { 'If-None-Match': tag })
      expect([tag, answer.status, answer.text, answer.headers.get('etag')]).toEqual([tag, 304, '', '"1"'])
    }
    await crm.patch(path, { fields: { title: 'Dr' } })
    expect((await crm.get(path, { 'If-None-Match': '"1"' })).status).toBe(200)
    await crm.delete(path)
    expect((await crm.get(path, { 'If-None-Match': '*' })).status).toBe(410)
  })
})

describe('a client that goes away', () => {
  /** Sends the bytes and cuts the connection, at once or after the answer has begun. */
  function cutOff(bytes: string, waitForAnswer: boolean): Promise<void> {
    const [host = '', port] = server.address.split(':')
    return new Promise((resolve) => {
      const socket = connect(Number(port), host, () => {
        socket.write(bytes, () => {
          if (!waitForAnswer) socket.resetAndDestroy()
        })
      })
      socket.on('data', () => socket.resetAndDestroy())
      socket.on('error', () => undefined)
      socket.on('close', () => resolve())
    })
  }

  test('in the middle of a write breaks nothing, and what it had sent whole is committed', async () => {
    await create('cut')
    const head = (length: number): string =>
      `PATCH ${CONTACTS}/cut HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Length: ${length}\r\n\r\n`
    for (let index = 0; index < 20; index += 1) {
      const body = JSON.stringify({ fields: { [`x_whole_${index}`]: 1 } })
      await cutOff(`${head(body.length)}${body}`, index % 2 === 0)
      await cutOff(`${head(1_000)}${JSON.stringify({ fields: { [`x_half_${index}`]: 1 } })}`, false)
    }
    const whole = async (): Promise<string[]> => Object.keys((await read('cut')).content.fields ?? {})
    await until(async () => (await whole()).length >= 10, 'those that saw an answer begin are there')
    expect((await whole()).filter((name) => name.includes('half'))).toEqual([])
    expect((await crm.patch(`${CONTACTS}/cut`, { fields: { title: 'Dr' } })).status).toBe(200)
    expect((await server.get('/readyz')).status).toBe(200)
  })
})

test('P10: uploads that stand still keep nobody out, and are cut off', async () => {
  await create('stalled')
  const [host = '', port] = server.address.split(':')
  const path = `${CONTACTS}/stalled`
  const stalled = ['Transfer-Encoding: chunked\r\n\r\n5\r\n{"fie', 'Content-Length: 4000000\r\n\r\n{"fie'].flatMap((rest) =>
    Array.from({ length: 5 }, async () => {
      const socket = connect(Number(port), host)
      socket.write(`PATCH ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n${rest}`)
      const answer: Buffer[] = []
      for await (const chunk of socket) answer.push(chunk as Buffer)
      return Buffer.concat(answer).toString()
    }),
  )
  let ended = false
  const all = Promise.all(stalled).finally(() => {
    ended = true
  })
  while (!ended) {
    expect((await crm.patch(path, { fields: { title: 'Dr' } })).status).toBe(200)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  for (const answer of await all) expect(answer).toMatch(/^HTTP\/1.1 400 .*"code":"malformed"/s)
})

test('P10: thousands of entries at once do not hold up others', async () => {
  await create('large')
  await create('small')
  const activities = Object.fromEntries(Array.from({ length: 4_900 }, (_, index) => [`a${index}`, { subject: `s${index}` }]))
  const large = crm.patch(`${CONTACTS}/large`, { activities })
  const small = await crm.patch(`${CONTACTS}/small`, { fields: { title: 'Dr' } })
  expect([small.status, (await large).status]).toEqual([200, 200])
  expect(Object.keys((await read('large')).content.activities ?? {})).toEqual(Object.keys(activities))
})

test('P1: what was answered with success is there after the server was killed in the middle of it', async () => {
  const folder = await copyFolder(inject('preparedFolder'))
  const first = await startServer(MAIN, testEnvironment(folder))
  const mine = await mintLocalToken(folder, 'demo', 'ann')
  const client = restClient(first.address, mine)
  const made = recordIn(await client.post(CONTACTS, { content: { fields: { firstName: 'Ada' } } }))
  const other = recordIn(await client.post(CONTACTS, { content: {} }))
  await client.delete(`${CONTACTS}/${other.id}`)
  const answered: string[] = []
  let next = 0
  const write = async (): Promise<void> => {
    for (;;) {
      next += 1
      const id = `e${next}`
      const answer = await client.patch(`${CONTACTS}/${made.id}`, { activities: { [id]: { subject: id } } })
      if (answer.status === 200) answered.push(id)
    }
  }
  const writers = Array.from({ length: 10 }, () => write().catch(() => undefined))
  await until(() => answered.length >= 50, 'some are answered')
  await first.kill()
  await Promise.all(writers)
  const second = await startServer(MAIN, testEnvironment(folder))
  const again = restClient(second.address, mine)
  const { content } = recordIn(await again.get(`${CONTACTS}/${made.id}`))
  expect(answered.filter((id) => content.activities?.[id] === undefined)).toEqual([])
  expect(content.fields).toEqual({ firstName: 'Ada' })
  expect((await again.get(`${CONTACTS}/${other.id}`)).status).toBe(410)
  await second.stop()
  await rm(folder, { recursive: true, force: true })
})
