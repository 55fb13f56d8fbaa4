/**
 * The first message of a connection, which has no type byte: a start with parameters, a question for encryption, or the wish to
 * cancel another connection's statement. What a start asks for becomes settings here, since PGlite looks at none of it; and PGlite
 * never sees the message itself, because one that it does not like ends it.
 */

/** Settings of a session, by name, in the order in which they are made. */
export type Settings = readonly (readonly [name: string, value: string])[]

export type Startup =
  | { readonly type: 'incomplete'; readonly wanted: number }
  | { readonly type: 'nonsense' }
  | { readonly type: 'cancel' }
  | { readonly type: 'encryption'; readonly length: number }
  | { readonly type: 'start'; readonly length: number; readonly minor: number; readonly parameters: ReadonlyMap<string, string> }

/** What the server's own connections call themselves. */
export const OWN_APPLICATION_NAME = 'rapport'

/** The number behind the length. */
const CANCEL_REQUEST = 80877102
const SSL_REQUEST = 80877103
const GSS_REQUEST = 80877104
/** Major version of the protocol, in the upper half of that number. */
const PROTOCOL = 3
const LEAST_BYTES = 8
const MOST_BYTES = 10_000

/** Parameters of a start that are no settings. */
const NO_SETTINGS = ['user', 'database', 'replication', 'options', 'client_encoding']
const OWN_USER = 'postgres'

export function readStartup(bytes: Buffer): Startup {
  if (bytes.length < LEAST_BYTES) return { type: 'incomplete', wanted: LEAST_BYTES }
  const length = bytes.readInt32BE(0)
  const kind = bytes.readInt32BE(4)
  const known = [CANCEL_REQUEST, SSL_REQUEST, GSS_REQUEST].includes(kind) || kind >>> 16 === PROTOCOL
  if (!known || length < LEAST_BYTES || length > MOST_BYTES) return { type: 'nonsense' }
  if (bytes.length < length) return { type: 'incomplete', wanted: length }
  if (kind === CANCEL_REQUEST) return { type: 'cancel' }
  if (kind >>> 16 !== PROTOCOL) return { type: 'encryption', length }
  const texts = bytes.toString('utf8', LEAST_BYTES, length).split('\0')
  const parameters = new Map<string, string>()
  for (let at = 0; texts[at]; at += 2) parameters.set(texts[at] ?? '', texts[at + 1] ?? '')
  return { type: 'start', length, minor: kind & 0xffff, parameters }
}

/** Why a start cannot be served, as SQLSTATE and sentence. */
export function whyRefused(parameters: ReadonlyMap<string, string>): readonly [state: string, sentence: string] | undefined {
  const user = parameters.get('user')
  if (user === undefined) return ['28000', 'no user name is given']
  if ((parameters.get('database') || user) !== 'postgres') return ['3D000', 'the embedded database is called postgres']
  if (!/^(off|false|no|0)?$/i.test(parameters.get('replication') ?? ''))
    return ['0A000', 'the embedded database does not replicate']
  // PGlite has no conversions: it breaks down at the first letter that is not ASCII.
  if (!/^'?(utf-?8|unicode|sql_ascii)?'?$/i.test(parameters.get('client_encoding') ?? '')) {
    return ['22023', 'the embedded database speaks UTF8 only: set PGCLIENTENCODING=UTF8, or what your client has for it']
  }
  return undefined
}

export function settingsOf(parameters: ReadonlyMap<string, string>): Settings {
  const options = parameters.get('options') ?? ''
  const named = [...options.matchAll(/(?:-c\s*|--)([\w.-]+)=((?:\\.|[^\s\\])*)/g)].map(([, name = '', value = '']) => {
    return [name.replaceAll('-', '_'), value.replaceAll(/\\(.)/g, '$1')] as const
  })
  const given = [...parameters].filter(([name]) => !NO_SETTINGS.includes(name) && !name.startsWith('_pq_.'))
  const user = parameters.get('user') ?? OWN_USER
  // Last, because it may not be allowed to set the others.
  return [...named, ...given, ...(user === OWN_USER ? [] : [['session_authorization', user] as const])]
}

/** For a client that asks for more than version 3.0: that this is what there is, and which of its options are not known. */
export function negotiation(parameters: ReadonlyMap<string, string>): Buffer {
  const unknown = [...parameters.keys()].filter((name) => name.startsWith('_pq_.'))
  const names = Buffer.from(unknown.map((name) => `${name}\0`).join(''))
  const bytes = Buffer.alloc(13)
  bytes.write('v', 0, 'latin1')
  bytes.writeInt32BE(bytes.length - 1 + names.length, 1)
  bytes.writeInt32BE(PROTOCOL << 16, 5)
  bytes.writeInt32BE(unknown.length, 9)
  return Buffer.concat([bytes, names])
}
