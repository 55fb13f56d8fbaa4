/**
 * The Yjs client id under which this process writes in one record.
 *
 * Drawn when it first writes, and again whenever the document was rebuilt: a database that lost a commit would otherwise see
 * the same id and clocks with other content, and two replicas would differ for ever with equal state vectors. A rebuild out
 * of idleness alone keeps the id, since every new one makes each later edit of the record a little dearer.
 */
import type { Clock } from '@rapport/shared/clock.ts'
import * as Y from 'yjs'
import type { Known, ScannedUpdate } from './pre-scan.ts'

/** An id that this process wrote with before it unloaded the record, and the clock it had reached. */
export interface KeptClient {
  readonly id: number
  readonly clock: number
}

export interface ServerClient {
  /** Makes the document write under this process's id, drawn now if need be, and returns it. */
  claim(document: Y.Doc): number
  /** Called before an update from outside is applied: an id that somebody else uses too is never used again. */
  beware(update: ScannedUpdate, known: Known): void
  /** The document was rebuilt from the log: the next write draws a new id. */
  renew(): void
  /** What to hand to the next `createServerClient` of the record, given its committed state vector. */
  keep(stateVector: Uint8Array): KeptClient | undefined
}

/** `kept` is taken up again only if the document then holds just what was written with it. */
export function createServerClient(clock: Clock, kept?: KeptClient): ServerClient {
  let id: number | undefined
  let candidate = kept

  return {
    claim(document) {
      if (id === undefined && candidate !== undefined && Y.getState(document.store, candidate.id) === candidate.clock)
        id = candidate.id
      candidate = undefined
      while (id === undefined) {
        const drawn = clock.random32()
        if (!document.store.clients.has(drawn)) id = drawn
      }
      document.clientID = id
      return id
    },
    beware(update, known) {
      if (update.structs.some((range) => range.client === id && range.end > known.clock(range.client))) id = undefined
    },
    renew() {
      id = undefined
      candidate = undefined
    },
    keep(stateVector) {
      if (id === undefined) return candidate
      return { id, clock: Y.decodeStateVector(stateVector).get(id) ?? 0 }
    },
  }
}
