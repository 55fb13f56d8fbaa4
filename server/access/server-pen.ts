/**
 * How the server writes in a live document, in the middle of a judge's transaction: under its own client id, with a note of what each
 * item stands for. Without that note nobody could say later whose value it shows.
 */
import type { Author } from '@rapport/shared/ids.ts'
import * as Y from 'yjs'
import { type ItemId, type Mark, SERVER_AUTHOR } from '../log/findings.ts'
import type { Ledger, Value, Write } from './ledger.ts'
import { ownMark } from './marks.ts'
import type { ServerClient } from './server-client.ts'

export interface ServerPen {
  /** Makes a change in the author's name; its items are writes of their own. True if it wrote or deleted anything. */
  write(author: Author, change: () => void): boolean
  /** Sets a key to what that write says; the item stands for it. */
  show(map: Y.Map<unknown>, key: string, value: Value, write: Write, author: Author, cleared: boolean): void
}

export function createServerPen(document: Y.Doc, transaction: Y.Transaction, server: ServerClient, ledger: Ledger): ServerPen {
  function claim(): ItemId {
    const client = server.claim(document)
    return { client, clock: Y.getState(document.store, client) }
  }

  function note(mark: Mark): void {
    if (ledger.ownerOf(mark.client) === undefined) ledger.bind({ client: mark.client, owner: SERVER_AUTHOR, relayed: false })
    ledger.mark(mark)
  }

  return {
    write(author, change) {
      const { client, clock } = claim()
      const deletions = deletionsOf(transaction)
      change()
      const length = Y.getState(document.store, client) - clock
      if (length > 0) note(ownMark(client, clock, length, author))
      return length > 0 || deletionsOf(transaction) > deletions
    },
    show(map, key, value, write, author, cleared) {
      const { client, clock } = claim()
      map.set(key, value)
      note({ client, clock, length: 1, author, standsFor: write, cleared })
    },
  }
}

/** How many deletions a transaction has made so far. */
export function deletionsOf(transaction: Y.Transaction): number {
  let count = 0
  for (const items of transaction.deleteSet.clients.values()) count += items.length
  return count
}
