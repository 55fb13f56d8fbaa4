/** A client of the Postgres protocol (version 3) that sends what a test tells it to, and remembers every answer. */
import { once } from 'node:events'
import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { until } from './stock-client.ts'

export interface RawPostgres {
  readonly socket: Socket
  send(...messages: readonly Buffer[]): void
  /** What was answered since the last call, up to and with the next ReadyForQuery: each message's type and printable text. */
  ready(): Promise<readonly string[]>
  /** Resolves when the connection is closed, with what was answered since the last call. */
  readonly closed: Promise<readonly string[]>
}

/** Type byte, length, body. */
export function frontend(type: string, body = ''): Buffer {
  const bytes = Buffer.from(`${type}    ${body}`, 'latin1')
  bytes.writeInt32BE(bytes.length - 1, 1)
  return bytes
}

export const simpleQuery = (sql: string): Buffer => frontend('Q', `${sql}\0`)
export const SYNC = frontend('S')
export const FLUSH = frontend('H')
export const parse = (name: string, sql: string): Buffer => frontend('P', `${name}\0${sql}\0\0\0`)
/** Of a statement without parameters, and runs it. */
export const bindAndExecute = (name: string): Buffer =>
  Buffer.concat([frontend('B', `\0${name}\0\0\0\0\0\0\0`), frontend('E', '\0\0\0\0\0')])

export function startupPacket(parameters: Readonly<Record<string, string>> = {}): Buffer {
  const given = { user: 'postgres', database: 'postgres', ...parameters }
  const text = Object.entries(given).map(([name, value]) => `${name}\0${value}\0`)
  const bytes = Buffer.from(`        ${text.join('')}\0`, 'latin1')
  bytes.writeInt32BE(bytes.length, 0)
  bytes.writeInt32BE(3 << 16, 4)
  return bytes
}

/** Connects, and sends nothing yet. */
export async function connectRaw(where: NetConnectOpts): Promise<RawPostgres> {
  const socket = connect(where)
  let pieces: Buffer[] = []
  socket.on('data', (piece: Buffer) => pieces.push(piece))
  socket.on('error', () => undefined)
  await once(socket, 'connect')

  /** Takes whole messages away, to the first ReadyForQuery if `one`. */
  function taken(one: boolean): string[] {
    let bytes = Buffer.concat(pieces)
    const messages: string[] = []
    while (bytes.length >= 5 && bytes.length > bytes.readInt32BE(1)) {
      const end = bytes.readInt32BE(1) + 1
      const type = bytes.toString('latin1', 0, 1)
      messages.push(`${type} ${bytes.toString('latin1', 5, end).replaceAll(/[^\x20-\x7e]+/g, ' ')}`.trim())
      bytes = bytes.subarray(end)
      if (one && type === 'Z') break
    }
    pieces = [bytes]
    return messages
  }

  return {
    socket,
    send: (...messages) => void socket.write(Buffer.concat(messages)),
    async ready() {
      const heard: string[] = []
      await until(() => {
        heard.push(...taken(true))
        return heard.at(-1)?.startsWith('Z') === true
      }, 'ReadyForQuery')
      return heard
    },
    closed: new Promise((resolve) => socket.on('close', () => resolve(taken(false)))),
  }
}

/** Connects and starts; resolves once it is ready for queries. */
export async function openRawPostgres(
  where: NetConnectOpts,
  parameters?: Readonly<Record<string, string>>,
): Promise<RawPostgres> {
  const client = await connectRaw(where)
  client.send(startupPacket(parameters))
  await client.ready()
  return client
}
