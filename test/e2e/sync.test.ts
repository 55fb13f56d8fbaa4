/** The y-websocket dialect on the real server. Rules are those of shared/protocol/SPEC.md. */
import { decodeMessage, encodeStep1, encodeStep2, encodeUpdate } from '@rapport/shared/protocol/y-websocket.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as Y from 'yjs'
import type { Role } from '../../server/auth/principal.ts'
import { openRaw, type RawSocket } from '../support/raw-socket.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { openStock, until } from '../support/stock-client.ts'

let server: TestServer
let idle: RawSocket
let idleSince: number
beforeAll(async () => {
  server = await startTestServer()
  idle = await raw('idle')
  idleSince = performance.now()
})
afterAll(() => server.stop())

const EMPTY = Uint8Array.of(0, 0)

async function raw(id: string, query = '', role: Role = 'rep', type = 'contact'): Promise<RawSocket> {
  return openRaw(`ws://${server.address}/sync/${type}/${id}?token=${await server.token('ann', role)}${query}`)
}

/** Edits as the updates that a client would send, one for each value. */
function edits(values: readonly string[]): Uint8Array[] {
  const doc = new Y.Doc()
  const updates: Uint8Array[] = []
  doc.on('update', (update) => updates.push(update))
  for (const value of values) doc.getMap('fields').set('title', value)
  return updates
}

function titleIn(updates: readonly Uint8Array[]): unknown {
  const doc = new Y.Doc()
  for (const update of updates) Y.applyUpdate(doc, update)
  return doc.getMap('fields').get('title')
}

test('SPEC 2: an unknown type is answered with 404', async () => {
  await expect(raw('a', '', 'rep', 'invoice')).rejects.toMatchObject({ status: 404 })
})

test('SPEC 3: a stock client with an expired token stops', async () => {
  const client = openStock(server.address, 'contact', 'expired', { token: await server.token('ann', 'rep', { ttl: -5 }) })
  expect(await client.stopped).toBe(4401)
  expect(client.connections()).toBe(1)
  client.destroy()
})

test('SPEC 9: malformed bytes close with 4400, an update that no encoder makes with 4422', async () => {
  const cases = [
    ['text', 4400] as const,
    [Uint8Array.of(7), 4400] as const,
    [encodeUpdate(Uint8Array.of(1, 2, 3)), 4422] as const,
  ]
  for (const [bytes, code] of cases) {
    const socket = await raw('malformed')
    await socket.next('step1')
    socket.send(bytes)
    await expect(socket.closed).resolves.toMatchObject({ code })
  }
})

test('SPEC 10: a message above the limit closes with 4413', async () => {
  const socket = await raw('oversize')
  socket.send(new Uint8Array(4_200_000))
  await expect(socket.closed).resolves.toMatchObject({ code: 4413 })
})

test('SPEC 11: with ack=echo an author gets its own structs back after the commit, a repeat of them included', async () => {
  const socket = await raw('echo', '&ack=echo')
  await socket.join()
  const [update = EMPTY] = edits(['CTO'])
  socket.send(encodeUpdate(update))
  expect(titleIn([(await socket.next('update')).update])).toBe('CTO')
  socket.send(encodeUpdate(update))
  expect(titleIn([(await socket.next('update')).update])).toBe('CTO')
  socket.send(encodeStep2(update))
  expect(titleIn([(await socket.next('update')).update])).toBe('CTO')
  socket.close()
})

test('SPEC 11: without it an author hears nothing of an edit that stands', async () => {
  const socket = await raw('no-echo')
  await socket.join()
  const [created = EMPTY, update = EMPTY] = edits(['CEO', 'CTO'])
  socket.send(encodeUpdate(created))
  // What the server adds itself, as for a new record, its author does hear.
  await socket.next('update')
  socket.send(encodeUpdate(update))
  await until(async () => {
    socket.send(encodeStep1(Uint8Array.of(0)))
    return titleIn([(await socket.next('step2')).update]) === 'CTO'
  }, 'the edit is stored')
  expect(socket.messages.filter(({ type }) => type === 'update')).toHaveLength(1)
  socket.close()
})

test('SPEC 9: a state vector far longer than the record has clients closes with 4400', async () => {
  const socket = await raw('vector')
  await socket.next('step1')
  const clients = Array.from({ length: 20_000 }, (_, index): [number, number] => [index + 1_000_000, 1])
  socket.send(encodeStep1(Y.encodeStateVector(new Map(clients))))
  await expect(socket.closed).resolves.toMatchObject({ code: 4400 })
})

test('SPEC 14: a gap is answered with a step 1, once until something of that client was admitted', async () => {
  const socket = await raw('gap')
  await socket.next('step1')
  const [first = EMPTY, second = EMPTY, third = EMPTY, fourth = EMPTY] = edits(['1', '2', '3', '4'])
  for (let index = 0; index < 20; index++) socket.send(encodeUpdate(index % 2 === 0 ? second : third))
  await socket.next('step1')
  const reader = await raw('gap')
  await reader.join()
  socket.send(encodeUpdate(first))
  expect(titleIn([(await reader.next('update')).update])).toBe('1')
  expect(socket.messages.filter(({ type }) => type === 'step1')).toHaveLength(2)
  socket.send(encodeUpdate(fourth))
  await socket.next('step1')
  for (const socketToClose of [socket, reader]) socketToClose.close()
})

test('SPEC 15: a viewer reads and is seen, and is closed with 4403 when it writes', async () => {
  const rep = openStock(server.address, 'contact', 'viewed', { token: await server.token('ann') })
  const viewer = openStock(server.address, 'contact', 'viewed', { token: await server.token('vic', 'viewer') })
  await Promise.all([rep.synced(), viewer.synced()])
  rep.doc.getMap('fields').set('title', 'CTO')
  viewer.provider.awareness.setLocalStateField('user', 'vic')
  await until(() => viewer.doc.getMap('fields').get('title') === 'CTO', 'the viewer reads')
  await until(() => rep.provider.awareness.getStates().get(viewer.doc.clientID)?.user === 'vic', 'the viewer is seen')
  viewer.doc.getMap('fields').set('title', 'hacked')
  expect(await viewer.stopped).toBe(4403)
  expect(rep.doc.getMap('fields').get('title')).toBe('CTO')
  rep.destroy()
  viewer.destroy()
})

test('P2: what one client is shown is in the database: a new reader and REST have it', async () => {
  const [ann, bob] = await Promise.all([
    openStock(server.address, 'contact', 'shown', { token: await server.token('ann') }),
    openStock(server.address, 'contact', 'shown', { token: await server.token('bob') }),
  ])
  await Promise.all([ann.synced(), bob.synced()])
  ann.doc.getText('summary').insert(0, 'Seen')
  await until(() => bob.doc.getText('summary').toString() === 'Seen', 'Bob sees it')
  const record = await (await server.get('/v1/records/contact/shown', await server.token('ann'))).json()
  expect(record).toMatchObject({ content: { summary: 'Seen' } })
  ann.destroy()
  bob.destroy()
})

test('P10: a stock client that is far over its rate is slowed down, and loses nothing', async () => {
  const writer = openStock(server.address, 'contact', 'rate', { token: await server.token('ann') })
  await writer.synced()
  const text = writer.doc.getText('summary')
  for (let index = 0; index < 1_500; index++) text.insert(text.length, 'x')
  const reader = openStock(server.address, 'contact', 'rate', { token: await server.token('bob') })
  await until(() => reader.doc.getText('summary').length === 1_500, 'all of it arrives', 20_000)
  expect(await (await server.get('/metrics')).text()).toMatch(/rapport_limit_hits_total\{limit="rate"} [1-9]/)
  expect(writer.connections()).toBe(1)
  writer.destroy()
  reader.destroy()
})

test('SPEC 16: a socket on which nothing happens hears a message at least every 20 s', async () => {
  const heard = idle.messages.length
  await until(() => idle.messages.length > heard, 'a sign of life', 20_000 - (performance.now() - idleSince))
  const last = idle.messages.at(-1)
  expect(last).toEqual(decodeMessage(Uint8Array.of(1, 1, 0)))
  idle.close()
})
