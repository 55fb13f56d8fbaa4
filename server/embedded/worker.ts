/**
 * The worker thread in which PGlite runs, so that its work does not stall the event loop that serves people. Speaks the
 * Postgres protocol on a Unix socket. Started by `embedded-database.ts`, which holds the folder's lock.
 *
 * PGlite has no fsync: what it has acknowledged survives the death of the process, but not a loss of power.
 */
import { chmodSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import { PGlite } from '@electric-sql/pglite'
import { serveConnection } from './connection.ts'
import { createGrowingInput } from './growing-input.ts'
import { createTurnstile } from './turnstile.ts'

/**
 * Postgres's own cache, which lies in this process's memory and fills up with use. 128 MB, the default, is for a server of
 * many; here the operating system's cache of the files serves as well.
 */
const SHARED_BUFFERS = '16MB'

export interface WorkerInput {
  /** Folder of the database cluster. */
  readonly cluster: string
  readonly socket: string
}

export type WorkerMessage = 'ready' | 'stopped'

async function run({ cluster, socket }: WorkerInput): Promise<void> {
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
    (error) => {
      // The WebAssembly module has broken down. Ending the thread closes all connections, and whoever started it starts anew.
      queueMicrotask(() => {
        throw error
      })
    },
  )
  const sockets = new Set<Socket>()
  const server = createServer((connection) => {
    sockets.add(connection)
    connection.on('close', () => sockets.delete(connection))
    serveConnection(connection, turnstile.enter())
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(socket, resolve)
  })
  chmodSync(socket, 0o600)
  parentPort?.on('message', async () => {
    server.close()
    for (const connection of sockets) connection.destroy()
    await database.close()
    parentPort?.postMessage('stopped' satisfies WorkerMessage)
    parentPort?.close()
  })
  parentPort?.postMessage('ready' satisfies WorkerMessage)
}

if (parentPort !== null) await run(workerData as WorkerInput)
