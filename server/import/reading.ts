/**
 * A file as items, read in pieces from its start to its end: bytes, lines, rows or cards, and each of those as an item. Nothing of
 * it is kept, so a file may be read as often as one likes and be as large as it likes.
 */
import { open } from 'node:fs/promises'
import { SyncError } from '@rapport/shared/errors.ts'
import { Columns, type Format, headerKey } from './columns.ts'
import { CsvReader } from './csv-reader.ts'
import { LineDecoder, Transcoder } from './encoding.ts'
import { type FormatName, namedFormat, recognised, startsCard } from './formats.ts'
import { type Line, LineSplitter } from './lines.ts'
import type { MappingFile } from './mapping-file.ts'
import type { Item, Reader } from './source.ts'
import { recordOf } from './vcard-properties.ts'
import { VcardReader } from './vcard-reader.ts'

const CHUNK_BYTES = 64 * 1024

export interface Choice {
  readonly format?: FormatName | undefined
  readonly mapping?: MappingFile | undefined
}

/** One pass over the bytes of a file, whatever pieces they come in. */
export class FileReading {
  readonly #choice: Choice
  readonly #transcoder = new Transcoder()
  readonly #splitter = new LineSplitter()
  readonly #decoder = new LineDecoder()
  #reader: Reader | undefined
  /** Known once the first line was read. */
  format: string | undefined
  /** Binary properties of cards that were left out. */
  dropped: () => number = () => 0

  constructor(choice: Choice) {
    this.#choice = choice
  }

  /** Throws a `SyncError` for a file that is none of those that can be read. */
  push(chunk: Uint8Array): Item[] {
    return this.#items(this.#splitter.push(this.#transcoder.push(chunk)))
  }

  end(): Item[] {
    const lines = [...this.#splitter.push(this.#transcoder.end()), ...this.#splitter.end()]
    const items = [...this.#items(lines), ...(this.#reader?.end() ?? [])]
    if (this.#reader === undefined) throw new SyncError('invalid', 'The file is empty.')
    return items
  }

  encoding(): { readonly name: string; readonly utf8Lines: number; readonly legacyLines: number } {
    const { utf8Lines, legacyLines } = this.#decoder
    return { name: this.#decoder.name(this.#transcoder.marked), utf8Lines, legacyLines }
  }

  #items(lines: readonly Line[]): Item[] {
    const items: Item[] = []
    for (const line of lines) {
      this.#reader ??= this.#choose(line)
      if (this.#reader !== undefined) items.push(...this.#reader.push(line))
    }
    return items
  }

  /** By the first line that says anything. */
  #choose(line: Line): Reader | undefined {
    const text = line.bytes.toString('latin1')
    if (text.trim() === '') return undefined
    const decode = (bytes: Buffer): string => this.#decoder.decode(bytes)
    const { format, mapping } = this.#choice
    if (startsCard(text)) {
      if (mapping !== undefined || (format !== undefined && format !== 'vcard')) {
        throw new SyncError('invalid', 'The file holds vCards, which need neither a mapping file nor another format.')
      }
      this.format = 'vcard'
      const cards = new VcardReader(decode)
      this.dropped = () => cards.dropped
      const items = (read: ReturnType<VcardReader['push']>): Item[] =>
        read.map((item) => (item.type === 'card' ? recordOf(item) : item))
      return { push: (next) => items(cards.push(next)), end: () => items(cards.end()) }
    }
    if (format === 'vcard') throw new SyncError('invalid', 'The file does not begin with BEGIN:VCARD.')
    return this.#table(new CsvReader(decode))
  }

  #table(rows: CsvReader): Reader {
    let table: { readonly columns: Columns; readonly format: Format } | undefined
    const items = (read: ReturnType<CsvReader['push']>): Item[] => {
      if (table === undefined && rows.header !== undefined) {
        const format = this.#formatOf(rows.header)
        this.format = format.name
        table = { columns: new Columns(rows.header, format), format }
      }
      return read.flatMap((row): Item[] => {
        if (row.type === 'broken' || table === undefined) return row.type === 'broken' ? [row] : []
        const { columns, format } = table
        const { recordType, source = format.name } = format
        const { line, values } = row
        const [facts, assignments] = [columns.facts(values), columns.assignments(values)]
        return [{ type: 'record', line, recordType, source, facts, assignments }]
      })
    }
    return {
      push: (line) => items(rows.push(line)),
      end: () => {
        const rest = items(rows.end())
        if (rows.header === undefined) throw new SyncError('invalid', 'The file holds no header.')
        return rest
      },
    }
  }

  #formatOf(header: readonly string[]): Format {
    const { format, mapping } = this.#choice
    if (mapping !== undefined) return checked(mapping, header)
    if (format === 'csv') throw new SyncError('invalid', 'The format csv needs a mapping file, given with --mapping.')
    const found = format === undefined || format === 'vcard' ? recognised(header) : namedFormat(format, header)
    if (found !== undefined) return found
    throw new SyncError(
      'invalid',
      'The columns of the file are not those of a Google Contacts, Outlook or HubSpot export: say where they go with --mapping.',
    )
  }
}

function checked({ format, columns }: MappingFile, header: readonly string[]): Format {
  const keys = new Set(header.map(headerKey))
  const missing = columns.find((column) => !keys.has(headerKey(column)))
  if (missing === undefined) return format
  throw new SyncError('invalid', `The mapping file names a column “${missing}”, which the file does not have.`)
}

/** Reads as much of a file as it takes to tell that it can be read at all; throws a `SyncError` if not. */
export async function checkFormat(path: string, choice: Choice): Promise<void> {
  const file = await open(path)
  try {
    const reading = new FileReading(choice)
    for await (const chunk of file.createReadStream({ highWaterMark: CHUNK_BYTES, autoClose: false })) {
      reading.push(chunk as Buffer)
      if (reading.format !== undefined) return
    }
    reading.end()
  } finally {
    await file.close()
  }
}

/** Reads a file from its start; `onItems` is awaited before more is read. */
export async function readFile(
  path: string,
  reading: FileReading,
  onItems: (items: readonly Item[], bytesRead: number) => void | Promise<void>,
): Promise<void> {
  const file = await open(path)
  try {
    let bytesRead = 0
    for await (const chunk of file.createReadStream({ highWaterMark: CHUNK_BYTES, autoClose: false })) {
      bytesRead += (chunk as Buffer).length
      await onItems(reading.push(chunk as Buffer), bytesRead)
    }
    await onItems(reading.end(), bytesRead)
  } finally {
    await file.close()
  }
}
