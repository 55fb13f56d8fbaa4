/**
 * Input that can still grow while it is being read. PGlite takes what it is to read as one array of bytes and ends for good if
 * it wants more than is there, but it looks at the array's length each time; so the array is one that follows a resizable
 * buffer. The buffer is kept: making one costs a system call, 11 µs.
 */

const FIRST_BYTES = 64 * 1024
/** Kept free behind every input. */
const ROOM_BYTES = 1024

export interface GrowingInput {
  /** The array for a new input, which the one before must no longer be needed for. */
  begin(input: Uint8Array): Uint8Array
  /** Adds to the input that was begun last, `ROOM_BYTES` at most in all. */
  add(more: Uint8Array): void
}

export function createGrowingInput(): GrowingInput {
  let buffer = new ArrayBuffer(0, { maxByteLength: FIRST_BYTES })
  let bytes = new Uint8Array(buffer)
  return {
    begin(input) {
      const wanted = input.length + ROOM_BYTES
      if (wanted > buffer.maxByteLength) {
        buffer = new ArrayBuffer(0, { maxByteLength: Math.max(wanted, 2 * buffer.maxByteLength) })
        bytes = new Uint8Array(buffer)
      }
      buffer.resize(input.length)
      bytes.set(input)
      return bytes
    },
    add(more) {
      const end = buffer.byteLength
      buffer.resize(end + more.length)
      bytes.set(more, end)
    },
  }
}
