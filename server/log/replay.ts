/**
 * Puts stored updates into a document, and nothing but them.
 *
 * Applied as remote changes they would make Yjs tidy up formatting afterwards, in a transaction of its own: a deletion that this
 * replica alone would hold, show and count as known, and that is in no log.
 */
import * as Y from 'yjs'

/** Throws what Yjs throws, and if something that the updates build on is missing; the document is then unusable. */
export function applyStored(document: Y.Doc, updates: Iterable<Uint8Array>): void {
  document.transact((transaction) => {
    for (const update of updates) Y.applyUpdate(document, update)
    transaction.local = true
  })
  const { pendingStructs, pendingDs } = document.store
  if (pendingStructs !== null || pendingDs !== null) throw new Error('stored updates have a gap')
}
