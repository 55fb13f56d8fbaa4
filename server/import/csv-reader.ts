/**
 * Lines into rows of a CSV file. A line at which the quotes do not add up is joined with those that follow, and the whole is
 * parsed by the library; so a broken row is known by its first line, and nothing behind it is lost:
 *
 * - Of rows that cannot be read, only the first line is given up; reading goes on with the next line, not behind the row. A
 *   quote that was opened and never closed therefore costs its own line, whatever it seemed to swallow.
 * - A row that goes on for more than `MAX_ROW_CHARACTERS` counts as such a quote, and so does one of whose inner lines one would
 *   be a whole row by itself.
 *
 * Line numbers are counted here, because the library counts CRLF inside quotes twice.
 */
import { SyncError } from '@rapport/shared/errors.ts'
import { parse } from 'csv-parse/sync'
import type { Line } from './lines.ts'
import type { BrokenLine } from './source.ts'

export interface Row {
  readonly type: 'row'
  readonly line: number
  readonly values: readonly string[]
}

interface TextLine {
  readonly number: number
  readonly text: string
}

/** More than a summary can hold. */
const MAX_ROW_CHARACTERS = 128 * 1024
/** A row needs so many columns before a line inside a value can be told from it. */
const TELLING_COLUMNS = 4
const DELIMITERS = [',', ';', '\t'] as const
/** What Excel puts before the header to say what separates columns. */
const SEPARATOR_LINE = /^sep=(.)\s*$/i

const TOO_LONG = 'the line is longer than any that can be read'
const OPEN_QUOTE = 'a quote is opened and not closed, or stands inside a value without being doubled'

export class CsvReader {
  readonly #decode: (bytes: Buffer) => string
  /** Lines that are not given out yet; the first `#joined` of them were looked at. */
  #lines: TextLine[] = []
  #joined = 0
  #characters = 0
  #quotes = 0
  #delimiter: string | undefined
  #columns = 0
  /** Up to this line goes a row that is whole and yet of the wrong width; what of its lines is no row either waits to be told. */
  #doubtful = 0
  #waiting: BrokenLine[] = []
  /** Once the header was read; its texts as they are. */
  header: readonly string[] | undefined

  /** `decode` is called once for each line, in order. */
  constructor(decode: (bytes: Buffer) => string) {
    this.#decode = decode
  }

  /** Throws a `SyncError` if the header cannot be read. */
  push(line: Line): (Row | BrokenLine)[] {
    if (line.cut) {
      const before = this.#drain(true)
      return [...before, { type: 'broken', line: line.number, reason: TOO_LONG }]
    }
    this.#lines.push({ number: line.number, text: this.#decode(line.bytes) })
    return this.#drain(false)
  }

  end(): (Row | BrokenLine)[] {
    return this.#drain(true)
  }

  /** `ended`: no line follows that could close a quote. */
  #drain(ended: boolean): (Row | BrokenLine)[] {
    const out: (Row | BrokenLine)[] = []
    for (let [first] = this.#lines; first !== undefined; [first] = this.#lines) {
      const whole = this.#join()
      const hopeless = ended || this.#characters > MAX_ROW_CHARACTERS
      if (!whole && !hopeless) break
      this.#take(first, whole, out)
      this.#joined = 0
      this.#characters = 0
      this.#quotes = 0
    }
    return out
  }

  /** Looks at further lines until the quotes add up; false if they never do. */
  #join(): boolean {
    while (this.#joined < this.#lines.length && (this.#joined === 0 || this.#quotes % 2 === 1)) {
      const text = this.#lines[this.#joined]?.text ?? ''
      this.#quotes += text.split('"').length - 1
      this.#characters += text.length + 1
      this.#joined += 1
      if (this.#characters > MAX_ROW_CHARACTERS) break
    }
    return this.#quotes % 2 === 0
  }

  #take(first: TextLine, whole: boolean, out: (Row | BrokenLine)[]): void {
    if (first.number > this.#doubtful) this.#waiting = []
    const joined = this.#lines.slice(0, this.#joined)
    const last = joined.at(-1) ?? first
    const text = joined.map((line) => line.text).join('\n')
    if (joined.length === 1 && text.trim() === '') {
      this.#lines.shift()
      return
    }
    if (this.header === undefined) this.#readHeader(text, whole)
    else {
      const values = whole ? this.#parse(text) : undefined
      if (values === undefined || this.#swallowed(joined)) return this.#giveUp(first.number, OPEN_QUOTE, first.number, out)
      if (values.length !== this.#columns) {
        const place = joined.length === 1 ? 'it' : `the row that goes on to line ${last.number}`
        const reason = `${place} has ${values.length} columns where the header has ${this.#columns}`
        return this.#giveUp(first.number, reason, last.number, out)
      }
      // Something was saved from the doubtful lines, so what could not be is no part of a longer row.
      out.push(...this.#waiting.splice(0), { type: 'row', line: first.number, values })
      this.#doubtful = 0
    }
    this.#lines.splice(0, joined.length)
  }

  /** `last`: up to where what is given up is explained by this. */
  #giveUp(line: number, reason: string, last: number, out: (Row | BrokenLine)[]): void {
    const broken: BrokenLine = { type: 'broken', line, reason }
    if (line <= this.#doubtful) this.#waiting.push(broken)
    else {
      out.push(broken)
      this.#doubtful = last
    }
    this.#lines.shift()
  }

  /** Whether one of the inner lines would be a row by itself, and not an empty one. With quotes in it the whole could not be read. */
  #swallowed(joined: readonly TextLine[]): boolean {
    if (this.#columns < TELLING_COLUMNS) return false
    return joined.slice(1, -1).some(({ text }) => {
      const values = text.includes('"') ? [] : text.split(this.#delimiter ?? ',')
      return values.length === this.#columns && values.filter((value) => value.trim() !== '').length > 1
    })
  }

  #readHeader(text: string, whole: boolean): void {
    const [, separator] = SEPARATOR_LINE.exec(text) ?? []
    if (separator !== undefined && this.#delimiter === undefined) {
      this.#delimiter = separator
      return
    }
    const [best] = (this.#delimiter === undefined ? DELIMITERS : [this.#delimiter])
      .map((delimiter) => ({ delimiter, names: whole ? this.#parse(text, delimiter) : undefined }))
      .sort((one, other) => (other.names?.length ?? 0) - (one.names?.length ?? 0))
    if (best?.names === undefined)
      throw new SyncError('invalid', 'The first line of the file cannot be read as the header of a table.')
    this.#delimiter = best.delimiter
    this.#columns = best.names.length
    this.header = best.names
  }

  /** `undefined` if this is not one row. */
  #parse(text: string, delimiter = this.#delimiter ?? ','): readonly string[] | undefined {
    try {
      const rows = parse(text, { delimiter, record_delimiter: '\n', relax_column_count: true })
      return rows.length === 1 ? rows[0] : undefined
    } catch (error) {
      if ((error as { readonly code?: unknown }).code === undefined) throw error
      return undefined
    }
  }
}
