/**
 * The prepared statements of one connection. All connections share one session, and drivers number theirs (`S_1`, `s0`), so a
 * guest's get names that nobody else's have. The unnamed one, of which a session has a single one too, is kept, to be made again
 * if somebody else had the session in between. What was prepared is remembered, so that it can be closed when the guest goes, and
 * made again when another one has discarded everybody's.
 *
 * A name inside of SQL (`prepare`, `execute`, `deallocate`) is not changed, as with PgBouncer.
 */
import { FRONTEND, frontendMessage, HEADER_BYTES, messagesIn, SYNC } from './messages.ts'

/** What `describe` and `close` say of a statement, as opposed to a portal. */
const STATEMENT = 0x53

export interface Statements {
  /** The same messages under the session's names; `unnamed` is to come before them if somebody else had the session meanwhile. */
  translate(group: Buffer): { readonly messages: Buffer; readonly unnamed: Buffer | undefined }
  /** Messages that prepare all of them again. */
  prepareAgain(): Buffer
  /** Messages that close all of them. */
  close(): Buffer
  /** The connection itself has discarded them, but for those that the session still knows by these names. */
  keep(names: ReadonlySet<string>): void
}

interface Prepared {
  /** In the session. */
  readonly name: string
  readonly parse: Buffer
}

/** Messages are whole; what is wrong inside of one is left for Postgres to say. */
export function createStatements(prefix?: string): Statements {
  /** By the name that the client uses. */
  const prepared = new Map<string, Prepared>()
  let unnamed: Buffer | undefined
  let made = 0

  function translated(message: Buffer, given: string, start: number): Buffer {
    const type = message[0]
    const name = prefix === undefined ? given : (prepared.get(given)?.name ?? `${prefix}${++made}`)
    const renamed = name === given ? message : rename(message, start, start + given.length, name)
    // Copied, for what is handed in is a piece of a larger buffer.
    if (type === FRONTEND.parse) prepared.set(given, { name, parse: Buffer.from(renamed) })
    if (type === FRONTEND.close) prepared.delete(given)
    return renamed
  }

  return {
    translate(group) {
      const messages: Buffer[] = []
      let wanted: Buffer | undefined
      let replaced = false
      for (const message of messagesIn(group)) {
        const start = startOfName(message)
        const end = start === undefined ? -1 : message.indexOf(0, start)
        if (start !== undefined && end > start) {
          messages.push(translated(message, message.toString('latin1', start, end), start))
          continue
        }
        messages.push(message)
        const parses = message[0] === FRONTEND.parse
        if (parses || message[0] === FRONTEND.query) {
          unnamed = parses ? Buffer.from(message) : undefined
          replaced = true
        } else if (start === end && !replaced) wanted = unnamed
      }
      return { messages: prefix === undefined ? group : Buffer.concat(messages), unnamed: wanted }
    },
    // Each with a Sync of its own: one that fails, because its table is gone, takes no other along.
    prepareAgain: () => Buffer.concat([...prepared.values()].flatMap(({ parse }) => [parse, SYNC])),
    close() {
      const closing = [...prepared.values()].map(({ name }) => frontendMessage('C', `S${name}\0`))
      return closing.length === 0 ? Buffer.alloc(0) : Buffer.concat([...closing, SYNC])
    },
    keep(names) {
      for (const [given, { name }] of prepared) if (!names.has(name)) prepared.delete(given)
    },
  }
}

/** Where a message names a prepared statement, if it is of a kind that does. */
function startOfName(message: Buffer): number | undefined {
  switch (message[0]) {
    case FRONTEND.parse:
      return HEADER_BYTES
    case FRONTEND.bind: {
      const endOfPortal = message.indexOf(0, HEADER_BYTES)
      return endOfPortal < 0 ? undefined : endOfPortal + 1
    }
    case FRONTEND.describe:
    case FRONTEND.close:
      return message[HEADER_BYTES] === STATEMENT ? HEADER_BYTES + 1 : undefined
    default:
      return undefined
  }
}

function rename(message: Buffer, start: number, end: number, name: string): Buffer {
  const renamed = Buffer.concat([message.subarray(0, start), Buffer.from(name, 'latin1'), message.subarray(end)])
  renamed.writeInt32BE(renamed.length - 1, 1)
  return renamed
}
