/**
 * The servers under measurement: how each is started, in fresh processes, and whose CPU time is counted as its database's.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mintLocalToken } from '../test/support/local-token.ts'
import { startPostgres } from '../test/support/postgres.ts'
import { startServer } from '../test/support/server-process.ts'

const RAPPORT: readonly string[] = ['--import', './server/node-version.mjs', 'server/main.ts']

export interface RunningServer {
  /** `ws://HOST:PORT` */
  readonly address: string
  readonly pid: number
  readonly token: string
  /** Of the Postgres behind it, where there is one. */
  readonly databaseUrl: string | undefined
  /** CPU time so far of all the database's processes, where it has some of its own, in microseconds. */
  databaseCpu(): number | undefined
  stop(): Promise<void>
}

export interface Target {
  readonly name: string
  readonly keepsDocuments: boolean
  readonly settings: string
  start(): Promise<RunningServer>
  /** Removes what `start` shares between runs. */
  dispose(): Promise<void>
}

export const rawRelay: Target = {
  name: 'raw ws relay',
  keepsDocuments: false,
  settings: 'ws.send to every other socket; no token, no document, no database',
  async start() {
    const { address, pid, stop } = await startServer(['bench/servers/raw-relay.ts'], {})
    return { address: `ws://${address}`, pid, stop, token: '', databaseUrl: undefined, databaseCpu: () => undefined }
  },
  dispose: async () => undefined,
}

/** Rapport on its embedded database. The folder is made once: creating a database is not what is measured. */
export async function embeddedRapport(): Promise<Target> {
  const folder = await mkdtemp(join(tmpdir(), 'rapport-bench-'))
  return {
    name: 'Rapport, embedded',
    keepsDocuments: true,
    settings: 'PGlite in a worker thread of the server: its CPU is in the server column; no fsync',
    start: () => startRapport(folder, {}, () => undefined),
    dispose: () => rm(folder, { recursive: true, force: true }),
  }
}

/** Rapport on a Postgres of its own, started once: its processes outlive the servers, and its CPU time is a difference. */
export function postgresRapport(): Promise<Target> {
  return onPostgres('Rapport, Postgres', RAPPORT)
}

/** The same with a judge that decides nothing and notes nothing. */
export function unjudgedRapport(): Promise<Target> {
  return onPostgres('Rapport, unjudged', ['--import', './server/node-version.mjs', 'bench/servers/unjudged.ts'])
}

async function onPostgres(name: string, command: readonly string[]): Promise<Target> {
  const folder = await mkdtemp(join(tmpdir(), 'rapport-bench-'))
  const postgres = await startPostgres()
  return {
    name,
    keepsDocuments: true,
    settings: 'Postgres from npm, default settings: fsync on, synchronous_commit on',
    start: () => startRapport(folder, { DATABASE_URL: postgres.url }, () => postgres.cpuMicroseconds(), command),
    async dispose() {
      await postgres.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function startRapport(
  folder: string,
  environment: Readonly<Record<string, string>>,
  databaseCpu: () => number | undefined,
  command = RAPPORT,
): Promise<RunningServer> {
  const settings = {
    PORT: '0',
    LOG_LEVEL: 'warn',
    DATABASE_URL: '',
    RAPPORT_DATA_DIR: folder,
    RAPPORT_SAMPLES: 'off',
    RAPPORT_RATE_UPDATES_PER_S: '0',
    RAPPORT_RATE_BYTES_PER_S: '0',
    ...environment,
  }
  const { address, pid, stop } = await startServer([...command], settings)
  const token = await mintLocalToken(folder, 'bench', 'editor')
  return { address: `ws://${address}`, pid, stop, token, databaseUrl: environment.DATABASE_URL, databaseCpu }
}
