/**
 * Puts stored updates into a document, and nothing but them.
 *
 * Applied as remote changes they would make Yjs tidy up formatting afterwards, in a transaction of its own: a deletion that this
 * replica alone would hold, show and count as known, and that is in no log.
 */
import type { Clock } from '@rapport/shared/clock.ts'
import * as Y from 'yjs'

/** Milliseconds at a stretch, but for a single update; entries were small enough when they were judged. */
const TURN = 10

/** Throws what Yjs throws, and if something that the updates build on is missing; the document is then unusable. */
export function applyStored(document: Y.Doc, updates: Iterable<Uint8Array>): void {
  document.transact((transaction) => {
    for (const update of updates) Y.applyUpdate(document, update)
    transaction.local = true
  })
  expectWhole(document)
}

/** The same for many updates, with a turn for everything else in between. Nobody else may use the document meanwhile. */
export async function applyStoredInTurns(document: Y.Doc, updates: readonly Uint8Array[], clock: Clock): Promise<void> {
  for (let next = 0; next < updates.length; ) {
    const since = clock.elapsed()
    document.transact((transaction) => {
      do {
        Y.applyUpdate(document, updates[next] ?? new Uint8Array(0))
        next += 1
      } while (next < updates.length && clock.elapsed() - since < TURN)
      transaction.local = true
    })
    if (next < updates.length) await new Promise<void>((resolve) => clock.soon(resolve))
  }
  expectWhole(document)
}

function expectWhole(document: Y.Doc): void {
  const { pendingStructs, pendingDs } = document.store
  if (pendingStructs !== null || pendingDs !== null) throw new Error('stored updates have a gap')
}
