/**
 * Every recipe that was seen to hurt a document, sent to the real server while somebody else edits another record. Afterwards the
 * process lives, the record can be read and edited, also after a restart. Prints the longest round trip of the other record for those that
 * took the longest, and the process's memory.
 */
import { rm } from 'node:fs/promises'
import { encodeAwarenessMessage, encodeStep1, encodeUpdate } from '@rapport/shared/protocol/y-websocket.ts'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { WebSocket } from 'ws'
import * as Y from 'yjs'
import { openSigningKey } from '../../server/auth/signing-key.ts'
import { mintToken } from '../../server/auth/tokens.ts'
import { copyFolder, MAIN, testEnvironment } from '../support/data-folder.ts'
import { UPDATE_POISONS } from '../support/poison.ts'
import { PRESENCE_POISONS } from '../support/presence-poison.ts'
import { residentBytes } from '../support/process-cpu.ts'
import { openRaw, type RawSocket } from '../support/raw-socket.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { until } from '../support/stock-client.ts'

/** The whole state of an empty document. */
const NOTHING = Uint8Array.of(0)
const MEBIBYTE = 1024 * 1024

let folder: string
let server: ServerProcess
let token: string
/** Rates are counted for each person. */
let attackersToken: string
let bystandersToken: string
let bystander: Bystander
const written: string[] = []
let made = 0
const roundTrips: { readonly name: string; readonly worst: number }[] = []
let memoryBefore = 0

beforeAll(async () => {
  folder = await copyFolder(inject('preparedFolder'))
  server = await startServer(MAIN, testEnvironment(folder))
  const key = await openSigningKey(folder)
  const mint = (sub: string) => mintToken(key, { audience: 'rapport', tenant: 'demo' as never, sub, roles: ['rep'] }, 3_600)
  token = await mint('ada')
  attackersToken = await mint('mallory')
  bystandersToken = await mint('bob')
  bystander = await standBy()
  memoryBefore = residentBytes(server.pid) ?? 0
})

afterAll(async () => {
  bystander.close()
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

const socketUrl = (id: string, query: string): string => `ws://${server.address}/sync/contact/${id}?token=${query}`

async function rest(method: string, path: string, body?: unknown): Promise<{ readonly status: number; readonly title: unknown }> {
  const response = await fetch(`http://${server.address}/v1/records/contact${path}`, {
    method,
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json', Connection: 'close' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const record = (await response.json()) as { content?: { fields?: { title?: unknown } } }
  return { status: response.status, title: record.content?.fields?.title }
}

interface Bystander {
  /** Milliseconds of the longest round trip since it was last asked. */
  worst(): number
  close(): void
}

/** Edits a record of its own, an edit as soon as the last one is acknowledged or 5 ms after. */
async function standBy(): Promise<Bystander> {
  const document = new Y.Doc()
  const socket = new WebSocket(socketUrl('bystander', `${bystandersToken}&ack=echo`), { perMessageDeflate: false })
  let sent = 0
  let longest = 0
  let closed = false
  document.on('update', (update: Uint8Array) => {
    sent = performance.now()
    socket.send(encodeUpdate(update))
  })
  const edit = (): void => {
    if (!closed) document.getMap('fields').set('title', String(performance.now()))
  }
  socket.on('message', (data: Buffer) => {
    // Message 0 (sync) of kind 2 (update): the echo of what it sent.
    if (data[0] !== 0 || data[1] !== 2 || sent === 0) return
    longest = Math.max(longest, performance.now() - sent)
    sent = 0
    setTimeout(edit, 5)
  })
  await new Promise((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
  })
  edit()
  await until(() => longest > 0, 'the first round trip')
  return {
    worst() {
      const worst = Math.max(longest, sent === 0 ? 0 : performance.now() - sent)
      longest = 0
      return worst
    },
    close() {
      closed = true
      socket.terminate()
    },
  }
}

/** A record that an honest client wrote, and an attacker's socket to it. */
async function target(): Promise<{ readonly id: string; readonly attacker: RawSocket }> {
  made += 1
  const id = `target-${made}`
  expect((await rest('POST', '', { id, content: { fields: { title: 'before' } } })).status).toBe(201)
  written.push(id)
  const attacker = await openRaw(socketUrl(id, attackersToken))
  await attacker.join()
  return { id, attacker }
}

/** Resolves when the server has read all that was sent, or has closed the socket. */
async function heard(attacker: RawSocket): Promise<void> {
  attacker.send(encodeStep1(NOTHING))
  const answered = () => attacker.messages.filter(({ type }) => type === 'step2').length > 1
  await until(() => answered() || attacker.webSocket.readyState === WebSocket.CLOSED, 'an answer or the end', 60_000)
}

async function expectAlive(id: string, title: string): Promise<void> {
  expect((await rest('GET', `/${id}`)).status).toBe(200)
  expect(await rest('PATCH', `/${id}`, { fields: { title } })).toEqual({ status: 200, title })
}

describe('P10: the process lives, and the record can be read and edited, after', () => {
  test.each(UPDATE_POISONS)(
    '$name',
    async ({ name, refusal, frames }) => {
      const messages = frames().map(encodeUpdate)
      const { id, attacker } = await target()
      bystander.worst()
      for (const frame of messages) attacker.send(frame)
      await heard(attacker)
      // The edit waits its turn behind what was sent.
      await expectAlive(id, 'after')
      roundTrips.push({ name, worst: bystander.worst() })
      if (refusal !== undefined) expect(await attacker.closed).toMatchObject({ code: 4422 })
      attacker.close()
    },
    120_000,
  )

  test.each(PRESENCE_POISONS)('presence: $name', async ({ name, payload }) => {
    const message = encodeAwarenessMessage(payload())
    const { id, attacker } = await target()
    bystander.worst()
    attacker.send(message)
    await heard(attacker)
    await expectAlive(id, 'after')
    roundTrips.push({ name: `presence: ${name}`, worst: bystander.worst() })
    attacker.close()
  })

  test('a restart', async () => {
    const longest = roundTrips.sort((one, other) => other.worst - one.worst).slice(0, 8)
    console.log(longest.map(({ name, worst }) => `${worst.toFixed(0)} ms: ${name}`).join('\n'))
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    const memory = residentBytes(server.pid) ?? 0
    console.log(`memory: ${Math.round(memoryBefore / MEBIBYTE)} MiB before, ${Math.round(memory / MEBIBYTE)} MiB after`)
    bystander.close()
    await server.stop()
    server = await startServer(MAIN, testEnvironment(folder))
    expect(written).toHaveLength(UPDATE_POISONS.length + PRESENCE_POISONS.length)
    for (const id of written) await expectAlive(id, 'restarted')
  }, 120_000)
})
