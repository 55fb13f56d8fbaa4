/**
 * The gate before a live document: walks an update's bytes without building anything, and refuses what no Yjs encoder writes
 * or what is beyond the largest record allowed. One such update can wedge a document for good (a zero-length struct of 9 bytes
 * does), so only a `ScannedUpdate` may be applied, and only this file makes one. What an honest client may send and not keep, such as an
 * unknown field, a type where none belongs or a text too long, is not refused here: that is for the judge.
 *
 * It also notes what the update brings and what it needs, so that a gap is recognised before Yjs would park it.
 * Reads update format version 1 alone; version 2 can spell a gigabyte in 25 bytes and is never decoded from outside.
 */
import { GC, KIND, passContent, SKIP, TYPE } from './struct-content.ts'
import { type ClientStructs, deepestType, HAS_ORIGIN, HAS_PARENT_KEY, HAS_RIGHT_ORIGIN, inCausalOrder } from './struct-list.ts'
import { LIMITS, type Limits, NO_LIMITS } from './update-limits.ts'
import { MalformedUpdate, UpdateReader } from './update-reader.ts'

declare const scanned: unique symbol

/** Clocks `[start, end)` of one client, of which every struct is in the update. */
export interface ClockRange {
  readonly client: number
  readonly start: number
  readonly end: number
}

export interface ScannedUpdate {
  readonly [scanned]: true
  readonly bytes: Uint8Array
  /** By client, each client's in clock order. */
  readonly structs: readonly ClockRange[]
  /** By client, each client's in clock order and apart from each other. */
  readonly deletes: readonly ClockRange[]
  /** For each client that structs lean on as neighbour or parent: the clock that must be known, exclusive. */
  readonly needs: ReadonlyMap<number, number>
  /** The structs one by one. */
  readonly clients: readonly ClientStructs[]
  /** How many structs it brings. */
  readonly count: number
  /** How many of them are shared types. */
  readonly types: number
  /** The root names that structs give, as their parent; most structs have a neighbour that tells. */
  readonly roots: ReadonlySet<string>
}

/** What a replica holds, as far as a scan must know. */
export interface Known {
  /** The next clock of a client: everything below is there. */
  clock(client: number): number
}

const MAX_CLIENT = 0xffff_ffff
/** One client's characters in one record, over its whole life; honest records stay millions of times below. */
const MAX_CLOCK = 2 ** 32
interface Tally {
  readonly limits: Limits
  readonly needs: Map<number, number>
  readonly roots: Set<string>
  /** By client, parent and key: keys of maps that it wrote without leaning on anything; one client does so once a key. */
  begun: Set<string> | undefined
  count: number
  types: number
}

/** Throws `MalformedUpdate`; anything it returns is structurally sound. */
export function preScan(bytes: Uint8Array): ScannedUpdate {
  return scan(bytes, LIMITS)
}

/** The deletions in a state that this server has stored, however large it has become over time. */
export function storedDeletions(state: Uint8Array): readonly ClockRange[] {
  return scan(state, NO_LIMITS).deletes
}

function scan(bytes: Uint8Array, limits: Limits): ScannedUpdate {
  const reader = new UpdateReader(bytes)
  const tally: Tally = { limits, needs: new Map(), roots: new Set(), begun: undefined, count: 0, types: 0 }
  const structs: ClockRange[] = []
  const clients = scanStructs(reader, tally, structs)
  const deletes = scanDeletes(reader)
  if (reader.remaining > 0) throw new MalformedUpdate('bytes behind the end')
  const { needs, roots, count, types } = tally
  const update = { bytes, structs, deletes, needs, clients, count, types, roots } as unknown as ScannedUpdate
  const nothing = (): number => 0
  if (types > limits.depth && deepestType(update, nothing, nothing) > limits.depth) {
    throw new MalformedUpdate('types nested too deep')
  }
  if (leansOnItself(update)) inCausalOrder(update)
  return update
}

/** Nothing in it at all, as a client answers that has nothing the server lacks. */
export function isEmpty(update: ScannedUpdate): boolean {
  return update.structs.length === 0 && update.deletes.length === 0
}

/** Whether something that the update builds on is neither known nor in the update itself. */
export function hasGap(update: ScannedUpdate, known: Known): boolean {
  const reach = new Map<number, number>()
  for (const range of update.structs) {
    const end = reach.get(range.client) ?? known.clock(range.client)
    if (range.start > end) return true
    reach.set(range.client, Math.max(end, range.end))
  }
  const beyond = (client: number, clock: number): boolean => clock > (reach.get(client) ?? known.clock(client))
  for (const [client, clock] of update.needs) if (beyond(client, clock)) return true
  return update.deletes.some((range) => beyond(range.client, range.end))
}

/** Whether a client's structs lean on those of another one in the same update. */
function leansOnItself({ clients, needs }: ScannedUpdate): boolean {
  return clients.length > 1 && clients.some(({ client, clocks }) => (needs.get(client) ?? 0) > (clocks[0] ?? 0))
}

function scanStructs(reader: UpdateReader, tally: Tally, ranges: ClockRange[]): ClientStructs[] {
  const parts: ClientStructs[] = []
  const seen = new Set<number>()
  const clients = reader.count(4)
  if (clients > tally.limits.clients) throw new MalformedUpdate('too many clients')
  for (let left = clients; left > 0; left -= 1) {
    const count = reader.count(2)
    const client = readClient(reader)
    if (count === 0) throw new MalformedUpdate('client without structs')
    tally.count += count
    if (tally.count > tally.limits.structs) throw new MalformedUpdate('too many structs')
    if (tally.count >= tally.limits.suspicious) tally.begun ??= new Set()
    if (seen.has(client)) throw new MalformedUpdate('client twice')
    seen.add(client)
    parts.push(scanClient(reader, tally, client, count, ranges))
  }
  return parts
}

function scanClient(reader: UpdateReader, tally: Tally, client: number, count: number, ranges: ClockRange[]): ClientStructs {
  let clock = reader.varUint()
  let start = clock
  const clocks = [clock]
  const offsets = [reader.position]
  for (let left = count; left > 0; left -= 1) {
    const info = reader.byte()
    const length = scanStruct(reader, info, client, clock, tally)
    if (length === 0) throw new MalformedUpdate('zero-length struct')
    if (clock + length > MAX_CLOCK) throw new MalformedUpdate('clock out of range')
    if ((info & KIND) === SKIP) {
      if (clock > start) ranges.push({ client, start, end: clock })
      start = clock + length
      tally.count -= 1
    }
    clock += length
    clocks.push(clock)
    offsets.push(reader.position)
  }
  if (clock > start) ranges.push({ client, start, end: clock })
  return { client, clocks, offsets }
}

/** Returns the struct's length in clocks. */
function scanStruct(reader: UpdateReader, info: number, client: number, clock: number, tally: Tally): number {
  const kind = info & KIND
  if (kind === GC || kind === SKIP) {
    if (info !== kind) throw new MalformedUpdate('flags on a struct without content')
    return reader.varUint()
  }
  const origin = (info & HAS_ORIGIN) !== 0
  const rightOrigin = (info & HAS_RIGHT_ORIGIN) !== 0
  const left = origin ? scanReference(reader, client, clock, tally) : undefined
  const right = rightOrigin ? scanReference(reader, client, clock, tally) : undefined
  // Yjs splits an item there after it has looked up the left one: each replica would make something else of it.
  if (left !== undefined && left.owner === right?.owner && left.clock === right.clock) {
    throw new MalformedUpdate('both neighbours are one')
  }
  if (!origin && !rightOrigin) scanParent(reader, (info & HAS_PARENT_KEY) !== 0, client, clock, tally)
  if (kind === TYPE) {
    tally.types += 1
    if (tally.types > tally.limits.types) throw new MalformedUpdate('too many shared types')
  }
  return passContent(reader, kind, tally.limits.name)
}

function scanParent(reader: UpdateReader, keyed: boolean, client: number, clock: number, tally: Tally): void {
  const from = reader.position
  if (reader.varUint() === 1) {
    tally.roots.add(reader.name(tally.limits.name))
    if (tally.roots.size > tally.limits.roots) throw new MalformedUpdate('too many roots')
  } else scanReference(reader, client, clock, tally)
  if (!keyed) return
  reader.passName(tally.limits.name)
  if (tally.begun === undefined) return
  // Yjs lets a client's later write to a key lean on its earlier one, and walks a key from its beginning for each that does not.
  const key = `${client} ${reader.latin1(from)}`
  if (tally.begun.has(key)) throw new MalformedUpdate('a key begun twice')
  tally.begun.add(key)
}

function scanReference(
  reader: UpdateReader,
  client: number,
  clock: number,
  tally: Tally,
): { readonly owner: number; readonly clock: number } {
  const { needs, limits } = tally
  const owner = readClient(reader)
  const named = reader.varUint()
  const needed = named + 1
  if (owner === client) {
    // Yjs does not wait for its own client's structs: one that names a later one fails in the middle of a transaction.
    if (needed > clock) throw new MalformedUpdate('struct leans on its own future')
  } else if (needed > (needs.get(owner) ?? 0)) {
    needs.set(owner, needed)
    if (needs.size > limits.needed) throw new MalformedUpdate('leans on too many clients')
  }
  return { owner, clock: named }
}

/** Yjs sorts and merges deletions before it writes them; many overlapping ones would each be looked for. */
function scanDeletes(reader: UpdateReader): ClockRange[] {
  const ranges: ClockRange[] = []
  const seen = new Set<number>()
  for (let clients = reader.count(2); clients > 0; clients -= 1) {
    const client = readClient(reader)
    if (seen.has(client)) throw new MalformedUpdate('deletions of a client twice')
    seen.add(client)
    let end = 0
    for (let left = reader.count(2); left > 0; left -= 1) {
      const start = reader.varUint()
      const length = reader.varUint()
      if (length === 0) throw new MalformedUpdate('zero-length deletion')
      if (start + length > MAX_CLOCK) throw new MalformedUpdate('clock out of range')
      if (start < end) throw new MalformedUpdate('deletions overlap')
      end = start + length
      ranges.push({ client, start, end })
    }
  }
  return ranges
}

function readClient(reader: UpdateReader): number {
  const client = reader.varUint()
  if (client > MAX_CLIENT) throw new MalformedUpdate('client id out of range')
  return client
}
