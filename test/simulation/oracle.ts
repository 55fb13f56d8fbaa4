/**
 * What has ever been committed, kept beside the system under test. Nothing may be shown that is not in it (P2), and what was
 * acknowledged must be in the store (P1).
 */
import * as Y from 'yjs'
import { preScan } from '../../server/access/pre-scan.ts'

export class Oracle {
  /** The union of all entries that were ever committed, those included that a rolled-back database has forgotten. */
  readonly #committed = new Y.Doc()

  commit(update: Uint8Array): void {
    takeIn(this.#committed, [update])
  }

  /** Throws unless every struct and every deletion of a shown update has been committed before. */
  shown(update: Uint8Array, what: string): void {
    const { structs, deletes } = preScan(update)
    const { store } = this.#committed
    for (const { client, end } of structs) {
      if (end > Y.getState(store, client))
        throw new Error(`P2: ${what} shows structs of ${client} up to ${end} that are not committed`)
    }
    for (const { client, start, end } of deletes) {
      if (!this.#isDeleted(client, start, end))
        throw new Error(`P2: ${what} shows a deletion of ${client} ${start} that is not committed`)
    }
  }

  shownVector(vector: Uint8Array, what: string): void {
    for (const [client, clock] of Y.decodeStateVector(vector)) {
      if (clock > Y.getState(this.#committed.store, client))
        throw new Error(`P2: ${what} names clock ${clock} of ${client}, not committed`)
    }
  }

  #isDeleted(client: number, start: number, end: number): boolean {
    const structs = this.#committed.store.clients.get(client) ?? []
    if (end > Y.getState(this.#committed.store, client)) return false
    return structs.every((struct) => struct.id.clock >= end || struct.id.clock + struct.length <= start || struct.deleted)
  }
}

/** Applies updates and nothing else: as remote changes, Yjs would add deletions of its own, and hide what a replica has added. */
export function takeIn(document: Y.Doc, updates: readonly Uint8Array[]): void {
  document.transact((transaction) => {
    for (const update of updates) Y.applyUpdate(document, update)
    transaction.local = true
  })
}

/** Everything a person or a program can see in a record. */
export function contentOf(document: Y.Doc): unknown {
  return {
    fields: sorted(document.getMap('fields')),
    tags: sorted(document.getMap('tags')),
    emails: sorted(document.getMap('emails')),
    meta: sorted(document.getMap('meta')),
    summary: document.getText('summary').toJSON(),
    marks: document.getText('marks').toJSON(),
    notes: document.getXmlFragment('notes').toString(),
  }
}

function sorted(map: Y.Map<unknown>): unknown {
  return Object.entries(map.toJSON()).sort(([a], [b]) => (a < b ? -1 : 1))
}
