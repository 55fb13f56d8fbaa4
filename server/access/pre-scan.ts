/**
 * The gate before a live document: walks an update's bytes without building anything, and refuses what no Yjs encoder writes
 * or no record type has a place for. One such update can wedge a document for good (a zero-length struct of 9 bytes does), so
 * only a `ScannedUpdate` may be applied, and only this file makes one.
 *
 * It also notes what the update brings and what it needs, so that a gap is recognised before Yjs would park it.
 * Reads update format version 1 alone; version 2 can spell a gigabyte in 25 bytes and is never decoded from outside.
 * First form: limits of counts, depth through the live document, and values are the judge's.
 */
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
  readonly deletes: readonly ClockRange[]
  /** For each client that structs lean on as neighbour or parent: the clock that must be known, exclusive. */
  readonly needs: ReadonlyMap<number, number>
}

/** What a replica holds, as far as a scan must know. */
export interface Known {
  /** The next clock of a client: everything below is there. */
  clock(client: number): number
}

const MAX_CLIENT = 0xffff_ffff
/** One client's characters in one record, over its whole life; honest records stay millions of times below. */
const MAX_CLOCK = 2 ** 32
/** Levels of plain objects and arrays inside one value. */
const MAX_VALUE_DEPTH = 64

const HAS_ORIGIN = 0x80
const HAS_RIGHT_ORIGIN = 0x40
const HAS_PARENT_KEY = 0x20
const CONTENT = 0x1f

const GC = 0
const DELETED = 1
const STRING = 4
const FORMAT = 6
const TYPE = 7
const ANY = 8
const SKIP = 10

/** Nested Y types that carry a name behind their number: XML elements and hooks. */
const NAMED_TYPES: ReadonlySet<number> = new Set([3, 5])
const LAST_TYPE = 6

/** Content kinds that Yjs knows and no field kind uses: legacy JSON, bytes, embeds, sub-documents. */
const UNUSED: ReadonlyMap<number, string> = new Map([
  [2, 'JSON'],
  [3, 'binary'],
  [5, 'embed'],
  [9, 'document'],
])

/** Throws `MalformedUpdate`; anything it returns is structurally sound. */
export function preScan(bytes: Uint8Array): ScannedUpdate {
  const reader = new UpdateReader(bytes)
  const needs = new Map<number, number>()
  const structs = scanStructs(reader, needs)
  const deletes = scanDeletes(reader)
  if (reader.remaining > 0) throw new MalformedUpdate('bytes behind the end')
  return { bytes, structs, deletes, needs } as unknown as ScannedUpdate
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

function scanStructs(reader: UpdateReader, needs: Map<number, number>): ClockRange[] {
  const ranges: ClockRange[] = []
  const seen = new Set<number>()
  for (let clients = reader.count(4); clients > 0; clients -= 1) {
    const count = reader.count(2)
    const client = readClient(reader)
    if (count === 0) throw new MalformedUpdate('client without structs')
    if (seen.has(client)) throw new MalformedUpdate('client twice')
    seen.add(client)
    let clock = reader.varUint()
    let start = clock
    for (let left = count; left > 0; left -= 1) {
      const info = reader.byte()
      const length = scanStruct(reader, info, client, clock, needs)
      if (length === 0) throw new MalformedUpdate('zero-length struct')
      if (clock + length > MAX_CLOCK) throw new MalformedUpdate('clock out of range')
      if ((info & CONTENT) === SKIP) {
        if (clock > start) ranges.push({ client, start, end: clock })
        start = clock + length
      }
      clock += length
    }
    if (clock > start) ranges.push({ client, start, end: clock })
  }
  return ranges
}

/** Returns the struct's length in clocks. */
function scanStruct(reader: UpdateReader, info: number, client: number, clock: number, needs: Map<number, number>): number {
  const kind = info & CONTENT
  if (kind === GC || kind === SKIP) return reader.varUint()
  const origin = (info & HAS_ORIGIN) !== 0
  const rightOrigin = (info & HAS_RIGHT_ORIGIN) !== 0
  if (origin) scanReference(reader, client, clock, needs)
  if (rightOrigin) scanReference(reader, client, clock, needs)
  if (!origin && !rightOrigin) {
    if (reader.varUint() === 1) reader.stringLength()
    else scanReference(reader, client, clock, needs)
    if ((info & HAS_PARENT_KEY) !== 0) reader.stringLength()
  }
  return scanContent(reader, kind)
}

function scanReference(reader: UpdateReader, client: number, clock: number, needs: Map<number, number>): void {
  const owner = readClient(reader)
  const needed = reader.varUint() + 1
  if (owner === client) {
    // Yjs does not wait for its own client's structs: one that names a later one fails in the middle of a transaction.
    if (needed > clock) throw new MalformedUpdate('struct leans on its own future')
    return
  }
  if (needed > (needs.get(owner) ?? 0)) needs.set(owner, needed)
}

function scanContent(reader: UpdateReader, kind: number): number {
  switch (kind) {
    case DELETED:
      return reader.varUint()
    case STRING:
      return reader.stringLength()
    case FORMAT:
      reader.stringLength()
      scanJson(reader)
      return 1
    case TYPE: {
      const type = reader.varUint()
      if (type > LAST_TYPE) throw new MalformedUpdate('unknown shared type')
      if (NAMED_TYPES.has(type)) reader.stringLength()
      return 1
    }
    case ANY: {
      const count = reader.count(1)
      for (let left = count; left > 0; left -= 1) reader.any(MAX_VALUE_DEPTH)
      return count
    }
    default:
      throw new MalformedUpdate(
        UNUSED.has(kind) ? `content kind ${UNUSED.get(kind)} has no place in a record` : 'unknown content kind',
      )
  }
}

/** Format values are JSON inside a string; Yjs parses them while it decodes and prints them whenever it encodes. */
function scanJson(reader: UpdateReader): void {
  let value: unknown
  try {
    value = JSON.parse(reader.string())
  } catch (cause) {
    if (cause instanceof MalformedUpdate) throw cause
    throw new MalformedUpdate('format value is not JSON', { cause })
  }
  if (!isWithin(value, MAX_VALUE_DEPTH)) throw new MalformedUpdate('format value nested too deep')
}

function isWithin(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return levels > 0 && Object.values(value).every((inner) => isWithin(inner, levels - 1))
}

function scanDeletes(reader: UpdateReader): ClockRange[] {
  const ranges: ClockRange[] = []
  for (let clients = reader.count(2); clients > 0; clients -= 1) {
    const client = readClient(reader)
    for (let left = reader.count(2); left > 0; left -= 1) {
      const start = reader.varUint()
      const length = reader.varUint()
      if (length === 0) throw new MalformedUpdate('zero-length deletion')
      if (start + length > MAX_CLOCK) throw new MalformedUpdate('clock out of range')
      ranges.push({ client, start, end: start + length })
    }
  }
  return ranges
}

function readClient(reader: UpdateReader): number {
  const client = reader.varUint()
  if (client > MAX_CLIENT) throw new MalformedUpdate('client id out of range')
  return client
}
