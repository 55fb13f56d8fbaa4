/** Replicas of one record without any network: made alike, edited apart, brought together. */
import * as Y from 'yjs'

/** Documents with different client ids that hold the same first content. */
export function fork(count: number, first?: (document: Y.Doc) => void): Y.Doc[] {
  const origin = new Y.Doc()
  first?.(origin)
  const update = Y.encodeStateAsUpdate(origin)
  return Array.from({ length: count }, () => {
    const replica = new Y.Doc()
    Y.applyUpdate(replica, update)
    return replica
  })
}

/** Gives every replica what any of them has. */
export function sync(replicas: readonly Y.Doc[]): void {
  const updates = replicas.map((replica) => Y.encodeStateAsUpdate(replica))
  for (const replica of replicas) for (const update of updates) Y.applyUpdate(replica, update)
}
