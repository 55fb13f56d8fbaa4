/** The gateway over real sockets, with a room that has neither log nor judge. Rules are those of shared/protocol/SPEC.md. */
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { systemClock } from '@rapport/shared/clock.ts'
import { SyncError } from '@rapport/shared/errors.ts'
import { encodeAwareness } from '@rapport/shared/protocol/awareness.ts'
import { encodeAwarenessMessage, encodeStep1, encodeStep2, encodeUpdate } from '@rapport/shared/protocol/y-websocket.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as Y from 'yjs'
import type { Principal } from '../../server/auth/principal.ts'
import { createGateway, type Gateway } from '../../server/gateway/upgrade.ts'
import { createLogger } from '../../server/observability/logger.ts'
import { createMetrics } from '../../server/observability/metrics.ts'
import { createFakeRegistry, type FakeRoom } from '../support/fake-room.ts'
import { openRaw } from '../support/raw-socket.ts'
import { openStock, until } from '../support/stock-client.ts'

const registry = createFakeRegistry()
const metrics = createMetrics()
const logged: string[] = []
let server: Server
let gateway: Gateway
let address: string

function principal(sub: string, expiresAt: number, roles = ['rep']): Principal {
  return { tenant: 'demo', sub, roles, teams: [], expiresAt } as unknown as Principal
}

/** Tokens of this test: `SUB`, `SUB:expired`, `SUB:nobody` (no role), `SUB:brief` (ends soon). */
async function verify(token: string) {
  const [sub = '', kind] = token.split(':')
  const now = Date.now() / 1000
  if (sub === 'forged') return { type: 'unverifiable', reason: 'forged' } as const
  if (kind === 'expired') return { type: 'expired', principal: principal(sub, now - 1) } as const
  const expiresAt = kind === 'brief' ? now + 1 : now + 3600
  return { type: 'verified', principal: principal(sub, expiresAt, kind === 'nobody' ? [] : ['rep']) } as const
}

beforeAll(async () => {
  gateway = createGateway({
    clock: systemClock,
    log: createLogger('trace', (line) => logged.push(line)),
    metrics,
    limits: { frameBytes: 100_000, recordBytes: 1e9, socketBufferBytes: 200_000, updatesPerSecond: 1_000, bytesPerSecond: 0 },
    registry,
    verify,
    isRecordType: (name) => name === 'contact',
  })
  server = createServer()
  server.on('upgrade', gateway.upgrade)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterAll(async () => {
  await gateway.close()
  await new Promise((resolve) => server.close(resolve))
})

const url = (id: string, query = 'token=ann', type = 'contact') => `ws://${address}/sync/${type}/${id}?${query}`
const roomOf = (id: string): FakeRoom => registry.rooms.get(id) as FakeRoom

test('SPEC 1: an upgrade without a token, or with one that cannot be verified, is answered with 401', async () => {
  await expect(openRaw(url('a', ''))).rejects.toMatchObject({ status: 401 })
  await expect(openRaw(url('a', 'token=forged'))).rejects.toMatchObject({ status: 401 })
})

test('SPEC 1: a token in the subprotocols is taken, and the subprotocol is answered', async () => {
  const socket = await openRaw(url('a', ''), ['rapport.token', 'ann'])
  expect(socket.webSocket.protocol).toBe('rapport.token')
  socket.close()
})

test('SPEC 1: an empty ?token= leaves the one in the subprotocols to be taken', async () => {
  const socket = await openRaw(url('a', 'token='), ['rapport.token', 'ann'])
  await socket.next('step1')
  socket.close()
  await expect(openRaw(url('a', 'token='))).rejects.toMatchObject({ status: 401 })
})

test('SPEC 2: an unknown type, a malformed id and a foreign path are answered with 404', async () => {
  await expect(openRaw(url('a', 'token=ann', 'invoice'))).rejects.toMatchObject({ status: 404 })
  for (const path of [
    '/sync/contact/a%2Fb',
    '/sync/contact/a%252D',
    '/sync/contact/%zz',
    '/sync/contact/',
    '/sync/contact/a/b',
    '/x',
  ]) {
    await expect(openRaw(`ws://${address}${path}?token=ann`)).rejects.toMatchObject({ status: 404 })
  }
})

test('SPEC 3: an expired token is upgraded and then closed with 4401, and a stock client stops', async () => {
  const client = openStock(address, 'contact', 'expired', { token: 'ann:expired' })
  expect(await client.stopped).toBe(4401)
  expect(client.connections()).toBe(1)
  client.destroy()
})

test('SPEC 3: a session ends with 4401 when its token does', async () => {
  const socket = await openRaw(url('brief', 'token=ann:brief'))
  await expect(socket.closed).resolves.toMatchObject({ code: 4401 })
})

test('SPEC 4: a principal without any role is closed with 4403', async () => {
  const socket = await openRaw(url('a', 'token=ann:nobody'))
  await expect(socket.closed).resolves.toMatchObject({ code: 4403 })
})

test('SPEC 5: an erased record answers the upgrade with 410; one that cannot be served closes with a code that invites back', async () => {
  registry.fail = new SyncError('gone', 'erased')
  await expect(openRaw(url('gone'))).rejects.toMatchObject({ status: 410 })
  registry.fail = new SyncError('overload', 'database away')
  await expect((await openRaw(url('a'))).closed).resolves.toMatchObject({ code: 1013 })
  registry.fail = new SyncError('out_of_service', 'unreadable')
  await expect((await openRaw(url('a'))).closed).resolves.toMatchObject({ code: 4503 })
  registry.fail = undefined
})

test('SPEC 6: our step 1 precedes everything with content', async () => {
  const client = openStock(address, 'contact', 'first', { token: 'ann' })
  await client.synced()
  client.doc.getMap('fields').set('title', 'CTO')
  await until(() => roomOf('first').submitted.length > 1, 'the edit arrives')
  const socket = await openRaw(url('first'))
  socket.send(encodeStep1(Y.encodeStateVector(new Y.Doc())))
  const answer = await socket.next('step2')
  expect(socket.messages[0]?.type).toBe('step1')
  const replica = new Y.Doc()
  Y.applyUpdate(replica, answer.update)
  expect(replica.getMap('fields').get('title')).toBe('CTO')
  socket.close()
  client.destroy()
})

test('SPEC 7: nothing is read before the room has answered, and then in order', async () => {
  const room = roomOf('first')
  room.holdJoins = true
  const before = room.submitted.length
  const socket = await openRaw(url('first'))
  const doc = new Y.Doc()
  const updates: Uint8Array[] = []
  doc.on('update', (update) => updates.push(update))
  for (let index = 0; index < 50; index++) doc.getMap('fields').set('title', `t${index}`)
  for (const update of updates) socket.send(encodeUpdate(update))
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(room.submitted.length).toBe(before)
  room.holdJoins = false
  for (const join of room.joins.splice(0)) join()
  await until(() => room.submitted.length === before + 50, 'all arrive')
  expect(room.submitted.slice(before).map((update) => Buffer.from(update).toString('hex'))).toEqual(
    updates.map((update) => Buffer.from(update).toString('hex')),
  )
  socket.close()
})

test('SPEC 8: two stock clients see each other’s edits and presence', async () => {
  const ann = openStock(address, 'contact', 'pair', { token: 'ann' })
  const bob = openStock(address, 'contact', 'pair', { token: 'bob', inProtocol: true })
  await Promise.all([ann.synced(), bob.synced()])
  ann.doc.getText('summary').insert(0, 'Hello')
  bob.doc.getMap('fields').set('title', 'CTO')
  ann.provider.awareness.setLocalStateField('cursor', 3)
  await until(() => bob.doc.getText('summary').toString() === 'Hello', 'Ann’s text reaches Bob')
  await until(() => ann.doc.getMap('fields').get('title') === 'CTO', 'Bob’s field reaches Ann')
  await until(() => bob.provider.awareness.getStates().get(ann.doc.clientID)?.cursor === 3, 'Ann’s cursor reaches Bob')
  ann.destroy()
  await until(() => bob.provider.awareness.getStates().size === 1, 'Ann’s presence ends')
  bob.destroy()
})

test('SPEC 9: text, an unknown message, a truncated one and trailing bytes close with 4400', async () => {
  const update = encodeUpdate(Uint8Array.of(0, 0))
  for (const bytes of [
    'hello',
    Uint8Array.of(9),
    Uint8Array.of(0, 7, 0),
    update.slice(0, -1),
    Uint8Array.of(...update, 0),
    Uint8Array.of(),
  ]) {
    const socket = await openRaw(url('bad'))
    socket.send(bytes)
    await expect(socket.closed).resolves.toMatchObject({ code: 4400 })
  }
})

test('SPEC 9: a broken awareness payload closes with 4400', async () => {
  const socket = await openRaw(url('bad'))
  socket.send(encodeAwarenessMessage(Uint8Array.of(200, 1, 2)))
  await expect(socket.closed).resolves.toMatchObject({ code: 4400 })
})

test('SPEC 10: a message above the limit closes with 4413, and the process lives', async () => {
  const socket = await openRaw(url('big'))
  socket.send(new Uint8Array(110_000))
  await expect(socket.closed).resolves.toMatchObject({ code: 4413 })
  expect(await metrics.render()).toContain('rapport_limit_hits_total{limit="frame"} 1')
})

test('SPEC 10: bytes that are no WebSocket frame close with a final code, and the process lives', async () => {
  const socket = await openRaw(url('big'))
  const tcp = (socket.webSocket as unknown as { _socket: NodeJS.WritableStream })._socket
  tcp.write(Buffer.from([0xff, 0xff, 0xff, 0xff]))
  await expect(socket.closed).resolves.toMatchObject({ code: 4400 })
})

test('SPEC 11: an author without ack=echo hears nothing of its own edit; with it, after the commit', async () => {
  const doc = new Y.Doc()
  doc.getMap('fields').set('title', 'CTO')
  const update = Y.encodeStateAsUpdate(doc)
  const plain = await openRaw(url('echo'))
  const echoing = await openRaw(url('echo', 'token=bob&ack=echo'))
  await Promise.all([plain.join(), echoing.join()])
  plain.send(encodeUpdate(update))
  await echoing.next('update')
  const later = new Y.Doc()
  later.getMap('fields').set('department', 'Sales')
  echoing.send(encodeUpdate(Y.encodeStateAsUpdate(later)))
  await echoing.next('update')
  await plain.next('update')
  expect(plain.messages.filter(({ type }) => type === 'update')).toHaveLength(1)
  plain.close()
  echoing.close()
})

test('SPEC 12: presence that names foreign clients is ignored in silence', async () => {
  const [ann, bob] = await Promise.all([openRaw(url('pres')), openRaw(url('pres', 'token=bob'))])
  ann.send(encodeAwarenessMessage(encodeAwareness([{ client: 1, clock: 1, state: '{"user":"ann"}' }])))
  await bob.next('awareness')
  bob.send(encodeAwarenessMessage(encodeAwareness([{ client: 1, clock: 9, state: 'null' }])))
  bob.send(encodeAwarenessMessage(encodeAwareness([{ client: 2, clock: 1, state: '{"user":"bob"}' }])))
  const heard = await ann.next('awareness')
  expect(heard.payload).toEqual(encodeAwareness([{ client: 2, clock: 1, state: '{"user":"bob"}' }]))
  ann.close()
  bob.close()
})

test('SPEC 13: a ping is answered', async () => {
  const socket = await openRaw(url('ping'))
  const ponged = new Promise((resolve) => socket.webSocket.once('pong', (payload) => resolve(payload.toString())))
  socket.webSocket.ping('are you there')
  expect(await ponged).toBe('are you there')
  socket.close()
})

test('SPEC 19: pings count as messages: above the rate a socket is left unread for a while', async () => {
  const socket = await openRaw(url('ping'))
  for (let index = 0; index < 2_100; index++) socket.webSocket.ping()
  await until(async () => (await metrics.render()).includes('rapport_limit_hits_total{limit="rate"} 1'), 'the limit is reached')
  socket.close()
})

test('P10: while too much is unsettled a socket is not read, and goes on when it is', async () => {
  const socket = await openRaw(url('slow'))
  await socket.next('step1')
  const room = roomOf('slow')
  room.hold = true
  const doc = new Y.Doc()
  const updates: Uint8Array[] = []
  doc.on('update', (update) => updates.push(update))
  for (let index = 0; index < 200; index++) doc.getMap('fields').set('title', 'x'.repeat(20_000))
  for (const update of updates) socket.send(encodeUpdate(update))
  await until(() => room.submitted.length > 50, 'reading has begun')
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(room.submitted.length).toBeLessThan(70)
  room.hold = false
  room.settleHeld()
  await until(() => room.submitted.length === 200, 'the rest is read')
  socket.close()
})

test('P10: a reader that falls behind gets one diff instead of what it missed', async () => {
  const room = (await registry.acquire({ tenant: 'demo', type: 'contact', id: 'lag' } as never)) as FakeRoom
  const socket = await openRaw(url('lag'))
  await socket.join()
  socket.webSocket.pause()
  const someone = principal('crm', Number.POSITIVE_INFINITY)
  for (let index = 0; index < 3000; index++) {
    await room.edit(someone, (document) => document.getMap('fields').set('title', `${index} `.padEnd(20_000, 'x')))
    if (index % 100 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  expect(await metrics.render()).toMatch(/rapport_limit_hits_total\{limit="socket_buffer"} [1-9]/)
  socket.webSocket.resume()
  const replica = new Y.Doc()
  let applied = 0
  await until(() => {
    const updates = socket.messages.filter((message) => message.type === 'update')
    for (; applied < updates.length; applied++) Y.applyUpdate(replica, (updates[applied] as { update: Uint8Array }).update)
    return String(replica.getMap('fields').get('title')).startsWith('2999 ')
  }, 'the reader is in step')
  expect(applied).toBeLessThan(3000)
  expect(Y.encodeStateVector(replica)).toEqual(Y.encodeStateVector(room.document))
  expect(replica.store.pendingStructs).toBeNull()
  socket.close()
  registry.release(room)
})

test('a handshake that is no WebSocket’s is refused, and holds no room', async () => {
  const { port } = server.address() as AddressInfo
  const answered = new Promise<string>((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('data', (data) => {
      resolve(data.toString())
      socket.destroy()
    })
    socket.write('GET /sync/contact/a?token=ann HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  })
  expect(await answered).toMatch(/^HTTP\/1\.1 400 /)
})

test('rooms are released and presence freed when sockets end', async () => {
  await until(() => registry.acquired === 0, 'every acquire has its release')
  for (const room of registry.rooms.values()) expect(room.subscribers.size).toBe(0)
  await until(async () => (await metrics.render()).includes('rapport_sockets 0'), 'no socket is left')
  expect(await metrics.render()).toContain('rapport_send_queue_bytes 0')
})

test('no token reaches a log', () => {
  expect(logged.length).toBeGreaterThan(5)
  expect(logged.filter((line) => /ann:brief|token=|ann:nobody/.test(line))).toEqual([])
})

test('SPEC 6: the first answer to our step 1 comes with what its sender had when it asked, and no other content does', async () => {
  const socket = await openRaw(url('vectors'))
  const vector = Uint8Array.of(1, 5, 7)
  await socket.next('step1')
  socket.send(encodeStep1(vector))
  for (const bytes of [encodeUpdate, encodeStep2, encodeStep2, encodeUpdate]) socket.send(bytes(Uint8Array.of(0, 0)))
  await until(() => registry.rooms.get('vectors')?.vectors.length === 4, 'all of it arrives')
  expect(registry.rooms.get('vectors')?.vectors).toEqual([undefined, vector, 'unknown', undefined])
  const silent = await openRaw(url('no-vector'))
  await silent.next('step1')
  silent.send(encodeStep2(Uint8Array.of(0, 0)))
  await until(() => registry.rooms.get('no-vector')?.vectors.length === 1, 'it arrives')
  expect(registry.rooms.get('no-vector')?.vectors).toEqual(['unknown'])
  socket.close()
  silent.close()
})
