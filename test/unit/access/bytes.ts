/** Updates written by hand, the way no Yjs encoder would. */
import * as encoding from 'lib0/encoding'

/** Numbers as variable-length integers, texts behind their length, bytes as they are. */
export function bytesOf(...parts: Parts): Uint8Array {
  return encoded(parts)
}

/** The same for more parts than a call can take. */
export function encoded(parts: Parts): Uint8Array {
  const encoder = encoding.createEncoder()
  for (const part of parts) {
    if (typeof part === 'number') encoding.writeVarUint(encoder, part)
    else if (typeof part === 'string') encoding.writeVarString(encoder, part)
    else encoding.writeUint8Array(encoder, part)
  }
  return encoding.toUint8Array(encoder)
}

export type Parts = readonly (number | string | Uint8Array)[]

const CLIENT = 7
/** An item in the root map `fields`, under the key `a`. */
const IN_FIELDS: Parts = [1, 'fields', 'a']
const HAS_KEY = 0x20

/** The structs of one client from clock 0, each given as its parts; nothing is deleted. */
export function structsOf(...structs: readonly Parts[]): Uint8Array {
  return bytesOf(1, structs.length, CLIENT, 0, ...structs.flat(), 0)
}

export const gc = (length: number): Parts => [0, length]
export const skip = (length: number): Parts => [10, length]

/** An item of the given content kind in `fields`. */
export const item = (kind: number, ...content: Parts): Parts => [kind | HAS_KEY, ...IN_FIELDS, ...content]

const NULL = Uint8Array.of(126)
/** The first byte of a text with an origin. */
export const BEHIND = Uint8Array.of(0x84)

/** Every recipe that the first form of the pre-scan must refuse, what is wrong with it, and what the refusal says. */
export const POISONS: readonly (readonly [what: string, reason: string, bytes: Uint8Array])[] = [
  ['a collected struct and one of no length, 9 bytes', 'zero-length struct', structsOf(gc(1), gc(0))],
  ['a collected struct of no length, 7 bytes', 'zero-length struct', structsOf(gc(0))],
  ['two collected structs of no length', 'zero-length struct', structsOf(gc(0), gc(0))],
  ['deleted content of no length, 10 bytes', 'zero-length struct', bytesOf(1, 1, CLIENT, 0, 1, 1, 'a', 0, 0)],
  [
    'deleted content, no values and a collected struct of no length, 31 bytes',
    'zero-length struct',
    structsOf(item(1, 1), item(8, 0), gc(0)),
  ],
  ['an empty text', 'zero-length struct', structsOf(item(4, ''))],
  ['no values', 'zero-length struct', structsOf(item(8, 0))],
  ['a skip of no length', 'zero-length struct', structsOf(gc(1), skip(0), gc(1))],
  ['no legacy values', 'JSON has no place', structsOf(item(2, 0))],
  ['a legacy value nested 20,000 deep', 'JSON has no place', structsOf(item(2, 1, '['.repeat(20_000)))],
  ['an embed nested 20,000 deep', 'embed has no place', structsOf(item(5, '['.repeat(20_000)))],
  ['legacy values', 'JSON has no place', structsOf(item(2, 1, '1'))],
  ['binary content', 'binary has no place', structsOf(item(3, 1, Uint8Array.of(9)))],
  ['an embed', 'embed has no place', structsOf(item(5, '{}'))],
  ['a document in the document', 'document has no place', structsOf(item(9, 'guid', 1, NULL))],
  ['an unknown content kind', 'unknown content kind', structsOf(item(11, 1))],
  ['an unknown shared type', 'unknown shared type', structsOf(item(7, 7))],
  ['an unknown kind of value', 'unknown value type', structsOf(item(8, 1, Uint8Array.of(3)))],
  [
    'a value nested 65 deep',
    'value nested too deep',
    structsOf(
      item(
        8,
        1,
        new Uint8Array(130).fill(117).map((_, at) => (at % 2 ? 1 : 117)),
        NULL,
      ),
    ),
  ],
  ['a format value nested 65 deep', 'format value nested too deep', structsOf(item(6, 'bold', '['.repeat(65) + ']'.repeat(65)))],
  ['a format value that is no JSON', 'format value is not JSON', structsOf(item(6, 'bold', '{'))],
  ['a text that is not UTF-8', 'not UTF-8', structsOf(item(4, 2, Uint8Array.of(0xc3, 0x28)))],
  ['33,554,432 structs promised in 7 bytes', 'count exceeds', bytesOf(1, 33_554_432, 1, 0)],
  ['33,554,432 clients promised', 'count exceeds', bytesOf(33_554_432, 0)],
  ['33,554,432 deletions promised', 'count exceeds', bytesOf(0, 1, CLIENT, 33_554_432)],
  ['33,554,432 clients of deletions promised', 'count exceeds', bytesOf(0, 33_554_432)],
  ['33,554,432 values promised', 'count exceeds', structsOf(item(8, 33_554_432))],
  ['a text longer than the update', 'truncated', structsOf(item(4, 33_554_432))],
  ['a client without structs', 'client without structs', bytesOf(1, 0, CLIENT, 0, 0)],
  ['a client twice', 'client twice', bytesOf(2, 1, CLIENT, 0, 0, 1, 1, CLIENT, 1, 0, 1, 0)],
  ['a client id of 2^32', 'client id out of range', bytesOf(1, 1, 2 ** 32, 0, 0, 1, 0)],
  ['an origin of client 2^32', 'client id out of range', bytesOf(1, 1, CLIENT, 1, BEHIND, 2 ** 32, 0, 'x', 0)],
  ['a deletion of client 2^32', 'client id out of range', bytesOf(0, 1, 2 ** 32, 1, 0, 1)],
  ['a struct of 2^40 clocks', 'clock out of range', structsOf(gc(2 ** 40))],
  ['a clock of 2^40', 'clock out of range', bytesOf(1, 1, CLIENT, 2 ** 40, 0, 1, 0)],
  ['a deletion of 2^40 clocks', 'clock out of range', bytesOf(0, 1, CLIENT, 1, 0, 2 ** 40)],
  ['a deletion of nothing', 'zero-length deletion', bytesOf(0, 1, CLIENT, 1, 0, 0)],
  ['an integer beyond 2^53', 'integer too large', bytesOf(1, 1, new Uint8Array(9).fill(255), 0)],
  [
    'a value beyond 2^53',
    'integer too large',
    structsOf(item(8, 1, Uint8Array.of(125, 0xbf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f))),
  ],
  [
    'a struct whose neighbours are one',
    'both neighbours are one',
    bytesOf(1, 1, CLIENT, 1, Uint8Array.of(0xc4), 9, 0, 9, 0, 'x', 0),
  ],
  ['a collected struct with flags', 'flags on a struct', bytesOf(1, 1, CLIENT, 0, 0x20, 1, 0)],
  ['deletions of a client twice', 'of a client twice', bytesOf(0, 2, CLIENT, 1, 0, 1, CLIENT, 1, 5, 1)],
  ['deletions out of order', 'deletions overlap', bytesOf(0, 1, CLIENT, 2, 5, 1, 0, 1)],
  ['deletions that overlap', 'deletions overlap', bytesOf(0, 1, CLIENT, 2, 0, 3, 2, 2)],
  ['a struct that leans on itself', 'own future', bytesOf(1, 1, CLIENT, 1, BEHIND, CLIENT, 1, 'x', 0)],
  ['bytes behind the end', 'bytes behind the end', bytesOf(structsOf(item(4, 'x')), 0)],
  ['a second update behind the first', 'bytes behind the end', bytesOf(structsOf(item(4, 'x')), structsOf(item(4, 'x')))],
  ['nothing', 'truncated', new Uint8Array(0)],
]
