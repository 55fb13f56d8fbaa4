/**
 * The y-websocket protocol over a socket, without a document: updates go in and out as bytes. Cheap enough for a thousand in
 * one process, and without a mind of its own: it never reconnects, so a test decides what a lost connection means.
 */
import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import { WebSocket } from 'ws'

const MESSAGE_SYNC = 0
const SYNC_STEP_1 = 0
const SYNC_STEP_2 = 1
const SYNC_UPDATE = 2
/** What an empty replica has to say: its state vector, and the update that brings nothing. */
const EMPTY_STATE_VECTOR = Uint8Array.of(0)
const EMPTY_UPDATE = Uint8Array.of(0, 0)

export interface SyncSocket {
  /** Sends a message that is framed already. */
  send(frame: Uint8Array): void
  /** Ends it without waiting; `lost` is not called any more. */
  close(): void
  /** Resolves when the socket is gone, for whatever reason, and everything it received has been handed on. */
  readonly closed: Promise<void>
}

export interface SyncEvents {
  /** Content from the server: an update, or the answer to our state vector. */
  update(update: Uint8Array): void
  /** The server asks what it lacks; the answer is an update. An empty replica need not implement it. */
  answer?(stateVector: Uint8Array): Uint8Array
  /** The socket ended without having been asked to. */
  lost(reason: string): void
}

/** An update as a y-websocket message. */
export function frameUpdate(update: Uint8Array): Uint8Array {
  return frame(SYNC_UPDATE, update)
}

function frame(step: number, payload: Uint8Array): Uint8Array {
  const encoder = encoding.createEncoder()
  encoding.writeVarUint(encoder, MESSAGE_SYNC)
  encoding.writeVarUint(encoder, step)
  encoding.writeVarUint8Array(encoder, payload)
  return encoding.toUint8Array(encoder)
}

/**
 * Connects, and resolves once the server has answered our state vector (`undefined`: do not exchange state, and resolve when
 * the socket is open, for a relay that keeps none). Rejects if the connection ends before.
 */
export function connectSync(url: string, events: SyncEvents, stateVector?: Uint8Array | 'empty'): Promise<SyncSocket> {
  const socket = new WebSocket(url, { perMessageDeflate: false })
  let closing = false
  let ready = false
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  const client: SyncSocket = {
    closed,
    send: (message) => socket.send(message),
    close() {
      closing = true
      socket.close()
    },
  }
  return new Promise((resolve, reject) => {
    const inStep = (): void => {
      ready = true
      resolve(client)
    }
    socket.on('open', () => {
      if (stateVector === undefined) inStep()
      else socket.send(frame(SYNC_STEP_1, stateVector === 'empty' ? EMPTY_STATE_VECTOR : stateVector))
    })
    socket.on('message', (data: Buffer) => {
      const decoder = decoding.createDecoder(data)
      if (decoding.readVarUint(decoder) !== MESSAGE_SYNC) return
      const step = decoding.readVarUint(decoder)
      const payload = decoding.readVarUint8Array(decoder)
      if (step === SYNC_STEP_1) {
        if (stateVector !== undefined) socket.send(frame(SYNC_STEP_2, events.answer?.(payload) ?? EMPTY_UPDATE))
        return
      }
      events.update(payload)
      if (step === SYNC_STEP_2 && !ready) inStep()
    })
    socket.on('error', reject)
    socket.on('close', (code, reason) => {
      if (!ready) reject(new Error(`closed with ${code} before it was in step`))
      else if (!closing) events.lost(`closed with ${code} ${reason.toString()}`)
    })
  })
}
