/**
 * A cheap y-websocket client: it speaks the protocol and hands updates on as bytes. A thousand of them fit into one driver
 * process, which a thousand resident documents would not leave room for.
 */
import * as decoding from 'lib0/decoding'
import { WebSocket } from 'ws'

const MESSAGE_SYNC = 0
const SYNC_STEP_1 = 0
const SYNC_STEP_2 = 1
const SYNC_UPDATE = 2

/** SyncStep1 with an empty state vector, and SyncStep2 with an empty update. */
const ASK_FOR_ALL = Uint8Array.of(MESSAGE_SYNC, SYNC_STEP_1, 1, 0)
const NOTHING_TO_ADD = Uint8Array.of(MESSAGE_SYNC, SYNC_STEP_2, 2, 0, 0)

export interface Client {
  send(frame: Uint8Array): void
  close(): void
}

export interface ClientEvents {
  /** An update from somebody else, or the answer to the question for everything. */
  update(update: Uint8Array): void
  /** The socket ended without having been asked to. */
  lost(reason: string): void
}

/**
 * Connects. With `handshake` it resolves once the server has answered with its state; a plain relay never would, so there it
 * resolves when the socket is open.
 */
export function connect(url: string, handshake: boolean, events: ClientEvents): Promise<Client> {
  const socket = new WebSocket(url, { perMessageDeflate: false })
  let closing = false
  const client: Client = {
    send: (frame) => socket.send(frame),
    close() {
      closing = true
      socket.close()
    },
  }
  return new Promise((resolve, reject) => {
    socket.on('open', () => {
      if (handshake) socket.send(ASK_FOR_ALL)
      else resolve(client)
    })
    socket.on('message', (data: Buffer) => {
      const decoder = decoding.createDecoder(data)
      if (decoding.readVarUint(decoder) !== MESSAGE_SYNC) return
      const step = decoding.readVarUint(decoder)
      if (step === SYNC_STEP_1) {
        if (handshake) socket.send(NOTHING_TO_ADD)
        return
      }
      events.update(decoding.readVarUint8Array(decoder))
      if (step === SYNC_STEP_2) resolve(client)
      else if (step !== SYNC_UPDATE) throw new Error(`unknown sync message ${step}`)
    })
    socket.on('error', (error) => reject(error))
    socket.on('close', (code, reason) => {
      if (!closing) events.lost(`closed with ${code} ${reason.toString()}`)
      reject(new Error(`closed with ${code} before it was in step`))
    })
  })
}
