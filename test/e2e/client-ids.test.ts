/** Whose client ids are, on the real server, with stock clients. Rules are those of shared/protocol/SPEC.md. */
import { encodeUpdate } from '@rapport/shared/protocol/y-websocket.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as Y from 'yjs'
import { openRaw } from '../support/raw-socket.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { openStock, type StockClient, until } from '../support/stock-client.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

async function stock(sub: string, id: string, doc?: Y.Doc): Promise<StockClient> {
  const client = openStock(server.address, 'contact', id, { token: await server.token(sub), ...(doc && { doc }) })
  return client
}

const field = ({ doc }: StockClient, name: string): unknown => doc.getMap('fields').get(name)

async function isStored(client: StockClient, id: string, name: string): Promise<void> {
  const value = field(client, name)
  const token = await server.token('reader')
  await until(async () => {
    const answer = await server.get(`/v1/records/contact/${id}`, token)
    const body = (await answer.json()) as { content?: { fields: Readonly<Record<string, unknown>> } }
    return body.content?.fields[name] === value
  }, `${name} is stored`)
}

const varint = (value: number): number[] => (value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))])
const ATTACKS = {
  /** A GC over the client's next 2^31 clocks. */
  capture: ({ doc }: StockClient) =>
    Uint8Array.from([
      ...[1, 1, ...varint(doc.clientID), ...varint(Y.getState(doc.store, doc.clientID))],
      ...[0, ...varint(2 ** 31), 0],
    ]),
  /** Deletes what the client will write. */
  'delete of the future': ({ doc }: StockClient) => Uint8Array.from([0, 1, ...varint(doc.clientID), 1, 0, ...varint(2 ** 31)]),
}

test.each(Object.entries(ATTACKS))(
  'SPEC 20: a %s leaves the victim’s later edits alive, there and at everybody else’s',
  async (name, attack) => {
    const id = `attacked-${name.length}`
    const ada = await stock('ada', id)
    await ada.synced()
    ada.doc.getMap('fields').set('firstName', 'Ada')
    await isStored(ada, id, 'firstName')
    const mallory = await openRaw(`ws://${server.address}/sync/contact/${id}?token=${await server.token('mallory')}`)
    await mallory.next('step1')
    mallory.send(encodeUpdate(attack(ada)))
    if (name === 'capture') expect(await mallory.closed).toMatchObject({ code: 4409, reason: 'foreign' })
    else await mallory.next('step1')
    ada.doc.getMap('fields').set('lastName', 'Lovelace')
    await isStored(ada, id, 'lastName')
    const late = await stock('late', id)
    await late.synced()
    expect([field(late, 'lastName'), field(ada, 'lastName'), ada.connections()]).toEqual(['Lovelace', 'Lovelace', 1])
    for (const client of [ada, late]) client.destroy()
    mallory.close()
  },
)

test('SPEC 20: an id seen in presence cannot be written under, not even after its owner went away without having written', async () => {
  const id = 'squatted'
  const ada = await stock('ada', id)
  await ada.synced()
  ada.doc.getMap('fields').set('firstName', 'Ada')
  await isStored(ada, id, 'firstName')
  const bob = await stock('bob', id)
  await bob.synced()
  bob.provider.awareness.setLocalStateField('user', 'bob')
  await until(() => ada.provider.awareness.getStates().has(bob.doc.clientID), 'Bob is seen')
  bob.provider.disconnect()
  await until(() => !ada.provider.awareness.getStates().has(bob.doc.clientID), 'Bob is gone')
  const doc = new Y.Doc()
  doc.clientID = bob.doc.clientID
  doc.getMap('fields').set('title', 'squat')
  const mallory = await stock('mallory', id, doc)
  expect(await mallory.stopped).toBe(4409)
  bob.doc.getMap('fields').set('title', 'Dr')
  bob.provider.connect()
  await until(() => field(ada, 'title') === 'Dr', "Bob's edit arrives")
  for (const client of [ada, bob, mallory]) client.destroy()
})
