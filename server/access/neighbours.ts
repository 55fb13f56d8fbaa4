/**
 * Whether the two neighbours that a struct names can be neighbours at all. Yjs believes them: between items of two lists, or in the
 * wrong order, it puts the struct somewhere that depends on what came before, so that the live document, a replica that
 * loads its state and one that replays the log would differ for ever. No history brings such a struct about.
 *
 * To be asked before an update is applied, if it has no gap. Of two neighbours that come in the same update it is refused what their own
 * origins rule out; which of two concurrent ones stands first is for Yjs to say.
 */
import * as Y from 'yjs'
import type { ClockRange, ScannedUpdate } from './pre-scan.ts'
import {
  type ClientStructs,
  HAS_PARENT_KEY,
  HAS_RIGHT_ORIGIN,
  type Id,
  indexAt,
  infoOf,
  linksOf,
  namedPlace,
} from './struct-list.ts'

/** The list or map that a struct lies in: a type of the document, or a name for one that the update brings. */
interface Place {
  readonly parent: object | string
  readonly keyed: boolean
}

/** `collected`: the document holds no more than the clocks. `unknown`: it will, or nothing can be told. */
type Found = Place | 'collected' | 'unknown'

/** `deletes`: of the whole submission. */
export function neighboursFit(update: ScannedUpdate, document: Y.Doc, deletes: readonly ClockRange[]): boolean {
  const look = new Look(update, document)
  for (const part of update.clients) {
    const known = Y.getState(document.store, part.client)
    for (let index = 0; index < part.offsets.length - 1; index += 1) {
      // Whatever has no neighbour on the right stands at an end.
      if ((infoOf(update.bytes, part, index) & HAS_RIGHT_ORIGIN) === 0 || (part.clocks[index + 1] ?? 0) <= known) continue
      // The rest of a struct stands behind what is known of it.
      const before = (part.clocks[index] ?? 0) < known ? { client: part.client, clock: known - 1 } : undefined
      if (!structFits(look, part, index, before, deletes)) return false
    }
  }
  return true
}

function structFits(
  look: Look,
  part: ClientStructs,
  index: number,
  before: Id | undefined,
  deletes: readonly ClockRange[],
): boolean {
  const { bytes } = look.update
  const { origin, rightOrigin: right } = linksOf(bytes, part, index)
  const left = before ?? origin
  if (right === undefined) return true
  // A map's entry is written behind the last one.
  if ((infoOf(bytes, part, index) & HAS_PARENT_KEY) !== 0) return false
  const rightPlace = look.placeOf(right)
  if (isPlace(rightPlace) && rightPlace.keyed) return false
  if (left === undefined) return true
  const leftPlace = look.placeOf(left)
  if (isPlace(leftPlace) && leftPlace.keyed) return false
  if (leftPlace === 'unknown' || rightPlace === 'unknown') return true
  if (leftPlace === 'collected') return rightPlace === 'collected' || isDoomed(rightPlace, deletes)
  if (rightPlace === 'collected') return isDoomed(leftPlace, deletes)
  return leftPlace.parent === rightPlace.parent && look.mayFollow(left, right)
}

/** Whether a type is deleted, or is with this submission: all in it is collected then. */
function isDoomed({ parent }: Place, deletes: readonly ClockRange[]): boolean {
  if (typeof parent === 'string') return true
  let type: unknown = parent
  while (type instanceof Y.AbstractType && type._item !== null) {
    const { id, deleted, parent: outer } = type._item
    if (deleted || deletes.some(({ client, start, end }) => client === id.client && id.clock >= start && id.clock < end))
      return true
    type = outer
  }
  return false
}

function isPlace(found: Found): found is Place {
  return typeof found === 'object'
}

/** The document as it is, and the update that it does not hold yet. */
class Look {
  readonly update: ScannedUpdate
  readonly #document: Y.Doc
  readonly #parts: ReadonlyMap<number, ClientStructs>
  /** By client and struct of the update: where it lies. */
  readonly #found = new Map<ClientStructs, Map<number, Found>>()

  constructor(update: ScannedUpdate, document: Y.Doc) {
    this.update = update
    this.#document = document
    this.#parts = new Map(update.clients.map((part) => [part.client, part]))
  }

  placeOf(id: Id): Found {
    const path: { readonly part: ClientStructs; readonly index: number }[] = []
    let found: Found | undefined
    let at: Id | undefined = id
    while (found === undefined && at !== undefined) {
      const own = this.#coming(at)
      found = own === undefined ? this.#placeOfKnown(at) : this.#found.get(own.part)?.get(own.index)
      if (own === undefined || found !== undefined) break
      path.push(own)
      const links = linksOf(this.update.bytes, own.part, own.index)
      at = links.origin ?? links.rightOrigin
      if (at === undefined) found = this.#placeNamed(own.part, own.index)
    }
    // What leans on something collected is collected with it, though the document does not hold it yet.
    const inUpdate: Found = found === 'collected' || found === undefined ? 'unknown' : found
    for (const { part, index } of path) {
      const known = this.#found.get(part) ?? new Map<number, Found>()
      this.#found.set(part, known.set(index, inUpdate))
    }
    return path.length > 0 ? inUpdate : (found ?? 'unknown')
  }

  /** False if the right one surely does not stand behind the left one. */
  mayFollow(left: Id, right: Id): boolean {
    const start = this.#nearestKnown(left, right, 'origin')
    const end = this.#nearestKnown(right, left, 'rightOrigin')
    if (start === 'meets' || end === 'meets') return false
    return start === undefined || end === undefined || standsBehind(this.#document, start, end)
  }

  /**
   * What the document holds on one side of a struct, with nothing but structs of the update between; `meets` if the other neighbour lies on
   * that side, `undefined` if nothing does.
   */
  #nearestKnown(from: Id, other: Id, side: 'origin' | 'rightOrigin'): Id | 'meets' | undefined {
    const target = this.#coming(other)
    let at: Id | undefined = from
    while (at !== undefined) {
      const own = this.#coming(at)
      if (own === undefined) return at
      if (target !== undefined && own.part === target.part && own.index === target.index) {
        const ordered = side === 'origin' ? other.clock > at.clock : other.clock < at.clock
        return ordered ? undefined : 'meets'
      }
      at = linksOf(this.update.bytes, own.part, own.index)[side]
    }
    return undefined
  }

  /** The struct of the update that brings an id, if the document does not hold it. */
  #coming({ client, clock }: Id): { readonly part: ClientStructs; readonly index: number } | undefined {
    if (clock < Y.getState(this.#document.store, client)) return undefined
    const part = this.#parts.get(client)
    const index = part && indexAt(part.clocks, clock)
    return part === undefined || index === undefined ? undefined : { part, index }
  }

  #placeOfKnown(id: Id): Found {
    const struct = structAt(this.#document, id)
    if (struct instanceof Y.GC) return 'collected'
    if (!(struct instanceof Y.Item) || struct.parent === null) return 'unknown'
    return { parent: struct.parent, keyed: struct.parentSub !== null }
  }

  #placeNamed(part: ClientStructs, index: number): Found {
    const { root, key } = namedPlace(this.update.bytes, part, index)
    const keyed = key !== undefined
    if (root !== undefined) return { parent: this.#document.share.get(root) ?? `root ${root}`, keyed }
    const { parent } = linksOf(this.update.bytes, part, index)
    if (parent === undefined) return 'unknown'
    if (this.#coming(parent) !== undefined) return { parent: `${parent.client} ${parent.clock}`, keyed }
    const holder = structAt(this.#document, parent)
    const type: unknown = holder instanceof Y.Item && holder.content instanceof Y.ContentType ? holder.content.type : undefined
    return type instanceof Y.AbstractType ? { parent: type, keyed } : 'unknown'
  }
}

/**
 * Whether one item of a list stands behind another one. Goes on from both at once: that costs no more than the lesser of the way between
 * them and the way from the second to the end.
 */
function standsBehind(document: Y.Doc, first: Id, second: Id): boolean {
  const [one, other] = [structAt(document, first), structAt(document, second)]
  if (!(one instanceof Y.Item) || !(other instanceof Y.Item)) return true
  if (one === other) return second.clock > first.clock
  let [ahead, beyond] = [one.right, other.right]
  for (;;) {
    if (ahead === other || beyond === null) return true
    if (beyond === one || ahead === null) return false
    ahead = ahead.right
    beyond = beyond.right
  }
}

function structAt(document: Y.Doc, { client, clock }: Id): Y.AbstractStruct | undefined {
  const structs = document.store.clients.get(client)
  if (structs === undefined || clock >= Y.getState(document.store, client)) return undefined
  return structs[Y.findIndexSS(structs, clock)]
}
