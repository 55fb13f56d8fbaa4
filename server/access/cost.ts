/**
 * What an update may cost Yjs in a document, as far as the update itself does not show it: a few bytes can lean on the far end of a long
 * text or a much written key, or delete all that a client ever wrote. Everything here is counted up to a bound and no further.
 */
import * as Y from 'yjs'
import type { ClockRange, ScannedUpdate } from './pre-scan.ts'
import { type ClientStructs, linksOf, namedPlace } from './struct-list.ts'

/** Items between which one struct has to find its place; fewer take Yjs well below a millisecond. */
const FAR = 2_000
/** Items to look at in all, before an update counts as far without more ado. */
const BUDGET = 64 * FAR

/**
 * Whether Yjs would go through a long list for one of the structs: it does where there are items between the struct's neighbours.
 * What is written at the end of a key or between two items that stand side by side costs a look-up.
 */
export function goesFar(update: ScannedUpdate, document: Y.Doc): boolean {
  let budget = BUDGET
  for (const part of update.clients) {
    const known = Y.getState(document.store, part.client)
    for (let index = 0; index < part.offsets.length - 1; index += 1) {
      if ((part.clocks[index + 1] ?? 0) <= known) continue
      const steps = between(update, part, index, document)
      budget -= steps
      if (steps >= FAR || budget <= 0) return true
    }
  }
  return false
}

/** How many items stand between a struct's neighbours, those included that the document holds alone; at most `FAR`. */
function between({ bytes }: ScannedUpdate, part: ClientStructs, index: number, document: Y.Doc): number {
  const { origin, rightOrigin, parent } = linksOf(bytes, part, index)
  const right = rightOrigin && itemAt(document, rightOrigin)
  if (rightOrigin !== undefined && right === undefined) return 0
  if (origin !== undefined) {
    const left = itemAt(document, origin)
    return left === undefined || left === right ? 0 : count(left.right, right, 'right')
  }
  if (right !== undefined) {
    if (right.left === null) return 0
    const list: unknown = right.parent
    return list instanceof Y.AbstractType ? count(list._start, right, 'right') : 0
  }
  const { root, key } = namedPlace(bytes, part, index)
  const holder = parent && itemAt(document, parent)
  const type: unknown =
    root !== undefined
      ? document.share.get(root)
      : holder?.content instanceof Y.ContentType
        ? (holder.content.type as unknown)
        : undefined
  if (!(type instanceof Y.AbstractType)) return 0
  return key === undefined ? count(type._start, undefined, 'right') : count(type._map.get(key) ?? null, undefined, 'left')
}

function count(from: Y.Item | null, until: Y.Item | undefined, side: 'left' | 'right'): number {
  let steps = 0
  for (let item = from; item !== null && item !== until && steps < FAR; item = item[side]) steps += 1
  return steps
}

function itemAt(document: Y.Doc, { client, clock }: { readonly client: number; readonly clock: number }): Y.Item | undefined {
  const structs = document.store.clients.get(client)
  if (structs === undefined || clock >= Y.getState(document.store, client)) return undefined
  const struct = structs[Y.findIndexSS(structs, clock)]
  return struct instanceof Y.Item ? struct : undefined
}

/** The beginning of a deletion that covers at most `most` structs, and how many those are; one, of what the document does not hold. */
export function firstOf(range: ClockRange, document: Y.Doc, most: number): { readonly end: number; readonly structs: number } {
  const { client, start, end } = range
  const structs = document.store.clients.get(client)
  if (structs === undefined || start >= Y.getState(document.store, client)) return { end, structs: 1 }
  const first = Y.findIndexSS(structs, start)
  const last = structs[first + most - 1]
  const cut = last === undefined ? end : Math.min(end, last.id.clock + last.length)
  if (cut < end) return { end: cut, structs: most }
  const known = Math.min(end, Y.getState(document.store, client))
  return { end, structs: Y.findIndexSS(structs, known - 1) - first + 1 }
}
