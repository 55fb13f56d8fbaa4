/**
 * An attacker beside an honest person, at the real server: recipes that hurt documents are sent to a record of their own, while somebody
 * else edits another one. Says how long that person waited, and whether the record can still be read and edited.
 */
import { encodeAwarenessMessage, encodeStep1, encodeUpdate } from '@rapport/shared/protocol/y-websocket.ts'
import { WebSocket } from 'ws'
import * as Y from 'yjs'
import { mintLocalToken } from './local-token.ts'
import type { Poison } from './poison.ts'
import type { PresencePoison } from './presence-poison.ts'
import { openRaw, type RawSocket } from './raw-socket.ts'
import { until } from './stock-client.ts'

export interface Attack {
  /** Milliseconds of the longest round trip of the other record's editor meanwhile. */
  readonly worst: number
  /** Close code of the attacker's socket, if it was closed. */
  readonly code: number | undefined
}

export interface PoisonStage {
  /** Ids of the records that were attacked. */
  readonly attacked: readonly string[]
  update(poison: Poison): Promise<Attack>
  presence(poison: PresencePoison): Promise<Attack>
  /** Throws unless the record can be read, and takes an edit and shows it. */
  requireAlive(id: string, title: string): Promise<void>
  close(): void
}

/** The whole state of an empty document. */
const NOTHING = Uint8Array.of(0)
const HEARD_MS = 60_000
/** Between two edits of the one who stands by. */
const PAUSE_MS = 5
const TENANT = 'demo'
const MOST_TRIES = 8

/** `address` as `HOST:PORT`, of a server on this data folder. Rates are counted for each person, so these are three. */
export async function openPoisonStage(address: string, dataDirectory: string): Promise<PoisonStage> {
  const [token, attackers, bystanders] = await Promise.all(
    ['ada', 'mallory', 'bob'].map((sub) => mintLocalToken(dataDirectory, TENANT, sub)),
  )
  const socketUrl = (id: string, query = ''): string => `ws://${address}/sync/contact/${id}?token=${query}`
  const bystander = await standBy(socketUrl('bystander', `${bystanders}&ack=echo`))
  const attacked: string[] = []

  async function rest(method: string, path: string, body?: unknown) {
    const response = await fetch(`http://${address}/v1/records/contact${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json', Connection: 'close' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const record = (await response.json()) as { content?: { fields?: { title?: unknown } } }
    return { status: response.status, title: record.content?.fields?.title }
  }

  async function requireAlive(id: string, title: string): Promise<void> {
    const read = await rest('GET', `/${id}`)
    if (read.status !== 200) throw new Error(`${id} cannot be read: ${read.status}`)
    let edited = await rest('PATCH', `/${id}`, { fields: { title } })
    // It waits its turn behind what was sent, and on a busy machine for longer than a request may.
    for (let tries = 1; edited.status === 503 && tries < MOST_TRIES; tries += 1) {
      edited = await rest('PATCH', `/${id}`, { fields: { title } })
    }
    if (edited.status !== 200 || edited.title !== title) throw new Error(`${id} cannot be edited: ${edited.status}`)
  }

  async function attack(messages: readonly Uint8Array[], refused: boolean): Promise<Attack> {
    const id = `target-${attacked.length + 1}`
    const { status } = await rest('POST', '', { id, content: { fields: { title: 'before' } } })
    if (status !== 201) throw new Error(`a target could not be made: ${status}`)
    attacked.push(id)
    const attacker = await openRaw(socketUrl(id, attackers))
    await attacker.join()
    bystander.worst()
    for (const message of messages) attacker.send(message)
    await heard(attacker)
    await requireAlive(id, 'after')
    const worst = bystander.worst()
    const isClosed = refused || attacker.webSocket.readyState === WebSocket.CLOSED
    const code = isClosed ? (await attacker.closed).code : undefined
    attacker.close()
    return { worst, code }
  }

  return {
    attacked,
    requireAlive,
    update: ({ frames, refusal }) => attack(frames().map(encodeUpdate), refusal !== undefined),
    presence: ({ payload }) => attack([encodeAwarenessMessage(payload())], false),
    close: bystander.close,
  }
}

/** Resolves when the server has read all that was sent, or has closed the socket. */
async function heard(attacker: RawSocket): Promise<void> {
  attacker.send(encodeStep1(NOTHING))
  const answered = (): boolean => attacker.messages.filter(({ type }) => type === 'step2').length > 1
  await until(() => answered() || attacker.webSocket.readyState === WebSocket.CLOSED, 'an answer or the end', HEARD_MS)
}

interface Bystander {
  /** Milliseconds of the longest round trip since it was last asked. */
  worst(): number
  close(): void
}

/** Edits a record of its own, an edit as soon as the last one is acknowledged and a pause has passed. */
async function standBy(url: string): Promise<Bystander> {
  const document = new Y.Doc()
  const socket = new WebSocket(url, { perMessageDeflate: false })
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
    setTimeout(edit, PAUSE_MS)
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
