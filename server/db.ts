/**
 * The database seam: one driver, one dialect, two places. With `DATABASE_URL` a Postgres of at least version 15, else PGlite
 * in the data folder. Whoever gets a `Database` gets it migrated and checked: a Postgres that may lose what it has
 * acknowledged is not accepted, because then neither could this server keep its word (P1).
 *
 * No statement waits for ever. A Postgres that is frozen, or gone without a word, makes its statements fail after
 * `SILENCE_MILLISECONDS`; whether they took effect is then not known, and writers must be able to ask.
 */
import { connect as connectSocket, type Socket } from 'node:net'
// Not the clock's timers: those let the process end, and while it waits for its database nothing else keeps it alive.
import { setTimeout as keepWaiting } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { SyncError } from '@rapport/shared/errors.ts'
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate } from 'drizzle-orm/postgres-js/migrator'
import postgres from 'postgres'
import type { Config } from './config.ts'
import { databaseFolder, startEmbeddedDatabase } from './embedded/embedded-database.ts'
import { readOwner } from './embedded/folder-lock.ts'
import { OWN_APPLICATION_NAME } from './embedded/startup.ts'
import type { Logger } from './observability/logger.ts'

const OLDEST_POSTGRES = 15
const POOL = 10
/** The embedded database is one session; more connections only let short statements pass between a transaction's. */
const EMBEDDED_POOL = 4
const CONNECT_SECONDS = 5
/** Somebody who holds a row for longer makes the statement fail that needs it, and not all those that wait behind it. */
const LOCK_MILLISECONDS = 1_000
/** Postgres gives a statement up by itself after this long, whatever it waits for. */
const STATEMENT_MILLISECONDS = 8_000
/** The server is taken for dead when it has said nothing for this long. Longer than the above, so that it can say so itself. */
const SILENCE_MILLISECONDS = 10_000
/** Below the silence, so that a connection at rest is closed in good order and never taken for dead. */
const IDLE_SECONDS = 5
/** How long a start waits for a database that is itself just starting. */
const PATIENCE_MILLISECONDS = 30_000
const RETRY_MILLISECONDS = 500
/** How long a command waits for a server that holds the data folder and does not answer yet: its first start makes a database. */
const JOIN_MILLISECONDS = 15_000
/** Of a command beside a running server. */
const GUEST_APPLICATION_NAME = 'rapport command'
/** Any number that no other program uses for a lock in the same database. */
const MIGRATION_LOCK = 7_269_312_055

/** SQLSTATE of `create` for a relation that exists: its message names that relation and holds no value. */
const DUPLICATE_TABLE = '42P07'

const MIGRATIONS = fileURLToPath(new URL('../drizzle/migrations', import.meta.url))

export type Sql = postgres.Sql<{ bigint: number; date: string }>

export interface Database {
  readonly sql: Sql
  readonly kind: 'embedded' | 'postgres'
  close(): Promise<void>
}

/**
 * Whether this failure is the driver's own business: it asks each new connection for its array types in a promise that nobody holds
 * (postgres.js 3.4, `fetchArrayTypes`), and a connection that is lost just then rejects it into the void. Whoever waited for that
 * connection hears of the loss by itself; the types are known from another connection, or the next one asks.
 */
export function isLostTypeQuery(thrown: unknown): boolean {
  const query: unknown = (thrown as { readonly query?: unknown } | null | undefined)?.query
  const text = typeof query === 'string' ? query : Array.isArray(query) ? query.join() : ''
  return text.includes('select b.oid, b.typarray')
}

export type DatabaseConfig = Pick<Config, 'databaseUrl' | 'dataDirectory'> & Partial<Pick<Config, 'sqlPort'>>

/** Opens the configured database, checks it and brings its tables up to date. Rejects with a `configuration` error. */
export async function openDatabase(config: DatabaseConfig, log: Logger): Promise<Database> {
  return config.databaseUrl === undefined ? await openEmbedded(config, log) : await openPostgres(config.databaseUrl, log)
}

/**
 * As `openDatabase`, for a command: if a server has the embedded database open, goes through its local socket, and then
 * leaves the tables to that server. A server that is only just starting is waited for. Never serves a port.
 */
export async function joinDatabase(config: DatabaseConfig, log: Logger): Promise<Database> {
  const deadline = performance.now() + JOIN_MILLISECONDS
  for (;;) {
    const owner = config.databaseUrl === undefined ? readOwner(databaseFolder(config.dataDirectory)) : undefined
    const joined = owner && (await joinOwner(owner.socket))
    if (joined !== undefined) return joined
    try {
      // An owner that left without cleaning up behind itself is no obstacle: the folder's lock decides, not its file.
      return await openDatabase({ ...config, sqlPort: undefined }, log)
    } catch (error) {
      if (owner === undefined || performance.now() > deadline) throw error
    }
    await keepWaiting(RETRY_MILLISECONDS)
  }
}

async function joinOwner(socket: string): Promise<Database | undefined> {
  const sql = connectEmbedded(socket, 1, GUEST_APPLICATION_NAME)
  try {
    await sql`select 1`
    return { sql, kind: 'embedded', close: () => sql.end({ timeout: 1 }) }
  } catch {
    await sql.end({ timeout: 0 })
    return undefined
  }
}

async function openEmbedded({ dataDirectory, sqlPort }: DatabaseConfig, log: Logger): Promise<Database> {
  const embedded = await startEmbeddedDatabase(dataDirectory, sqlPort, log)
  const sql = connectEmbedded(embedded.socket, EMBEDDED_POOL)
  const close = async (): Promise<void> => {
    await sql.end({ timeout: 1 })
    await embedded.stop()
  }
  try {
    await migrateTables(() => connectEmbedded(embedded.socket, 1))
    return { sql, kind: 'embedded', close }
  } catch (error) {
    await close()
    throw new SyncError('configuration', `The tables of the embedded database ${whyOutdated(error)}.`, { cause: error })
  }
}

async function openPostgres(url: string, log: Logger): Promise<Database> {
  const sql = connectPostgres(url, POOL, {
    lock_timeout: LOCK_MILLISECONDS,
    statement_timeout: STATEMENT_MILLISECONDS,
    idle_in_transaction_session_timeout: STATEMENT_MILLISECONDS,
  })
  try {
    await untilReachable(sql, log)
    await refuseUnsafe(sql)
    await migrateTables(() => connectPostgres(url, 1))
    return { sql, kind: 'postgres', close: () => sql.end({ timeout: 1 }) }
  } catch (error) {
    await sql.end({ timeout: 0 })
    if (error instanceof SyncError) throw error
    throw new SyncError('configuration', `The tables of DATABASE_URL's database ${whyOutdated(error)}.`, { cause: error })
  }
}

const OPTIONS = {
  connect_timeout: CONNECT_SECONDS,
  /** Seconds before the n-th new attempt: soon, since a restarted server is back within a second. */
  backoff: (attempt: number) => Math.min(0.05 * 2 ** attempt, 1),
  onnotice: () => undefined,
  types: {
    /**
     * As a number, never as text. Everything that is stored as bigint counts edits or is a Yjs id or clock, and stays far below
     * 2^53; one that does not is refused here and not rounded.
     */
    bigint: {
      to: 20,
      from: [20],
      serialize: (value: number) => String(value),
      parse: (text: string): number => {
        const value = Number(text)
        if (Number.isSafeInteger(value)) return value
        throw new RangeError('a bigint from the database is beyond 2^53')
      },
    },
    /** A calendar date has no instant and no zone: it stays the text that it is, `YYYY-MM-DD`. */
    date: { to: 1082, from: [1082], serialize: (day: string) => day, parse: (day: string) => day },
  },
}

/** Those of the server itself share the session as it is and set nothing; whoever is called otherwise is a guest in it. */
function connectEmbedded(socket: string, max: number, applicationName = OWN_APPLICATION_NAME): Sql {
  // Connections live as long as the pool: what one has prepared stays in the one session that they all share.
  return postgres({
    ...OPTIONS,
    max,
    path: socket,
    database: 'postgres',
    user: 'postgres',
    password: '',
    idle_timeout: 0,
    max_lifetime: null,
    connection: { application_name: applicationName },
  })
}

/** In milliseconds. */
interface SessionLimits {
  readonly lock_timeout: number
  readonly statement_timeout: number
  readonly idle_in_transaction_session_timeout: number
}

/** Without limits, statements may wait and take as long as they like: for migrations. */
function connectPostgres(url: string, max: number, limits?: SessionLimits): Sql {
  const options = {
    ...OPTIONS,
    max,
    idle_timeout: IDLE_SECONDS,
    connection: { application_name: 'rapport', ...limits },
    ...(limits && { socket: guardedSockets() }),
  }
  try {
    return postgres(url, options)
  } catch {
    // The parser's message quotes the URL, which holds a password.
    throw new SyncError('configuration', 'DATABASE_URL is not a URL that the database driver understands.')
  }
}

/** What the driver tells of itself when it asks for a socket; its types do not mention this hook. */
interface SocketRequest {
  readonly host: readonly string[]
  readonly port: readonly number[]
  readonly path: string | false
}

/**
 * Makes sockets that break when nothing came or went for too long. The driver has no limit of its own for an answer; it closes
 * a connection at rest well before, so silence means that an answer is missing. A socket is handed over while it still
 * connects: were it awaited here, the driver would lose the connection's place in its pool whenever that fails.
 */
function guardedSockets(): (request: SocketRequest) => Socket {
  let attempts = 0
  return ({ host: hosts, port: ports, path }) => {
    const turn = attempts++ % hosts.length
    const [host, port] = [hosts[turn] ?? 'localhost', ports[turn] ?? 5432]
    const socket = path === false ? connectSocket({ host, port }) : connectSocket(path)
    socket.setNoDelay(true)
    socket.setTimeout(SILENCE_MILLISECONDS, () => {
      socket.destroy(Object.assign(new Error('the database does not answer'), { code: 'ETIMEDOUT' }))
    })
    // The driver reads these two for the name that TLS checks and for its messages.
    return Object.assign(socket, { host, port })
  }
}

/** A database that is starting together with us may take a while; one that refuses us will go on refusing. */
async function untilReachable(sql: Sql, log: Logger): Promise<void> {
  const deadline = performance.now() + PATIENCE_MILLISECONDS
  for (let said = false; ; said = true) {
    try {
      await sql`select 1`
      return
    } catch (error) {
      const code = String((error as { readonly code?: unknown }).code)
      // An SQLSTATE is an answer, and so final, but for "starting up" and "too many connections".
      const starting = !/^\d/.test(code) || code === '57P03' || code === '53300'
      if (!starting || performance.now() > deadline) {
        throw new SyncError('configuration', `The database of DATABASE_URL cannot be used (${code}).`, { cause: error })
      }
      if (!said) log.warn({ code }, 'waiting for the database')
      await keepWaiting(RETRY_MILLISECONDS)
    }
  }
}

async function refuseUnsafe(sql: Sql): Promise<void> {
  const [server] = await sql<{ version: number; fsync: string; synchronous: string }[]>`
    select current_setting('server_version_num')::int as version, current_setting('fsync') as fsync,
      current_setting('synchronous_commit') as synchronous`
  const refuse = (why: string): never => {
    throw new SyncError('configuration', `The database of DATABASE_URL ${why}.`)
  }
  if (server === undefined || server.version < OLDEST_POSTGRES * 10_000) refuse(`is older than Postgres ${OLDEST_POSTGRES}`)
  if (server?.fsync !== 'on') refuse('runs with fsync off and could lose what it acknowledged; turn it on')
  if (server?.synchronous === 'off') refuse('runs with synchronous_commit off and could lose what it acknowledged; turn it on')
}

/**
 * Runs what is missing of `drizzle/migrations`, in one transaction. Of several processes that start together one does it and
 * the others wait. On a connection of its own: drizzle changes how its connection reads dates, and long statements are fine.
 */
async function migrateTables(connect: () => Sql): Promise<void> {
  const client = connect()
  try {
    await client`select pg_advisory_lock(${MIGRATION_LOCK}::bigint)`
    try {
      await migrate(drizzle(client), { migrationsFolder: MIGRATIONS, migrationsSchema: 'rapport', migrationsTable: 'migrations' })
    } finally {
      await client`select pg_advisory_unlock(${MIGRATION_LOCK}::bigint)`
    }
  } finally {
    await client.end({ timeout: 1 })
  }
}

/** Of a table that is not ours the name is told, and of other trouble nothing: what the database says may quote values. */
function whyOutdated(thrown: unknown): string {
  const why = 'cannot be brought up to date'
  for (let error = thrown; error instanceof Error; error = error.cause) {
    if ((error as { readonly code?: unknown }).code !== DUPLICATE_TABLE) continue
    // In the language of the database, and with its quotation marks.
    const [, name] = /["«»„“]\s?([\w$]+)/.exec(error.message) ?? []
    return `${why}: ${name === undefined ? 'a relation' : `the relation ${name}`} of somebody else's stands in the way`
  }
  return why
}
