/** What hostile updates are put together from. */
import * as encoding from 'lib0/encoding'
import * as Y from 'yjs'
import { encoded, type Parts } from '../unit/access/bytes.ts'

export const NULL = Uint8Array.of(126)
/** First bytes of items: their content kind, and what they lean on. */
export const DELETED_IN_ROOT = 1
export const TYPE_BEHIND = Uint8Array.of(0x87)
export const STRING_BEHIND = Uint8Array.of(0x84)
const ANY_BEHIND = Uint8Array.of(0x88)
export const MAP = 1
export const ATTACKER = 0x7000_0000

export function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index))
}

/** Structs of one client from a clock on. */
export function client(id: number, clock: number, structs: readonly Parts[]): Parts {
  return [structs.length, id, clock, structs.flat()].flat()
}

/** Clients, each as `client` makes it, and deletions as (client, ranges). */
export function update(clients: readonly Parts[], ...deletions: readonly Parts[]): Uint8Array {
  return encoded([clients.length, clients.flat(), deletions.length, deletions.flat()].flat())
}

/** Maps in one another, the outermost under a key of `emails`. */
export function nestedMaps(id: number, levels: number): Parts[] {
  return times(levels, (level) => (level === 0 ? [0x27, 1, 'emails', 'a', MAP] : [0x27, 0, id, level - 1, 'a', MAP]))
}

/** One text whose items cannot merge: strings and values in turn, each behind the one before. */
export function chain(id: number, length: number): Parts[] {
  return times(length, (at) => {
    if (at === 0) return [4, 1, 'summary', 'x']
    return at % 2 === 0 ? [STRING_BEHIND, id, at - 1, 'x'] : [ANY_BEHIND, id, at - 1, 1, NULL]
  })
}

/** As version 2 writes it: a million collected structs are a run of equal lengths. */
export function versionTwo(structs: number): Uint8Array {
  const encoder = new Y.UpdateEncoderV2()
  encoding.writeVarUint(encoder.restEncoder, 1)
  encoding.writeVarUint(encoder.restEncoder, structs)
  encoder.writeClient(1)
  encoding.writeVarUint(encoder.restEncoder, 0)
  for (let left = structs; left > 0; left -= 1) {
    encoder.writeInfo(0)
    encoder.writeLen(1)
  }
  encoding.writeVarUint(encoder.restEncoder, 0)
  return encoder.toUint8Array()
}
