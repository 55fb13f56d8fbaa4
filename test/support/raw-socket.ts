/** A client that sends what a test tells it to, and remembers every message and how it was closed. */
import { decodeMessage, encodeStep1, type Message } from '@rapport/shared/protocol/y-websocket.ts'
import { WebSocket } from 'ws'
import { until } from './stock-client.ts'

/** The state vector of an empty document. */
const NOTHING = Uint8Array.of(0)

export interface RawSocket {
  readonly webSocket: WebSocket
  /** Everything heard, oldest first. */
  readonly messages: Message[]
  send(bytes: Uint8Array | string): void
  /** Asks for everything, as a client with an empty document does, and returns it: from then on it hears of changes. */
  join(): Promise<Uint8Array>
  /** The next message of this type that was not returned before. */
  next<T extends Message['type']>(type: T): Promise<Extract<Message, { type: T }>>
  readonly closed: Promise<{ code: number; reason: string }>
  close(): void
}

export interface Refusal {
  readonly status: number
  readonly body: string
}

/** Rejects with a `Refusal` if the upgrade was answered in HTTP. */
export function openRaw(url: string, protocols: string[] = []): Promise<RawSocket> {
  const webSocket = new WebSocket(url, protocols, { perMessageDeflate: false })
  const messages: Message[] = []
  const returned = new Set<Message>()
  webSocket.on('message', (data: Buffer) => messages.push(decodeMessage(new Uint8Array(data))))
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    webSocket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }))
  })
  const socket: RawSocket = {
    webSocket,
    messages,
    closed,
    send: (bytes) => webSocket.send(bytes),
    async join() {
      await socket.next('step1')
      webSocket.send(encodeStep1(NOTHING))
      return (await socket.next('step2')).update
    },
    async next(type) {
      const find = () => messages.find((message) => message.type === type && !returned.has(message))
      await until(() => find() !== undefined, `a message of type ${type}`)
      const found = find() as Extract<Message, { type: typeof type }>
      returned.add(found)
      return found
    },
    close: () => webSocket.terminate(),
  }
  return new Promise((resolve, reject) => {
    webSocket.on('open', () => resolve(socket))
    webSocket.on('error', reject)
    webSocket.on('unexpected-response', (_request, response) => {
      let body = ''
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString()
      })
      response.on('end', () => reject({ status: response.statusCode, body } as Refusal))
    })
  })
}
