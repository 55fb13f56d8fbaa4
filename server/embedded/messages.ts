/**
 * Messages of the Postgres protocol (version 3) as they are made here, and the type bytes of those that are looked at: those of
 * the frontend, which a client sends, and those of the backend, which answers.
 */

export const FRONTEND = {
  parse: 0x50,
  bind: 0x42,
  describe: 0x44,
  close: 0x43,
  execute: 0x45,
  flush: 0x48,
  sync: 0x53,
  query: 0x51,
  functionCall: 0x46,
  copyData: 0x64,
  copyDone: 0x63,
  copyFail: 0x66,
  terminate: 0x58,
} as const

export const BACKEND = { readyForQuery: 0x5a, copyInResponse: 0x47, dataRow: 0x44, errorResponse: 0x45 } as const

/** A type byte, then a length that counts itself and what follows. */
export const HEADER_BYTES = 5
/** Ends a batch of the extended protocol. */
export const SYNC = frontendMessage('S', '')

/** `text` holds the zero bytes that end its strings. */
export function frontendMessage(type: string, text: string): Buffer {
  const body = Buffer.from(text)
  const bytes = Buffer.alloc(HEADER_BYTES + body.length)
  bytes.write(type, 0, 'latin1')
  bytes.writeInt32BE(bytes.length - 1, 1)
  body.copy(bytes, HEADER_BYTES)
  return bytes
}

export function query(statements: string): Buffer {
  return frontendMessage('Q', `${statements}\0`)
}

/** The error after which a connection ends; `state` is an SQLSTATE. */
export function fatal(state: string, sentence: string): Buffer {
  return frontendMessage('E', `SFATAL\0VFATAL\0C${state}\0M${sentence}\0\0`)
}

/** What begins a connection that asks for nothing. The database's own user and name are all that PGlite has. */
export function startup(): Buffer {
  const version = Buffer.from([0, 3, 0, 0])
  const parameters = Buffer.from('user\0postgres\0database\0postgres\0\0')
  const length = Buffer.alloc(4)
  length.writeInt32BE(length.length + version.length + parameters.length)
  return Buffer.concat([length, version, parameters])
}

/** The messages of a buffer that holds whole ones. */
export function* messagesIn(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + bytes.readInt32BE(at + 1)
    yield bytes.subarray(at, end)
    at = end
  }
}

/** The first column of a DataRow, in text format; undefined for null. */
export function firstColumn(row: Buffer): string | undefined {
  const start = HEADER_BYTES + 2 + 4
  const length = row.readInt32BE(start - 4)
  return length < 0 ? undefined : row.toString('utf8', start, start + length)
}
