/**
 * How the bytes of a file become text. A byte order mark decides; without one each line is UTF-8 where it is valid UTF-8, and
 * else windows-1252, which is what Outlook writes. Decided line by line, one damaged line does not garble all the others.
 */
import { isAscii, isUtf8 } from 'node:buffer'

export type EncodingName = 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252'

const MARKS: readonly { readonly name: EncodingName; readonly bytes: readonly number[] }[] = [
  { name: 'utf-8', bytes: [0xef, 0xbb, 0xbf] },
  { name: 'utf-16le', bytes: [0xff, 0xfe] },
  { name: 'utf-16be', bytes: [0xfe, 0xff] },
]
const LONGEST_MARK = 3
const NOTHING = new Uint8Array()

/** Takes a byte order mark off and turns UTF-16 into UTF-8, so that lines can be cut before anything else is known. */
export class Transcoder {
  #start: Uint8Array | undefined = NOTHING
  #decoder: InstanceType<typeof TextDecoder> | undefined
  /** What the mark says, if there is one. */
  marked: EncodingName | undefined

  push(chunk: Uint8Array): Uint8Array {
    if (this.#start === undefined) return this.#decoded(chunk)
    this.#start = Buffer.concat([this.#start, chunk])
    return this.#start.length < LONGEST_MARK ? NOTHING : this.#begin(this.#start)
  }

  end(): Uint8Array {
    const start = this.#start === undefined ? NOTHING : this.#begin(this.#start)
    const rest = this.#decoder?.decode()
    return rest === undefined ? start : Buffer.concat([start, Buffer.from(rest)])
  }

  #begin(start: Uint8Array): Uint8Array {
    this.#start = undefined
    const mark = MARKS.find(({ bytes }) => bytes.every((byte, place) => start[place] === byte))
    if (mark === undefined) return start
    this.marked = mark.name
    if (mark.name !== 'utf-8') this.#decoder = new TextDecoder(mark.name)
    return this.#decoded(start.subarray(mark.bytes.length))
  }

  #decoded(chunk: Uint8Array): Uint8Array {
    return this.#decoder === undefined ? chunk : Buffer.from(this.#decoder.decode(chunk, { stream: true }))
  }
}

export class LineDecoder {
  readonly #legacy = new TextDecoder('windows-1252')
  /** Lines with more than ASCII in them that were read as UTF-8, and as windows-1252. */
  utf8Lines = 0
  legacyLines = 0

  decode(bytes: Buffer): string {
    if (isAscii(bytes)) return bytes.toString('latin1')
    if (isUtf8(bytes)) {
      this.utf8Lines += 1
      return bytes.toString('utf8')
    }
    this.legacyLines += 1
    return this.#legacy.decode(bytes)
  }

  /** What most lines are in. */
  name(marked: EncodingName | undefined): EncodingName {
    if (marked !== undefined && marked !== 'utf-8') return marked
    return this.legacyLines > this.utf8Lines ? 'windows-1252' : 'utf-8'
  }
}
