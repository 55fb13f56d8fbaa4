/** Presence between stock clients on the real server. */
import { encodeAwareness } from '@rapport/shared/protocol/awareness.ts'
import { encodeAwarenessMessage } from '@rapport/shared/protocol/y-websocket.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openRaw, type RawSocket } from '../support/raw-socket.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { openStock, type StockClient, until } from '../support/stock-client.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

async function rep(sub: string, id: string): Promise<StockClient> {
  const client = openStock(server.address, 'contact', id, { token: await server.token(sub) })
  await client.synced()
  client.provider.awareness.setLocalStateField('user', sub)
  return client
}

const sees = (one: StockClient, other: StockClient): unknown => one.provider.awareness.getStates().get(other.doc.clientID)?.user

test('everybody sees everybody, a late comer too', async () => {
  const [ann, bob] = await Promise.all([rep('ann', 'room'), rep('bob', 'room')])
  await until(() => sees(ann, bob) === 'bob' && sees(bob, ann) === 'ann', 'they see each other')
  const carol = await rep('carol', 'room')
  await until(() => sees(carol, ann) === 'ann' && sees(carol, bob) === 'bob', 'Carol sees both')
  for (const one of [ann, bob, carol]) one.destroy()
})

test('whoever leaves is gone at once, and back at once after a short break', async () => {
  const [ann, bob] = await Promise.all([rep('ann', 'break'), rep('bob', 'break')])
  await until(() => sees(bob, ann) === 'ann', 'Ann is there')
  ann.provider.disconnect()
  await until(() => sees(bob, ann) === undefined, 'Ann is gone')
  ann.provider.connect()
  // Without help from the relay, others ignore her until her clock has passed the one under which she was reported gone: up to 30 s.
  await until(() => sees(bob, ann) === 'ann', 'Ann is back', 5_000)
  expect(ann.provider.awareness.getLocalState()).toMatchObject({ user: 'ann' })
  for (const one of [ann, bob]) one.destroy()
})

test('a new connection of the same person takes over from one that is not yet known to be dead', async () => {
  const [ann, bob] = await Promise.all([rep('ann', 'takeover'), rep('bob', 'takeover')])
  await until(() => sees(bob, ann) === 'ann', 'Ann is there')
  const again = openStock(server.address, 'contact', 'takeover', { token: await server.token('ann'), connect: false })
  again.doc.clientID = ann.doc.clientID
  again.provider.awareness.clientID = ann.doc.clientID
  again.provider.awareness.meta.set(ann.doc.clientID, { clock: 50, lastUpdated: Date.now() })
  again.provider.awareness.setLocalState({ user: 'ann again' })
  again.provider.connect()
  await until(() => sees(bob, ann) === 'ann again', 'the new connection speaks for Ann')
  ann.provider.disconnect()
  again.provider.awareness.setLocalStateField('cursor', 1)
  await until(() => bob.provider.awareness.getStates().get(ann.doc.clientID)?.cursor === 1, 'the new one still speaks')
  expect(sees(bob, ann)).toBe('ann again')
  for (const one of [ann, bob, again]) one.destroy()
})

async function raw(sub: string, id: string): Promise<RawSocket> {
  const socket = await openRaw(`ws://${server.address}/sync/contact/${id}?token=${await server.token(sub, 'viewer')}`)
  await socket.next('step1')
  return socket
}

const announce = (socket: RawSocket, client: number, clock: number, state: string) =>
  socket.send(encodeAwarenessMessage(encodeAwareness([{ client, clock, state }])))

/** Resolves once the server has handled what this socket sent. */
async function heard(socket: RawSocket): Promise<void> {
  const ponged = new Promise((resolve) => socket.webSocket.once('pong', resolve))
  socket.webSocket.ping()
  await ponged
}

test('P10: nobody is locked out by what somebody else announces and leaves behind', async () => {
  const [ann, bob] = await Promise.all([rep('ann', 'lockout'), rep('bob', 'lockout')])
  for (const clock of [2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]) {
    const eve = await raw('eve', 'lockout')
    announce(eve, 777, clock, '{"user":"eve"}')
    await heard(eve)
    if (clock < 2 ** 31) await until(() => bob.provider.awareness.getStates().has(777), 'Eve is seen')
    eve.close()
    await until(() => !bob.provider.awareness.getStates().has(777), 'Eve is gone')
  }
  ann.provider.awareness.setLocalStateField('cursor', 1)
  await until(() => bob.provider.awareness.getStates().get(ann.doc.clientID)?.cursor === 1, 'they go on')
  expect([ann.connections(), bob.connections()]).toEqual([1, 1])
  for (const one of [ann, bob]) one.destroy()
})

test('P10: nobody takes the place of a colleague who is away for a moment', async () => {
  const [ann, bob] = await Promise.all([rep('ann', 'squat'), rep('bob', 'squat')])
  await until(() => sees(bob, ann) === 'ann', 'Ann is there')
  ann.provider.disconnect()
  await until(() => sees(bob, ann) === undefined, 'Ann is gone')
  const eve = await raw('eve', 'squat')
  announce(eve, ann.doc.clientID, 2 ** 31 - 1, '{"user":"not Ann"}')
  await heard(eve)
  ann.provider.connect()
  await until(() => sees(bob, ann) !== undefined, 'somebody is there', 5_000)
  expect(sees(bob, ann)).toBe('ann')
  eve.close()
  for (const one of [ann, bob]) one.destroy()
})
