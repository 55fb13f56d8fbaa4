/**
 * The content of one struct in an update: walks over it without building it, says how many clocks it takes, and refuses the
 * kinds and shapes that no field kind uses or no Yjs encoder writes.
 */
import { MalformedUpdate, type UpdateReader } from './update-reader.ts'

/** What the low five bits of a struct's first byte say. */
export const KIND = 0x1f
export const GC = 0
export const DELETED = 1
export const SKIP = 10
/** A shared type; what the struct's siblings of this kind bring is nested in it. */
export const TYPE = 7
const STRING = 4
const FORMAT = 6
const ANY = 8

/** Levels of plain objects and arrays inside one value. */
const MAX_VALUE_DEPTH = 64
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

/** Passes over the content and returns its length in clocks. `longest`: of a name, in bytes. */
export function passContent(reader: UpdateReader, kind: number, longest: number): number {
  switch (kind) {
    case DELETED:
      return reader.varUint()
    case STRING:
      return reader.stringLength()
    case FORMAT:
      reader.passName(longest)
      passJson(reader)
      return 1
    case TYPE: {
      const type = reader.varUint()
      if (type > LAST_TYPE) throw new MalformedUpdate('unknown shared type')
      if (NAMED_TYPES.has(type)) reader.passName(longest)
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
function passJson(reader: UpdateReader): void {
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
