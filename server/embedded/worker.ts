/**
 * The worker thread in which PGlite runs, so that its work does not stall the event loop that serves people. Speaks the
 * Postgres protocol on a Unix socket, which is for the folder's owner and the server itself, and if asked to on a port of the
 * loopback interface, which is for anybody on this machine. Started by `embedded-database.ts`, which holds the folder's lock.
 *
 * PGlite has no fsync: what it has acknowledged survives the death of the process, but not a loss of power.
 */
import { chmodSync } from 'node:fs'
import { createServer, type ListenOptions, type Server, type Socket } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import { PGlite } from '@electric-sql/pglite'
import { systemClock } from '@rapport/shared/clock.ts'
import { ALLOWANCE_BYTES, createAllowance } from './allowance.ts'
import { type Reception, serveConnection } from './connection.ts'
import { createGrowingInput } from './growing-input.ts'
import { createTurnstile, type Limit } from './turnstile.ts'

/**
 * Postgres's own cache, which lies in this process's memory and fills up with use. 128 MB, the default, is for a server of
 * many; here the operating system's cache of the files serves as well.
 */
const SHARED_BUFFERS = '16MB'

/** Guests that the port serves at a time. */
const MAX_GUESTS = 32
/** Those that have not begun yet included; a further one is not even told why. */
const MAX_CONNECTIONS = 2 * MAX_GUESTS
const KEEP_ALIVE_MILLISECONDS = 30_000
const PORT_RETRY_MILLISECONDS = 1_000

export interface WorkerInput {
  /** Folder of the database cluster. */
  readonly cluster: string
  readonly socket: string
  /** Absent: on the Unix socket alone. */
  readonly port: number | undefined
}

export type WorkerMessage =
  | { readonly type: 'ready' }
  /** Comes before `ready`; the worker goes on trying. */
  | { readonly type: 'port_refused'; readonly code: string }
  | { readonly type: 'limit'; readonly limit: Limit }

async function run({ cluster, socket, port }: WorkerInput): Promise<void> {
  const startParams = [...PGlite.defaultStartParams, '-c', `shared_buffers=${SHARED_BUFFERS}`]
  const database = await PGlite.create(cluster, { startParams })
  const input = createGrowingInput()
  const turnstile = createTurnstile(
    {
      run(messages, answer) {
        const onRawData = (bytes: Uint8Array): void => {
          const more = answer(bytes)
          if (more !== undefined) input.add(more)
        }
        return database.execProtocolRawStream(input.begin(messages), { onRawData })
      },
      inTransaction: () => database.isInTransaction(),
    },
    systemClock,
    (error) => {
      // The WebAssembly module has broken down. Ending the thread closes all connections, and whoever started it starts anew.
      queueMicrotask(() => {
        throw error
      })
    },
  )
  let guests = 0
  const reception: Omit<Reception, 'own' | 'admit'> = {
    clock: systemClock,
    allowance: createAllowance(ALLOWANCE_BYTES),
    enter: turnstile.enter,
    newPrefix: () => `g${++guests}_`,
    reached: (limit) => tell({ type: 'limit', limit }),
  }
  const local = receive({ ...reception, own: true, admit: () => () => undefined })
  await listen(local.server, { path: socket })
  chmodSync(socket, 0o600)
  const remote = receive({ ...reception, own: false, admit: createRoom(MAX_GUESTS) })
  remote.server.maxConnections = MAX_CONNECTIONS

  let stopping = false
  parentPort?.on('message', async () => {
    stopping = true
    for (const { server, sockets } of [local, remote]) {
      server.close()
      for (const connection of sockets) connection.destroy()
    }
    await database.close()
    parentPort?.close()
  })
  const refused = await openPort()
  if (refused !== undefined) {
    tell({ type: 'port_refused', code: refused })
    tryAgain()
  }
  tell({ type: 'ready' })

  /** Resolves with what stands against it. */
  function openPort(): Promise<string | undefined> {
    if (port === undefined || stopping) return Promise.resolve(undefined)
    return listen(remote.server, { port, host: '127.0.0.1' }).then(noReason, reasonOf)
  }

  function tryAgain(): void {
    systemClock.after(PORT_RETRY_MILLISECONDS, async () => {
      if ((await openPort()) !== undefined) tryAgain()
    })
  }
}

const noReason = (): undefined => undefined
const reasonOf = (error: NodeJS.ErrnoException): string => error.code ?? 'unknown'

function tell(message: WorkerMessage): void {
  parentPort?.postMessage(message)
}

/** Connections that come in are served, and known for as long as they are open. */
function receive(reception: Reception): { readonly server: Server; readonly sockets: ReadonlySet<Socket> } {
  const sockets = new Set<Socket>()
  const options = { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MILLISECONDS }
  const server = createServer(options, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    serveConnection(socket, reception)
  })
  return { server, sockets }
}

function listen(server: Server, where: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(where, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function createRoom(places: number): () => (() => void) | undefined {
  let taken = 0
  return () => {
    if (taken === places) return undefined
    taken++
    return () => {
      taken--
    }
  }
}

if (parentPort !== null) await run(workerData as WorkerInput)
