/**
 * A client that writes distinct keys and remembers what it was told about them: acknowledged, or only sent. It keeps its document
 * over any number of connections, as a phone does, so what a fault leaves open is sent again by the next one.
 */

import { systemClock } from '@rapport/shared/clock.ts'
import { type RecordId, uuidv7 } from '@rapport/shared/ids.ts'
import * as Y from 'yjs'
import { connectSync, frameUpdate, type SyncSocket } from '../support/sync-socket.ts'
import { keysOf } from './keys.ts'

export interface Writer {
  /** Connects and exchanges state. `url` must ask for `ack=echo`. */
  connect(url: string): Promise<void>
  /** Keeps `window` edits unacknowledged from now on, until `pause` or the loss of the connection. */
  write(window: number): void
  pause(): void
  /** Resolves when the connection is gone and everything that had arrived on it is in the book. */
  disconnected(): Promise<void>
  connected(): boolean
  close(): void
  /** Keys of its own, by what it knows of them. */
  acknowledged(): readonly string[]
  unacknowledged(): readonly string[]
  /** Keys of others that it was shown. */
  shown(): readonly string[]
}

export function createWriter(): Writer {
  const document = new Y.Doc()
  /** Own keys in writing order: the n-th is the one written at clock n of this client, since each write is one struct. */
  const written: string[] = []
  const known: boolean[] = []
  let socket: SyncSocket | undefined
  let window = 0
  let open = 0

  document.on('update', (update: Uint8Array, origin: unknown) => {
    if (origin !== socket) socket?.send(frameUpdate(update))
  })

  function acknowledge(from: number, to: number): void {
    for (let clock = from; clock < Math.min(to, written.length); clock += 1) {
      if (known[clock] === true) continue
      known[clock] = true
      open -= 1
    }
  }

  function readContent(update: Uint8Array): void {
    const { from, to } = Y.parseUpdateMeta(update)
    acknowledge(from.get(document.clientID) ?? 0, to.get(document.clientID) ?? 0)
    Y.applyUpdate(document, update, socket ?? 'joining')
    pump()
  }

  /** What the server says that it holds is saved (P2): after a fault, the only word on edits whose acknowledgement was lost. */
  function answer(stateVector: Uint8Array): Uint8Array {
    acknowledge(0, Y.decodeStateVector(stateVector).get(document.clientID) ?? 0)
    return Y.encodeStateAsUpdate(document, stateVector)
  }

  function pump(): void {
    while (socket !== undefined && open < window) {
      const entry: RecordId = uuidv7(systemClock)
      written.push(`${entry}/subject`)
      open += 1
      document.getMap('activities').set(`${entry}/subject`, `call ${written.length}`)
    }
  }

  return {
    async connect(url) {
      const events = { update: readContent, answer, lost: () => undefined }
      const connected: SyncSocket = await connectSync(url, events, Y.encodeStateVector(document))
      socket = connected
      pump()
      connected.closed.then(() => {
        if (socket === connected) socket = undefined
      })
    },
    write(edits) {
      window = edits
      pump()
    },
    pause() {
      window = 0
    },
    disconnected: async () => socket?.closed,
    connected: () => socket !== undefined,
    close() {
      window = 0
      socket?.close()
      socket = undefined
    },
    acknowledged: () => written.filter((_, clock) => known[clock] === true),
    unacknowledged: () => written.filter((_, clock) => known[clock] !== true),
    shown() {
      const own = new Set(written)
      return [...keysOf(document)].filter((key) => !own.has(key))
    },
  }
}
