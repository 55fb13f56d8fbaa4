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

/** The process's memory breathes by tens of MB: what it takes at most is compared. */
async function mostResident(edits: number, edit: (index: number) => Promise<void>): Promise<number> {
  let most = 0
  for (let index = 0; index < edits; index++) {
    await edit(index)
    if (index % 20 === 0) most = Math.max(most, await residentBytes())
  }
  return most
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
  // What the process takes for this very load with nobody paused is not the paused reader's.
  const edits = Math.ceil(TOTAL_BYTES / EDIT_BYTES)
  const before = await mostResident(edits, edit)

  const paused = await openRaw(`ws://${server.address}/sync/contact/${id}?token=${token}`)
  const replica = new Y.Doc()
  Y.applyUpdate(replica, await paused.join())
  paused.webSocket.pause()
  const most = await mostResident(edits, edit)
  console.log(`resident at most ${before >> 20} MiB without a paused reader, ${most >> 20} MiB with one`)
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
