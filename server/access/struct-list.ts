/**
 * The structs of a scanned update one by one: where each lies in the bytes, what it leans on, in which order they can be
 * integrated, and how deep their types nest. Reads again what the scan has passed over, so it is made only where an update is large,
 * brings shared types, or has clients that lean on each other.
 */
import * as Y from 'yjs'
import { GC, KIND, SKIP, TYPE } from './struct-content.ts'
import { MalformedUpdate, UpdateReader } from './update-reader.ts'

export const HAS_ORIGIN = 0x80
export const HAS_RIGHT_ORIGIN = 0x40
export const HAS_PARENT_KEY = 0x20

/** One client's part of an update: struct `i` takes clocks `[clocks[i], clocks[i + 1])` and bytes `[offsets[i], offsets[i + 1])`. */
export interface ClientStructs {
  readonly client: number
  /** In clock order, skips included; one more than there are structs. */
  readonly clocks: readonly number[]
  readonly offsets: readonly number[]
}

/** Structs `[from, to)` of one client. */
export interface Run {
  readonly part: ClientStructs
  readonly from: number
  readonly to: number
}

export interface Id {
  readonly client: number
  readonly clock: number
}

export interface Links {
  readonly kind: number
  readonly origin: Id | undefined
  readonly rightOrigin: Id | undefined
  /** The item that holds the parent type. A root, or a parent that the neighbours tell, is `undefined`. */
  readonly parent: Id | undefined
}

interface Parts {
  readonly bytes: Uint8Array
  readonly clients: readonly ClientStructs[]
}

/** What struct `index` leans on. */
export function linksOf(bytes: Uint8Array, part: ClientStructs, index: number): Links {
  const reader = new UpdateReader(bytes, part.offsets[index])
  const info = reader.byte()
  const kind = info & KIND
  if (kind === GC || kind === SKIP) return { kind, origin: undefined, rightOrigin: undefined, parent: undefined }
  const origin = (info & HAS_ORIGIN) !== 0 ? readId(reader) : undefined
  const rightOrigin = (info & HAS_RIGHT_ORIGIN) !== 0 ? readId(reader) : undefined
  const told = origin !== undefined || rightOrigin !== undefined || reader.varUint() === 1
  return { kind, origin, rightOrigin, parent: told ? undefined : readId(reader) }
}

/** The root and the key that struct `index` names by itself; without neighbours alone it names any. */
export function namedPlace(
  bytes: Uint8Array,
  part: ClientStructs,
  index: number,
): { readonly root: string | undefined; readonly key: string | undefined } {
  const reader = new UpdateReader(bytes, part.offsets[index])
  const info = reader.byte()
  const kind = info & KIND
  if (kind === GC || kind === SKIP || (info & (HAS_ORIGIN | HAS_RIGHT_ORIGIN)) !== 0) return { root: undefined, key: undefined }
  const root = reader.varUint() === 1 ? reader.string() : undefined
  if (root === undefined) readId(reader)
  return { root, key: (info & HAS_PARENT_KEY) !== 0 ? reader.string() : undefined }
}

/** The flags and the kind of struct `index`. */
export function infoOf(bytes: Uint8Array, part: ClientStructs, index: number): number {
  return bytes[part.offsets[index] ?? 0] ?? 0
}

/** Whether struct `index` is nothing but a hole in its client's clocks. */
export function isSkip(bytes: Uint8Array, part: ClientStructs, index: number): boolean {
  return (infoOf(bytes, part, index) & KIND) === SKIP
}

function readId(reader: UpdateReader): Id {
  return { client: reader.varUint(), clock: reader.varUint() }
}

/**
 * All structs in an order in which each follows what it leans on: highest client first, as Yjs integrates them, since that spares
 * it the most comparisons. Throws `MalformedUpdate` if they lean on each other in a circle, which no history can bring about.
 */
export function inCausalOrder({ bytes, clients }: Parts): Run[] {
  const sorted = [...clients].sort((one, other) => other.client - one.client)
  if (sorted.length < 2) return sorted.map((part) => ({ part, from: 0, to: count(part) }))
  const states = new Map(sorted.map((part) => [part.client, { part, next: 0, waiting: false }]))
  type State = NonNullable<ReturnType<typeof states.get>>
  const runs: Run[] = []

  /** The client whose next struct has to come first, and up to which clock, exclusive. */
  const blocker = (state: State): { readonly state: State; readonly until: number } | undefined => {
    const links = linksOf(bytes, state.part, state.next)
    for (const id of [links.origin, links.rightOrigin, links.parent]) {
      if (id === undefined || id.client === state.part.client) continue
      const owner = states.get(id.client)
      if (owner === undefined) continue
      const { clocks } = owner.part
      // Clocks before the part or behind it are not its to bring.
      if (id.clock >= (clocks[owner.next] ?? 0) && id.clock < (clocks.at(-1) ?? 0)) return { state: owner, until: id.clock + 1 }
    }
    return undefined
  }

  for (const first of states.values()) {
    const stack = [{ state: first, until: Number.POSITIVE_INFINITY }]
    first.waiting = true
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const { state, until } = top
      const { part } = state
      const from = state.next
      let blocked: ReturnType<typeof blocker>
      while (state.next < count(part) && (part.clocks[state.next] ?? 0) < until) {
        blocked = blocker(state)
        if (blocked !== undefined) break
        state.next += 1
      }
      if (state.next > from) runs.push({ part, from, to: state.next })
      if (blocked === undefined) {
        state.waiting = false
        stack.pop()
      } else {
        if (blocked.state.waiting) throw new MalformedUpdate('structs lean on each other in a circle')
        blocked.state.waiting = true
        stack.push(blocked)
      }
    }
  }
  return runs
}

/**
 * How many shared types lie around the deepest type that the update brings, that type included. `outside` answers for items that the update
 * does not bring: the types around the item.
 */
export function deepestType(update: Parts, known: (client: number) => number, outside: (id: Id) => number): number {
  const parts = new Map(update.clients.map((part) => [part.client, { part, depths: new Uint32Array(count(part)) }]))
  let deepest = 0
  const around = (id: Id): number => {
    const own = parts.get(id.client)
    if (own === undefined || id.clock < known(id.client)) return outside(id)
    const index = indexAt(own.part.clocks, id.clock)
    return index === undefined ? outside(id) : (own.depths[index] ?? 0)
  }
  for (const { part, from, to } of inCausalOrder(update)) {
    const depths = parts.get(part.client)?.depths
    if (depths === undefined) continue
    for (let index = from; index < to; index += 1) {
      const { kind, origin, rightOrigin, parent } = linksOf(update.bytes, part, index)
      const neighbour = origin ?? rightOrigin
      const depth = neighbour !== undefined ? around(neighbour) : parent !== undefined ? around(parent) + 1 : 0
      depths[index] = depth
      if (kind === TYPE) deepest = Math.max(deepest, depth + 1)
    }
  }
  return deepest
}

/**
 * Whether no type that the update brings would lie deeper in the document than `most`, itself included. To be asked before an update is
 * applied, if it has no gap; costs nothing for one that brings no types.
 */
export function depthWithin(update: Parts & { readonly types: number }, document: Y.Doc, most: number): boolean {
  if (update.types === 0) return true
  return (
    deepestType(
      update,
      (client) => Y.getState(document.store, client),
      (id) => typesAround(document, id, most),
    ) <= most
  )
}

/** How many shared types below its root lie around an item of a document; at most `most + 1` are counted. */
function typesAround(document: Y.Doc, { client, clock }: Id, most: number): number {
  const structs = document.store.clients.get(client)
  if (structs === undefined || clock >= Y.getState(document.store, client)) return 0
  let item: unknown = structs[Y.findIndexSS(structs, clock)]
  let types = 0
  while (types <= most && item instanceof Y.Item) {
    const parent: unknown = item.parent
    item = parent instanceof Y.AbstractType ? parent._item : null
    if (item instanceof Y.Item) types += 1
  }
  return types
}

/** Whether no struct of the part lies across a clock. */
export function hasBoundary({ clocks }: ClientStructs, clock: number): boolean {
  const index = indexAt(clocks, clock)
  return index === undefined || clocks[index] === clock
}

/** The struct that holds a clock. */
export function indexAt(clocks: readonly number[], clock: number): number | undefined {
  if (clock < (clocks[0] ?? 0) || clock >= (clocks.at(-1) ?? 0)) return undefined
  let [low, high] = [0, clocks.length - 1]
  while (high - low > 1) {
    const middle = (low + high) >>> 1
    if ((clocks[middle] ?? 0) <= clock) low = middle
    else high = middle
  }
  return low
}

function count(part: ClientStructs): number {
  return part.offsets.length - 1
}
