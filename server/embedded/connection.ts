/**
 * One socket connection to the embedded database: cuts its bytes into messages of the Postgres protocol (version 3) and hands
 * them on in groups that end with the first message the server answers, so that the session is never taken for half a request
 * and a group holds no more than one.
 */
import type { Socket } from 'node:net'
import type { Place } from './turnstile.ts'

/** The first four bytes behind the length of a message without type byte. */
const SSL_REQUEST = 80877103
const GSS_REQUEST = 80877104
/** Major version of the protocol, in the upper half of that number. */
const PROTOCOL = 3
const MAX_STARTUP_BYTES = 10_000

const SYNC = 0x53
const QUERY = 0x51
const FUNCTION_CALL = 0x46
const FLUSH = 0x48
const TERMINATE = 0x58

export function serveConnection(socket: Socket, place: Place): void {
  let pending: Buffer[] = []
  let size = 0
  let wanted = 0
  let started = false

  socket.on('data', (bytes) => {
    pending.push(bytes)
    size += bytes.length
    // Joined only when enough is there for the message at hand: a large one arrives in many pieces.
    if (size >= wanted) take(Buffer.concat(pending, size))
  })
  socket.on('error', () => socket.destroy())
  socket.on('close', () => place.leave())

  function take(bytes: Buffer): void {
    const rest = started ? messages(bytes) : startup(bytes)
    pending = rest.length > 0 ? [rest] : []
    size = rest.length
  }

  function startup(bytes: Buffer): Buffer {
    wanted = 8
    if (bytes.length < 8) return bytes
    const length = bytes.readInt32BE(0)
    const kind = bytes.readInt32BE(4)
    const known = kind === SSL_REQUEST || kind === GSS_REQUEST || kind >>> 16 === PROTOCOL
    // A cancel request comes here too: there is no second process that could act on it.
    if (!known || length < 8 || length > MAX_STARTUP_BYTES) {
      socket.destroy()
      return Buffer.alloc(0)
    }
    wanted = length
    if (bytes.length < length) return bytes
    if (kind === SSL_REQUEST || kind === GSS_REQUEST) {
      socket.write('N')
      return startup(bytes.subarray(length))
    }
    started = true
    place.submit(bytes.subarray(0, length), true, answer)
    return messages(bytes.subarray(length))
  }

  function messages(bytes: Buffer): Buffer {
    let end = 0
    let submitted = 0
    wanted = 5
    while (bytes.length - end >= 5) {
      const type = bytes[end]
      const length = bytes.readInt32BE(end + 1)
      if (length < 4) {
        socket.destroy()
        return Buffer.alloc(0)
      }
      if (bytes.length - end < length + 1) {
        wanted = end - submitted + length + 1
        break
      }
      if (type === TERMINATE) break
      end += length + 1
      const settles = type === SYNC || type === QUERY || type === FUNCTION_CALL
      if (!settles && type !== FLUSH) continue
      place.submit(bytes.subarray(submitted, end), settles, answer)
      submitted = end
    }
    wanted = Math.max(wanted, bytes.length - submitted + 1)
    return bytes.subarray(submitted)
  }

  function answer(bytes: Uint8Array): void {
    // The backend reuses its memory for the next answer.
    if (socket.writable) socket.write(Buffer.from(bytes))
  }
}
