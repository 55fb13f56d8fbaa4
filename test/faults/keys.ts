/** Reads a record as somebody who was never there before: the judge of what is stored. */
import * as Y from 'yjs'
import { connectSync } from '../support/sync-socket.ts'

/** The keys written into a document by the writers of a fault run. */
export function keysOf(document: Y.Doc): ReadonlySet<string> {
  return new Set(document.getMap('activities').keys())
}

/** The keys that a fresh replica is given. Throws if it is given something that refers to what it was not given. */
export async function readKeys(url: string): Promise<ReadonlySet<string>> {
  const document = new Y.Doc()
  const update = (bytes: Uint8Array): void => Y.applyUpdate(document, bytes)
  const socket = await connectSync(url, { update, lost: () => undefined }, 'empty')
  socket.close()
  if (document.store.pendingStructs !== null || document.store.pendingDs !== null)
    throw new Error('the server sent half a record')
  return keysOf(document)
}
