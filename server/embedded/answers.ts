/**
 * Follows the backend's messages of the Postgres protocol (version 3) through pieces of any size: a type byte, then a length
 * that counts itself and what follows. Looks at nothing inside them.
 */

export const READY_FOR_QUERY = 0x5a
export const COPY_IN_RESPONSE = 0x47

const HEADER_BYTES = 5

/** Takes the next piece, and tells the type of the message that ends with it; 0 where it ends inside of one. */
export function followAnswers(): (piece: Uint8Array) => number {
  const header = Buffer.alloc(HEADER_BYTES)
  let read = 0
  /** Bytes of the message at hand that are still to come. */
  let missing = 0

  return (piece) => {
    for (let at = 0; at < piece.length; ) {
      if (missing > 0) {
        const step = Math.min(missing, piece.length - at)
        missing -= step
        at += step
        continue
      }
      if (read === HEADER_BYTES) read = 0
      header[read++] = piece[at++] ?? 0
      if (read === HEADER_BYTES) missing = header.readInt32BE(1) - (HEADER_BYTES - 1)
    }
    return read === HEADER_BYTES && missing === 0 ? header.readUInt8(0) : 0
  }
}
