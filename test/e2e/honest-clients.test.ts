/**
 * Stock clients whose edits are refused, in every way that an honest one can meet: in step again within two round trips, and without
 * a flood of messages. Rules are those of shared/protocol/SPEC.md.
 */
import { execFile } from 'node:child_process'
import { cp, rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual, promisify } from 'node:util'
import { parseTenant, type Tenant } from '@rapport/shared/ids.ts'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { WebSocket } from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import { openSigningKey, type SigningKey } from '../../server/auth/signing-key.ts'
import { mintToken } from '../../server/auth/tokens.ts'
import { copyFolder, MAIN, testEnvironment } from '../support/data-folder.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { startServer } from '../support/server-process.ts'
import { until } from '../support/stock-client.ts'

const CLI = fileURLToPath(new URL('../../server/cli.ts', import.meta.url))

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const SYNC = 0

interface Counted {
  readonly doc: Y.Doc
  readonly provider: WebsocketProvider
  readonly sent: () => number
  /** Messages of the server, but for presence. */
  readonly heard: () => number
  readonly sockets: () => number
  close(): void
}

/** A stock client that counts its messages from now on. */
async function open(id: string, doc: Y.Doc, address = server.address, token?: string): Promise<Counted> {
  let [sent, heard, sockets] = [0, 0, 0]
  class CountingSocket extends WebSocket {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols)
      sockets += 1
      this.on('message', (data: ArrayBuffer) => {
        if (new Uint8Array(data)[0] === SYNC) heard += 1
      })
    }
    override send(data: Uint8Array): void {
      sent += 1
      super.send(data)
    }
  }
  const provider = new WebsocketProvider(`ws://${address}/sync/contact`, id, doc, {
    params: { token: token ?? (await server.token('ada')) },
    WebSocketPolyfill: CountingSocket as unknown as typeof globalThis.WebSocket,
    disableBc: true,
  })
  return { doc, provider, sent: () => sent, heard: () => heard, sockets: () => sockets, close: () => provider.destroy() }
}

function contentOf(doc: Y.Doc) {
  return {
    meta: doc.getMap('meta').toJSON(),
    fields: doc.getMap('fields').toJSON(),
    tags: doc.getMap('tags').toJSON(),
    summary: doc.getText('summary').toString(),
  }
}

/** Whether both hold the same, down to the state vector: nothing is left to be said between them. */
function inStep(one: Y.Doc, other: Y.Doc): boolean {
  const same = (of: (doc: Y.Doc) => unknown): boolean => isDeepStrictEqual(of(one), of(other))
  return same(contentOf) && same((doc) => Y.decodeStateVector(Y.encodeStateVector(doc)))
}

/** Long enough for a client that answers every message to send hundreds. */
const quiet = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 400))

const REFUSALS: Readonly<Record<string, (doc: Y.Doc) => void>> = {
  'a field that its author may not write': (doc) => doc.getMap('fields').set('creditLimit', '1000000.00'),
  'an unknown key': (doc) => doc.getMap('fields').set('nonsense', 1),
  'an unknown root': (doc) => doc.getMap('elsewhere').set('a', 1),
  'a value that is too long': (doc) => doc.getMap('fields').set('title', 'x'.repeat(100_000)),
  'a value of another kind': (doc) => doc.getMap('fields').set('birthday', 'soon'),
  'a type where none may be': (doc) => doc.getMap('fields').set('department', new Y.Map([['nested', 1]])),
  "the server's own root": (doc) => doc.getMap('meta').set('createdBy', 'somebody else'),
  'many of them at once, among what is permitted': (doc) => {
    for (let round = 0; round < 50; round += 1) {
      doc.getMap('fields').set('creditLimit', `${round}.00`)
      doc.getMap('fields').set('lastName', `L${round}`)
      doc.getMap('fields').set(`nonsense${round}`, round)
    }
  },
}

test.each(Object.entries(REFUSALS))('SPEC 22: after %s a stock client is in step again', async (_what, refused) => {
  const id = `refused-${Object.values(REFUSALS).indexOf(refused)}`
  const [ada, bob] = [await open(id, new Y.Doc()), await open(id, new Y.Doc(), server.address, await server.token('bob'))]
  ada.doc.getMap('fields').set('firstName', 'Ada')
  await until(() => bob.doc.getMap('fields').get('firstName') === 'Ada', 'the record is there')
  await until(() => inStep(ada.doc, bob.doc), 'both are in step')
  const before = { sent: ada.sent(), heard: ada.heard() }
  ada.doc.transact(() => {
    refused(ada.doc)
    ada.doc.getMap('tags').set('vip', true)
  })
  await until(() => bob.doc.getMap('tags').get('vip') === true && inStep(ada.doc, bob.doc), 'both are in step again')
  await quiet()
  // The update out, the entry back.
  expect([ada.sent() - before.sent, ada.heard() - before.heard, ada.sockets()]).toEqual([1, 1, 1])
  expect(bob.doc.getMap('fields').toJSON()).toMatchObject({ firstName: 'Ada' })
  expect(Object.keys(ada.doc.getMap('fields').toJSON()).filter((key) => key.startsWith('nonsense'))).toEqual([])
  for (const client of [ada, bob]) client.close()
})

test('SPEC 22: after a day of offline work of 3 MiB, with refused edits in it, a stock client is in step', async () => {
  const id = 'a-day-offline'
  const ada = await open(id, new Y.Doc())
  ada.doc.getMap('fields').set('firstName', 'Ada')
  await until(() => ada.doc.getMap('meta').size > 0, 'the record is there')
  ada.provider.disconnect()
  for (let edit = 0; edit < 12_000; edit += 1) {
    const kind = edit % 4
    if (kind === 0) ada.doc.getMap('activities').set(`${uuid(edit)}/subject`, `call ${edit} ${'about the order '.repeat(30)}`)
    if (kind === 1) ada.doc.getMap('activities').set(`${uuid(edit - 1)}/body`, `${edit} ${'and what was said '.repeat(30)}`)
    if (kind === 2) ada.doc.getMap('fields').set('title', `T${edit}`)
    if (kind === 3) ada.doc.getMap('fields').set('creditLimit', `${edit}.00`)
  }
  const bytes = Y.encodeStateAsUpdate(ada.doc).length
  expect(bytes).toBeGreaterThan(3 * 1024 * 1024)
  expect(bytes).toBeLessThan(4 * 1024 * 1024)
  const before = { sent: ada.sent(), heard: ada.heard() }
  ada.provider.connect()
  const bob = await open(id, new Y.Doc(), server.address, await server.token('bob'))
  await until(() => bob.doc.getMap('fields').get('title') === 'T11998' && inStep(ada.doc, bob.doc), 'both are in step', 50_000)
  await quiet()
  expect(ada.doc.getMap('fields').toJSON()).toEqual({ firstName: 'Ada', title: 'T11998', creditLimit: null })
  expect(bob.doc.getMap('activities').size).toBe(6_000)
  expect(ada.sent() - before.sent).toBeLessThan(20)
  expect(ada.heard() - before.heard).toBeLessThan(20)
  expect([ada.sockets(), bob.sockets()]).toEqual([2, 1])
  for (const client of [ada, bob]) client.close()
})

test('P1: a re-upload after the server was restored from an older backup brings everything back, in a few messages', async () => {
  const id = 'an-older-backup'
  const folder = await copyFolder(inject('preparedFolder'))
  const backup = `${folder}-backup`
  let running = await startServer(MAIN, testEnvironment(folder))
  const environment = { ...testEnvironment(folder), PORT: running.address.split(':')[1] }
  const key = await openSigningKey(folder)
  const devices: Counted[] = []
  for (const sub of ['ada', 'bob', 'carl']) devices.push(await open(id, new Y.Doc(), running.address, await tokenOf(key, sub)))
  const [ada, bob, carl] = devices as [Counted, Counted, Counted]
  const allInStep = (what: string): Promise<void> =>
    until(
      () => inStep(ada.doc, bob.doc) && inStep(bob.doc, carl.doc) && contentOf(ada.doc).fields[what] !== undefined,
      what,
      30_000,
    )

  ada.doc.getMap('fields').set('firstName', 'Ada')
  bob.doc.getText('summary').insert(0, 'met at the fair')
  await allInStep('firstName')
  await running.stop()
  await cp(folder, backup, { recursive: true })

  running = await startServer(MAIN, environment)
  ada.doc.getMap('fields').set('lastName', 'Lovelace')
  bob.doc.getMap('fields').set('creditLimit', '1.00')
  bob.doc.getMap('fields').set('department', 'Sales')
  carl.doc.getText('summary').insert(0, 'twice: ')
  await until(
    () => contentOf(carl.doc).fields.lastName === 'Lovelace' && contentOf(ada.doc).fields.department === 'Sales',
    'more',
  )
  await allInStep('department')
  const everything = contentOf(ada.doc)
  await running.stop()

  await rm(folder, { recursive: true })
  await cp(backup, folder, { recursive: true })
  await promisify(execFile)(process.execPath, [CLI, 'restored'], { env: { ...process.env, ...environment } })
  const before = devices.map(({ sent, heard }) => [sent(), heard()] as const)
  running = await startServer(MAIN, environment)
  const fresh = await open(id, new Y.Doc(), running.address, await tokenOf(key, 'dora'))
  await until(() => devices.every(({ doc }) => inStep(doc, fresh.doc)) && fresh.doc.getMap('fields').size > 2, 'in step', 30_000)
  await quiet()
  expect(contentOf(fresh.doc)).toEqual(everything)
  for (const [index, device] of devices.entries()) {
    const [sent = 0, heard = 0] = before[index] ?? []
    const counts = [device.sent() - sent, device.heard() - heard]
    expect(
      counts.every((count) => count > 0 && count < 20),
      String(counts),
    ).toBe(true)
  }
  ada.doc.getMap('fields').set('title', 'Countess')
  await until(() => fresh.doc.getMap('fields').get('title') === 'Countess', 'and their owners write on')
  for (const client of [...devices, fresh]) client.close()
  await running.stop()
  for (const place of [folder, backup]) await rm(place, { recursive: true })
})

function tokenOf(key: SigningKey, sub: string): Promise<string> {
  return mintToken(key, { audience: 'rapport', tenant: parseTenant('demo') as Tenant, sub, roles: ['rep'] }, 3_600)
}

/** A UUIDv7 of this number. */
function uuid(number: number): string {
  return `01973000-0000-7000-8000-${number.toString(16).padStart(12, '0')}`
}
