/**
 * Messages as WebSocket frames (RFC 6455, 5.2): whole, unmasked, uncompressed. The server frames for itself because `ws` hands
 * every frame to the kernel at once, while a queue of finished frames leaves with one write for all.
 */
import { encodeAwarenessMessage, encodeUpdate } from '@rapport/shared/protocol/y-websocket.ts'
import type { CommittedEntry } from '../document/subscriber.ts'

const FIN = 0x80
const BINARY = 0x2
const PING = 0x9
const PONG = 0xa

export function frameMessage(message: Uint8Array): Buffer {
  return frame(BINARY, message)
}

/** Control frames carry at most 125 bytes. */
export function framePing(): Buffer {
  return frame(PING, new Uint8Array(0))
}

export function framePong(payload: Uint8Array): Buffer {
  return frame(PONG, payload)
}

const framedEntries = new WeakMap<CommittedEntry, Buffer>()

/** The frame that carries a committed entry in this dialect; the same one for every socket. */
export function frameEntry(entry: CommittedEntry): Buffer {
  const known = framedEntries.get(entry)
  if (known !== undefined) return known
  const framed = frameMessage(encodeUpdate(entry.update))
  framedEntries.set(entry, framed)
  return framed
}

const framedPresence = new WeakMap<Uint8Array, Buffer>()

/** The frame that carries a presence payload; the payload that goes to a whole room is framed once. */
export function framePresence(payload: Uint8Array): Buffer {
  const known = framedPresence.get(payload)
  if (known !== undefined) return known
  const framed = frameMessage(encodeAwarenessMessage(payload))
  framedPresence.set(payload, framed)
  return framed
}

function frame(opcode: number, payload: Uint8Array): Buffer {
  const length = payload.length
  const header = length < 126 ? 2 : length < 0x10000 ? 4 : 10
  const framed = Buffer.allocUnsafe(header + length)
  framed[0] = FIN | opcode
  if (header === 2) framed[1] = length
  else if (header === 4) {
    framed[1] = 126
    framed.writeUInt16BE(length, 2)
  } else {
    framed[1] = 127
    framed.writeBigUInt64BE(BigInt(length), 2)
  }
  framed.set(payload, header)
  return framed
}
