/** Two people on one device, and what becomes of their edits. Rules are those of shared/protocol/SPEC.md. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as Y from 'yjs'
import { startTestServer, type TestServer } from '../support/server.ts'
import { openStock, type StockClient, until } from '../support/stock-client.ts'

const CLI = fileURLToPath(new URL('../../server/cli.ts', import.meta.url))

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

async function stock(sub: string, id: string, doc: Y.Doc): Promise<StockClient> {
  return openStock(server.address, 'contact', id, { token: await server.token(sub), doc })
}

async function cli(...args: string[]): Promise<unknown> {
  const env = { ...process.env, RAPPORT_DATA_DIR: server.dataDirectory, DATABASE_URL: '' }
  const { stdout } = await promisify(execFile)(process.execPath, [CLI, ...args], { env })
  return JSON.parse(stdout)
}

async function fieldsOf(id: string): Promise<unknown> {
  const answer = await server.get(`/v1/records/contact/${id}`, await server.token('reader'))
  return ((await answer.json()) as { content?: { fields: unknown } }).content?.fields
}

/** Ada has written online once, so the id of her device is hers; then she writes offline, and so does Bob after her, in the same app. */
async function sharedDevice(id: string): Promise<Y.Doc> {
  const device = new Y.Doc()
  const ada = await stock('ada', id, device)
  await ada.synced()
  device.getMap('fields').set('firstName', 'Ada')
  await until(async () => (await fieldsOf(id)) !== undefined, 'the record is there')
  ada.provider.destroy()
  device.getMap('fields').set('lastName', 'Lovelace')
  return device
}

function copyOf(device: Y.Doc): Y.Doc {
  const copy = new Y.Doc()
  Y.applyUpdate(copy, Y.encodeStateAsUpdate(device))
  return copy
}

test("SPEC 21: another person's unsaved edits are set aside, and admitted once their owner has delivered them", async () => {
  const id = 'two-on-one-device'
  const hers = await sharedDevice(id)
  const his = copyOf(hers)
  his.getMap('fields').set('title', 'Dr')
  const bob = await stock('bob', id, his)
  expect(await bob.stopped).toBe(4409)
  expect(bob.connections()).toBe(1)
  expect(await fieldsOf(id)).toEqual({ firstName: 'Ada' })
  expect(await cli('sql', 'select author_sub, record_id from rapport.set_aside')).toEqual([{ author_sub: 'bob', record_id: id }])
  const metrics = await (await server.get('/metrics')).text()
  expect(metrics).toContain('rapport_updates_refused_total{reason="foreign"} 1')
  const ada = await stock('ada', id, hers)
  await until(() => hers.getMap('fields').get('title') === 'Dr', "Bob's edit is admitted")
  expect(await fieldsOf(id)).toEqual({ firstName: 'Ada', lastName: 'Lovelace', title: 'Dr' })
  expect(await cli('sql', 'select count(*)::int as left from rapport.set_aside')).toEqual([{ left: 0 }])
  for (const client of [ada, bob]) client.destroy()
})

test('SPEC 21: after a restore from a backup they are taken as relayed, until it is said to be over', async () => {
  const id = 'after-a-restore'
  const hers = await sharedDevice(id)
  const relayed = copyOf(hers)
  expect(await cli('restored', '--days', '2')).toEqual({ relayedUntil: expect.stringMatching(/^\d{4}-.*Z$/) })
  const bob = await stock('bob', id, relayed)
  await until(async () => JSON.stringify(await fieldsOf(id)).includes('Lovelace'), 'they are taken')
  const ada = await stock('ada', id, hers)
  hers.getMap('fields').set('lastName', 'King')
  await until(() => relayed.getMap('fields').get('lastName') === 'King', 'their owner writes on')
  expect(await cli('restored', '--end')).toEqual({ relayedUntil: null })
  for (const client of [ada, bob]) client.destroy()
})

test.each([
  [['--days', '0'], '--days'],
  [['--days', '2', '--end'], '--end'],
  [['--nonsense'], '--nonsense'],
])('restored refuses %j in one line', async (args, named) => {
  const failure = await cli('restored', ...args).catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/^[^\n]+\n$/) })
  expect((failure as { stderr: string }).stderr).toContain(named)
})
