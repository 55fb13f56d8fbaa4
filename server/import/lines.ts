/**
 * Bytes into numbered lines, in whatever pieces the bytes come. Lines end with LF, with CRLF, or (files of old Macs) with CR.
 * One line is held at a time, and of a line only so much as a field could keep, so a file without any line end costs no memory.
 */

export interface Line {
  /** The first line is 1. */
  readonly number: number
  /** Without its end. */
  readonly bytes: Buffer
  /** It was longer than `MAX_LINE_BYTES`; the rest of it is not here. */
  readonly cut: boolean
}

/** More than any field holds, and more than a picture in a card takes. */
export const MAX_LINE_BYTES = 16 * 1024 * 1024
/** A file in which no LF comes this early has none. */
const STYLE_BYTES = 64 * 1024

const LF = 10
const CR = 13

export class LineSplitter {
  #end: typeof LF | typeof CR | undefined
  #number = 0
  /** Of the line that has not ended yet; `#held` bytes together. */
  #pieces: Buffer[] = []
  #held = 0
  #cut = false

  push(chunk: Uint8Array): Line[] {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    if (this.#end !== undefined) return this.#split(bytes)
    const start = Buffer.concat([...this.#pieces, bytes])
    this.#pieces = []
    const early = start.subarray(0, STYLE_BYTES)
    if (early.includes(LF)) this.#end = LF
    else if (start.length >= STYLE_BYTES) this.#end = early.includes(CR) ? CR : LF
    if (this.#end !== undefined) return this.#split(start)
    this.#pieces = [start]
    return []
  }

  /** What is left: the last line, where the file does not end with a line end. */
  end(): Line[] {
    const lines: Line[] = []
    if (this.#end === undefined) {
      const start = Buffer.concat(this.#pieces)
      this.#pieces = []
      this.#end = start.includes(CR) ? CR : LF
      lines.push(...this.#split(start))
    }
    if (this.#held > 0) lines.push(this.#finish())
    return lines
  }

  #split(bytes: Buffer): Line[] {
    const end = this.#end ?? LF
    const lines: Line[] = []
    let start = 0
    for (let at = bytes.indexOf(end); at >= 0; at = bytes.indexOf(end, start)) {
      this.#hold(bytes.subarray(start, at))
      lines.push(this.#finish())
      start = at + 1
    }
    this.#hold(bytes.subarray(start))
    return lines
  }

  #hold(piece: Buffer): void {
    const room = MAX_LINE_BYTES - this.#held
    if (piece.length > room) this.#cut = true
    const kept = piece.subarray(0, room)
    if (kept.length === 0) return
    // A copy, so that a short rest does not keep the whole chunk in memory.
    this.#pieces.push(Buffer.from(kept))
    this.#held += kept.length
  }

  #finish(): Line {
    const [only] = this.#pieces
    let bytes = this.#pieces.length === 1 && only !== undefined ? only : Buffer.concat(this.#pieces)
    if (this.#end === LF) while (bytes.at(-1) === CR) bytes = bytes.subarray(0, -1)
    this.#number += 1
    const line = { number: this.#number, bytes, cut: this.#cut }
    this.#pieces = []
    this.#held = 0
    this.#cut = false
    return line
  }
}
