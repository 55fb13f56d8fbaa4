/** 100 MB of edits past a reader that does not read: the server's memory, the other readers, and the reader afterwards. */
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as Y from 'yjs'
import { openPostgres, type TestPostgres } from '../support/postgres.ts'
import { openRaw } from '../support/raw-socket.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { openStock, until } from '../support/stock-client.ts'

const TOTAL_BYTES = 100 * 1024 * 1024
/** Nearly all that a text may hold. */
const EDIT_BYTES = 95_000
const MOST_GROWTH = 50 * 1024 * 1024

let server: TestServer
let postgres: TestPostgres
beforeAll(async () => {
  // A real Postgres: what the embedded database keeps in this process for 100 MB of log is not the reader's.
  postgres = await openPostgres()
  server = await startTestServer({ RAPPORT_RATE_BYTES_PER_S: '0', RAPPORT_RATE_UPDATES_PER_S: '0', DATABASE_URL: postgres.url })
})
afterAll(async () => {
  await server.stop()
  await postgres.close()
})

async function residentBytes(): Promise<number> {
  const status = await readFile(`/proc/${server.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024
}

test('P10: 100 MB past a paused reader grow the server by less than 50 MB, and nobody waits for it', async () => {
  const id = `paused-${Date.now()}`
  const token = await server.token('ann')
  const writer = openStock(server.address, 'contact', id, { token })
  const reader = openStock(server.address, 'contact', id, { token: await server.token('bob') })
  await Promise.all([writer.synced(), reader.synced()])
  const text = writer.doc.getText('summary')
  const edit = async (index: number): Promise<void> => {
    writer.doc.transact(() => {
      text.delete(0, text.length)
      text.insert(0, `${index} `.padEnd(EDIT_BYTES, 'x'))
    })
    await until(() => reader.doc.getText('summary').toString() === text.toString(), 'the other reader has it')
  }
  // Warm: what the process takes for this load with nobody paused is not the paused reader's.
  for (let index = 0; index < 700; index++) await edit(index)

  const paused = await openRaw(`ws://${server.address}/sync/contact/${id}?token=${token}`)
  const replica = new Y.Doc()
  Y.applyUpdate(replica, await paused.join())
  paused.webSocket.pause()
  const before = await residentBytes()
  let most = before
  for (let index = 0; index < TOTAL_BYTES / EDIT_BYTES; index++) {
    await edit(index)
    if (index % 20 === 0) most = Math.max(most, await residentBytes())
  }
  console.log(`resident before ${before >> 20} MiB, at most ${most >> 20} MiB`)
  expect(most - before).toBeLessThan(MOST_GROWTH)

  paused.webSocket.resume()
  let applied = 0
  await until(() => {
    const updates = paused.messages.filter((message) => message.type === 'update')
    for (; applied < updates.length; applied++) Y.applyUpdate(replica, updates[applied]?.update as Uint8Array)
    return replica.getText('summary').toString() === text.toString()
  }, 'the paused reader is in step')
  expect(replica.store.pendingStructs).toBeNull()
  for (const client of [writer, reader]) client.destroy()
  paused.close()
})
