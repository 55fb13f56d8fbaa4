/**
 * The servers under measurement: how each is started, in fresh processes, and whose CPU time is counted as its database's.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startServer } from '../test/support/server-process.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const RAPPORT = ['--import', './server/node-version.mjs', 'server/main.ts']

export interface RunningServer {
  /** `ws://HOST:PORT` */
  readonly address: string
  readonly pid: number
  readonly token: string
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
    return { address: `ws://${address}`, pid, stop, token: '', databaseCpu: () => undefined }
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

async function startRapport(
  folder: string,
  environment: Readonly<Record<string, string>>,
  databaseCpu: () => number | undefined,
): Promise<RunningServer> {
  const settings = {
    PORT: '0',
    LOG_LEVEL: 'warn',
    RAPPORT_DATA_DIR: folder,
    RAPPORT_SAMPLES: 'off',
    RAPPORT_RATE_UPDATES_PER_S: '0',
    RAPPORT_RATE_BYTES_PER_S: '0',
    ...environment,
  }
  const { address, pid, stop } = await startServer(RAPPORT, settings)
  return { address: `ws://${address}`, pid, stop, token: await mintToken(settings), databaseCpu }
}

async function mintToken(settings: Readonly<Record<string, string>>): Promise<string> {
  const command = ['server/cli.ts', 'token', '--tenant', 'bench', '--sub', 'editor', '--role', 'rep', '--ttl', '3600']
  const { stdout } = await promisify(execFile)(process.execPath, command, { cwd: ROOT, env: { ...process.env, ...settings } })
  return stdout.trim()
}
