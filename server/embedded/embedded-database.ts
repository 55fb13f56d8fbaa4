/**
 * The database that needs no installing: PGlite in a folder, in a worker thread, spoken to over a Unix socket by the same
 * driver as a real Postgres. One process at a time (`folder-lock.ts`); others reach it through its socket, which only the
 * folder's owner may open, or through a port of 127.0.0.1 if there is to be one. If the worker breaks down it is started anew,
 * on the same socket and port.
 *
 * PGlite has no fsync: what it has acknowledged survives the death of the process, but not a loss of power.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { SyncError } from '@rapport/shared/errors.ts'
import { openDataFolder } from '../data-folder.ts'
import type { Logger } from '../observability/logger.ts'
import { lockFolder, readOwner } from './folder-lock.ts'
import type { WorkerInput, WorkerMessage } from './worker.ts'

/** Paths of Unix sockets are limited to 107 bytes on Linux and 103 on macOS. */
const MAX_SOCKET_PATH_BYTES = 100
const TEMPORARY_PREFIX = 'rapport-'
const STOP_MILLISECONDS = 5_000
const RESTART_MILLISECONDS = 1_000

export interface EmbeddedDatabase {
  readonly socket: string
  stop(): Promise<void>
}

/** The folder inside the data folder that belongs to the embedded database. */
export function databaseFolder(dataDirectory: string): string {
  return join(dataDirectory, 'database')
}

/**
 * Rejects with a `configuration` error that names the process if another one has the folder open, and one that names
 * RAPPORT_SQL_PORT if that port cannot be had.
 */
export async function startEmbeddedDatabase(
  dataDirectory: string,
  port: number | undefined,
  log: Logger,
): Promise<EmbeddedDatabase> {
  const folder = databaseFolder(dataDirectory)
  openDataFolder(dataDirectory)
  openDataFolder(folder)
  chmodSync(folder, 0o700)
  const lock = lockFolder(folder)
  if (lock === undefined) throw heldElsewhere(dataDirectory)
  if (lock.previous !== undefined) removeSocket(lock.previous.socket, folder)
  const socket = socketPath(folder)
  const input: WorkerInput = { cluster: join(folder, 'cluster'), socket, port }
  let stopping = false
  let started = false
  let portRefused: string | undefined
  let worker: Worker

  try {
    lock.announce({ pid: process.pid, socket })
    worker = await startWorker(input, hear, restart)
    if (portRefused !== undefined) {
      stopping = true
      await stopWorker(worker)
      throw new SyncError('configuration', whyNoPort(portRefused))
    }
    started = true
  } catch (error) {
    removeSocket(socket, folder)
    lock.release()
    if (error instanceof SyncError) throw error
    throw new SyncError('configuration', `The embedded database in ${folder} does not open.`, { cause: error })
  }

  function hear(message: WorkerMessage): void {
    if (message.type === 'limit') log.warn({ limit: message.limit }, 'a connection to the embedded database was ended at a limit')
    if (message.type !== 'port_refused') return
    if (started) log.error({ code: message.code }, 'RAPPORT_SQL_PORT is not served until it is free again')
    else portRefused = message.code
  }

  function restart(error: unknown): void {
    if (stopping) return
    log.fatal({ err: error }, 'the embedded database broke down and is started again')
    setTimeout(async () => {
      if (stopping) return
      rmSync(socket, { force: true })
      try {
        const another = await startWorker(input, hear, restart)
        if (stopping) await another.terminate()
        worker = another
      } catch (failure) {
        restart(failure)
      }
    }, RESTART_MILLISECONDS).unref()
  }

  return {
    socket,
    async stop() {
      stopping = true
      await stopWorker(worker)
      removeSocket(socket, folder)
      lock.release()
    },
  }
}

function heldElsewhere(dataDirectory: string): SyncError {
  const owner = readOwner(databaseFolder(dataDirectory))
  const who = owner === undefined ? 'another process' : `process ${owner.pid}`
  return new SyncError(
    'configuration',
    `The data folder ${dataDirectory} is in use by ${who}; stop it first, or set DATABASE_URL to share a Postgres.`,
  )
}

function whyNoPort(code: string): string {
  if (code === 'EADDRINUSE') return 'Rapport cannot start: another program listens on RAPPORT_SQL_PORT already.'
  return `Rapport cannot listen on RAPPORT_SQL_PORT (${code}).`
}

function socketPath(folder: string): string {
  const beside = join(folder, 'socket')
  if (Buffer.byteLength(beside) <= MAX_SOCKET_PATH_BYTES) return beside
  // mkdtemp makes a folder of mode 0700 that nobody else can have prepared.
  return join(mkdtempSync(join(tmpdir(), TEMPORARY_PREFIX)), 'socket')
}

function removeSocket(socket: string, folder: string): void {
  rmSync(socket, { force: true })
  const parent = dirname(socket)
  if (parent !== folder && parent.startsWith(join(tmpdir(), TEMPORARY_PREFIX))) rmSync(parent, { recursive: true, force: true })
}

/**
 * Resolves once the database answers on its socket; `hear` gets what it says until then and later, and `died` is called if it
 * ends later without having been asked to.
 */
function startWorker(
  input: WorkerInput,
  hear: (message: WorkerMessage) => void,
  died: (error: unknown) => void,
): Promise<Worker> {
  return new Promise((resolve, reject) => {
    // Nothing that PGlite prints may reach our stdout, and it reads no environment.
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: input, stdout: true, env: {} })
    let ready = false
    const ended = (error: unknown): void => (ready ? died(error) : reject(error))
    worker.once('error', ended)
    worker.on('message', (message: WorkerMessage) => {
      hear(message)
      if (message.type !== 'ready') return
      ready = true
      worker.off('error', ended)
      let failure: unknown
      worker.once('error', (error) => {
        failure = error
      })
      worker.once('exit', () => died(failure ?? new Error('the database thread ended')))
      resolve(worker)
    })
  })
}

function stopWorker(worker: Worker): Promise<void> {
  return new Promise((resolve) => {
    const giveUp = setTimeout(() => void worker.terminate(), STOP_MILLISECONDS)
    worker.once('exit', () => {
      clearTimeout(giveUp)
      resolve()
    })
    worker.postMessage('stop')
  })
}
