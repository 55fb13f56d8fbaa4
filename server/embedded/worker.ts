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

export interface WorkerInput {
  /** Folder of the database cluster. */
  readonly cluster: string
  readonly socket: string
}

export type WorkerMessage = 'ready' | 'stopped'

async function run({ cluster, socket }: WorkerInput): Promise<void> {
  const database = await PGlite.create(cluster)
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
