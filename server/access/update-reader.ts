/**
 * A bounds-checked cursor over lib0's encoding (version 1), for bytes nobody has vouched for. It allocates nothing but the
 * strings that are asked for, never reads past the end, and turns every defect into one error.
 */
import { isUtf8 } from 'node:buffer'

/** The bytes are no Yjs update, or one that no Yjs encoder writes. The message names the defect, never content. */
export class MalformedUpdate extends Error {
  override readonly name = 'MalformedUpdate'
}

/** As lib0 reads strings: a byte order mark is content. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

export class UpdateReader {
  readonly #bytes: Uint8Array
  #position: number

  constructor(bytes: Uint8Array, position = 0) {
    this.#bytes = bytes
    this.#position = position
  }

  get position(): number {
    return this.#position
  }

  /** The bytes from a position up to here, a character each. */
  latin1(from: number): string {
    return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + from, this.#position - from).toString('latin1')
  }

  get remaining(): number {
    return this.#bytes.length - this.#position
  }

  byte(): number {
    const value = this.#bytes[this.#position]
    if (value === undefined) throw new MalformedUpdate('truncated')
    this.#position += 1
    return value
  }

  /** An unsigned integer of seven bits a byte, low ones first; at most 2^53 - 1. */
  varUint(): number {
    let value = 0
    let scale = 1
    for (;;) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      if (value > Number.MAX_SAFE_INTEGER) throw new MalformedUpdate('integer too large')
      if (byte < 0x80) return value
      scale *= 128
    }
  }

  /** A count of things that take at least `least` bytes each, so that a few bytes cannot promise millions. */
  count(least: number): number {
    const value = this.varUint()
    if (value * least > this.remaining) throw new MalformedUpdate('count exceeds the bytes there are')
    return value
  }

  skip(length: number): void {
    if (length > this.remaining) throw new MalformedUpdate('truncated')
    this.#position += length
  }

  /** Bytes behind their length, as a view. */
  varBytes(): Uint8Array {
    const length = this.varUint()
    const start = this.#position
    this.skip(length)
    return this.#bytes.subarray(start, start + length)
  }

  string(): string {
    return decoder.decode(this.#utf8())
  }

  /** Passes over a string and returns its length in UTF-16 units, the unit of Yjs's clocks. */
  stringLength(): number {
    const bytes = this.#utf8()
    let units = 0
    for (const byte of bytes) {
      if ((byte & 0xc0) !== 0x80) units += byte >= 0xf0 ? 2 : 1
    }
    return units
  }

  /** Passes over a string of at most `most` bytes. */
  passName(most: number): void {
    if (this.#utf8().length > most) throw new MalformedUpdate('name too long')
  }

  /** A string of at most `most` bytes. */
  name(most: number): string {
    const bytes = this.#utf8()
    if (bytes.length > most) throw new MalformedUpdate('name too long')
    return decoder.decode(bytes)
  }

  /** Passes over one value of lib0's `any` encoding, at most `depth` levels deep. */
  any(depth: number): void {
    const type = this.byte()
    switch (type) {
      case 127: // undefined
      case 126: // null
      case 121: // false
      case 120: // true
        return
      case 125: // signed integer: sign and six bits, then seven bits a byte
        if (this.byte() >= 0x80 && this.varUint() > Number.MAX_SAFE_INTEGER / 64) throw new MalformedUpdate('integer too large')
        return
      case 124: // 32-bit float
        return this.skip(4)
      case 123: // 64-bit float
      case 122: // 64-bit integer
        return this.skip(8)
      case 119:
        this.stringLength()
        return
      case 118: {
        if (depth === 0) throw new MalformedUpdate('value nested too deep')
        for (let left = this.count(2); left > 0; left -= 1) {
          this.stringLength()
          this.any(depth - 1)
        }
        return
      }
      case 117: {
        if (depth === 0) throw new MalformedUpdate('value nested too deep')
        for (let left = this.count(1); left > 0; left -= 1) this.any(depth - 1)
        return
      }
      case 116:
        this.varBytes()
        return
      default:
        throw new MalformedUpdate('unknown value type')
    }
  }

  #utf8(): Uint8Array {
    const bytes = this.varBytes()
    if (!isUtf8(bytes)) throw new MalformedUpdate('string is not UTF-8')
    return bytes
  }
}
