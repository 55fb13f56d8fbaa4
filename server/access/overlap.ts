/**
 * Structs of which the document knows the beginning. Honest ones continue what is there. Yjs takes the sender's word for that, in the live
 * document alone: it puts the rest behind the clock before it, under whatever parent the struct names, but stores and sends it as a
 * neighbour of that clock, so that a forged struct would stand in one place here and in another everywhere else. Cut off where the document ends, it
 * stands in the same place everywhere.
 */
import * as Y from 'yjs'
import { preScan, type ScannedUpdate } from './pre-scan.ts'
import { hasBoundary } from './struct-list.ts'

/** The update, but for the beginnings of structs that the document knows. To be applied in its place. */
export function withoutKnownParts(update: ScannedUpdate, document: Y.Doc): ScannedUpdate {
  const cut = update.clients.some((part) => !hasBoundary(part, Y.getState(document.store, part.client)))
  return cut ? preScan(Y.diffUpdate(update.bytes, Y.encodeStateVector(document))) : update
}
