/**
 * Follows the backend's messages of the Postgres protocol through pieces of any size, and looks at nothing inside them.
 */
import { HEADER_BYTES } from './messages.ts'

export interface AnswerFollower {
  /** Takes the next piece, and tells the type of the message that ends with it; 0 where it ends inside of one. */
  take(piece: Uint8Array): number
  /** Where in the piece taken last a message ends for the last time; 0 if none does. */
  border(): number
}

export function followAnswers(): AnswerFollower {
  const header = Buffer.alloc(HEADER_BYTES)
  let read = 0
  /** Bytes of the message at hand that are still to come. */
  let missing = 0
  let border = 0

  return {
    take(piece) {
      border = 0
      for (let at = 0; at < piece.length; ) {
        if (missing > 0) {
          const step = Math.min(missing, piece.length - at)
          missing -= step
          at += step
        } else {
          if (read === HEADER_BYTES) read = 0
          header[read++] = piece[at++] ?? 0
          if (read === HEADER_BYTES) missing = header.readInt32BE(1) - (HEADER_BYTES - 1)
        }
        if (read === HEADER_BYTES && missing === 0) border = at
      }
      return border === piece.length ? header.readUInt8(0) : 0
    },
    border: () => border,
  }
}
