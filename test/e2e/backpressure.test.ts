/** A reader that does not read, beside a busy writer. The full-size run, with memory measured, is in test/services. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as Y from 'yjs'
import { openRaw } from '../support/raw-socket.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { openStock, until } from '../support/stock-client.ts'

/** Of nearly all that a text may hold. */
const EDITS = 300

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ RAPPORT_RATE_BYTES_PER_S: '0', RAPPORT_SOCKET_BUFFER_BYTES: '100000' })
})
afterAll(() => server.stop())

test('P10: a paused reader holds nobody up, and is in step after it resumes', async () => {
  const token = await server.token('ann')
  const paused = await openRaw(`ws://${server.address}/sync/contact/busy?token=${token}`)
  await paused.join()
  paused.webSocket.pause()
  const writer = openStock(server.address, 'contact', 'busy', { token })
  const reader = openStock(server.address, 'contact', 'busy', { token: await server.token('bob') })
  await Promise.all([writer.synced(), reader.synced()])
  const written = (): string => writer.doc.getText('summary').toString()
  for (let index = 0; index < EDITS; index++) {
    const text = writer.doc.getText('summary')
    writer.doc.transact(() => {
      text.delete(0, text.length)
      text.insert(0, `${index} `.padEnd(95_000, 'x'))
    })
    await until(() => reader.doc.getText('summary').toString() === written(), 'the other reader keeps up')
  }
  expect(await (await server.get('/metrics')).text()).toMatch(/rapport_limit_hits_total\{limit="socket_buffer"} [1-9]/)

  paused.webSocket.resume()
  const replica = new Y.Doc()
  let applied = 0
  await until(() => {
    const updates = paused.messages.filter((message) => message.type === 'update')
    for (; applied < updates.length; applied++) Y.applyUpdate(replica, updates[applied]?.update as Uint8Array)
    return replica.getText('summary').toString() === written()
  }, 'the paused reader is in step')
  expect(applied).toBeLessThan(EDITS)
  expect(replica.store.pendingStructs).toBeNull()
  paused.close()
  writer.destroy()
  reader.destroy()
})
