/**
 * Honest updates, damaged: blindly, byte by byte, or by somebody who knows the format and changes one thing so that the rest still
 * fits. Blind damage mostly ends at the pre-scan; the other kind is what gets to a document.
 */
import * as encoding from 'lib0/encoding'
import * as Y from 'yjs'
import type { Random } from '../../simulation/random.ts'

interface Struct {
  id: Y.ID
  length: number
}

interface Draft {
  /** By client, in clock order. */
  readonly structs: Map<number, (Y.Item | Y.GC | Y.Skip)[]>
  readonly deletes: { client: number; clock: number; length: number }[]
}

const NAMES = ['firstName', 'stage', 'birthday', 'creditLimit', 'x_colour', 'unknown', '__proto__', '', 'e1/deleted', 'e1/order']
const ROOTS = ['fields', 'emails', 'tags', 'meta', 'summary', 'notes', 'opportunities', '__proto__', '']
const VALUES = [
  null,
  undefined,
  true,
  false,
  0,
  -1,
  2 ** 53,
  Number.NaN,
  'x',
  'a\0b',
  '2020-01-01',
  10n,
  {},
  [[1]],
  { a: { b: [] } },
]

/** One of them is undefined. */
function anyValue(random: Random): unknown {
  return VALUES[random.below(VALUES.length)]
}

/** A damaged copy of one of these updates. */
export function mutantOf(random: Random, honest: readonly Uint8Array[]): Uint8Array {
  const source = random.pick(honest)
  if (random.chance(0.3)) return blindly(random, source, random.pick(honest))
  const draft = read(source)
  for (let left = 1 + random.below(3); left > 0; left -= 1) random.pick(CHANGES)(draft, random)
  return write(draft)
}

function blindly(random: Random, source: Uint8Array, other: Uint8Array): Uint8Array {
  const bytes = Uint8Array.from(source)
  const at = random.below(bytes.length)
  const to = random.below(other.length)
  switch (random.below(4)) {
    case 0:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8))
      return bytes
    case 1:
      bytes[at] = random.below(256)
      return bytes
    case 2:
      return bytes.subarray(0, at)
    default:
      return Buffer.concat([bytes.subarray(0, at), other.subarray(to)])
  }
}

const CHANGES: readonly ((draft: Draft, random: Random) => void)[] = [
  anItem((item, random) => {
    item.content = random.pick([
      () => new Y.ContentAny(random.chance(0.8) ? [anyValue(random)] : [anyValue(random), anyValue(random)]),
      () => new Y.ContentString('y'.repeat(1 + random.below(5))),
      () => new Y.ContentDeleted(1 + random.below(3)),
      () => new Y.ContentFormat(random.pick(['bold', 'em', '__proto__']), random.pick<object>([true, { a: 1 }, 'x'] as object[])),
      () => new Y.ContentType(random.pick([new Y.Map(), new Y.Array(), new Y.Text(), new Y.XmlElement('p'), new Y.XmlText()])),
    ])()
    item.length = item.content.getLength()
  }),
  anItem((item, random) => {
    if (item.content instanceof Y.ContentAny) item.content.arr = item.content.arr.map(() => anyValue(random))
    else if (item.content instanceof Y.ContentString)
      item.content.str = item.content.str.replace(/./gu, random.pick(['z', '\0', '\ud83d']))
  }),
  anItem((item, random) => {
    item.parentSub = random.chance(0.2) ? null : random.pick(NAMES)
  }),
  anItem((item, random) => {
    if (item.origin === null && item.rightOrigin === null) item.parent = random.pick(ROOTS) as unknown as Y.ID
  }),
  anItem((item, random, ids) => {
    if (item.origin === null && item.rightOrigin === null) item.parent = random.pick(ids)
  }),
  anItem((item, random, ids) => {
    item.origin = random.pick(ids)
  }),
  anItem((item, random, ids) => {
    item.rightOrigin = random.pick(ids)
  }),
  anItem((item, random) => {
    item.origin = null
    item.rightOrigin = null
    item.parent = random.pick(ROOTS) as unknown as Y.ID
    item.parentSub = random.pick([null, ...NAMES])
  }),
  aClient((structs, random) => {
    structs.splice(1 + random.below(structs.length))
  }),
  aClient((structs, random) => {
    const at = random.below(structs.length)
    const struct = structs[at]
    if (struct !== undefined)
      structs[at] = random.pick([new Y.GC(struct.id, struct.length), new Y.Skip(struct.id, struct.length)])
  }),
  aClient((structs, random, draft) => {
    // As if somebody else had written it: other items still lean on the ids that were.
    const [client] = [...draft.structs].find(([, held]) => held === structs) ?? []
    if (client === undefined) return
    draft.structs.delete(client)
    draft.structs.set(random.pick([client + 1, random.uint32(), 0, 0xffff_ffff]), structs)
  }),
  aClient((structs, random) => {
    const [first] = structs
    if (first !== undefined) first.id = Y.createID(first.id.client, Math.max(0, first.id.clock + random.below(5) - 2))
  }),
  ({ deletes }, random) => {
    const range = deletes[random.below(Math.max(deletes.length, 1))]
    if (range === undefined) return
    range.clock = Math.max(0, range.clock + random.below(5) - 2)
    range.length = Math.max(1, range.length + random.below(5) - 2)
  },
  (draft, random) => {
    const id = random.pick(idsOf(draft))
    draft.deletes.push({ client: id.client, clock: id.clock, length: 1 })
  },
  ({ deletes }) => {
    deletes.pop()
  },
]

function anItem(change: (item: Y.Item, random: Random, ids: readonly Y.ID[]) => void): (draft: Draft, random: Random) => void {
  return (draft, random) => {
    const items = [...draft.structs.values()].flat().filter((struct) => struct instanceof Y.Item)
    if (items.length > 0) change(random.pick(items), random, idsOf(draft))
  }
}

function aClient(
  change: (structs: (Y.Item | Y.GC | Y.Skip)[], random: Random, draft: Draft) => void,
): (draft: Draft, random: Random) => void {
  return (draft, random) => {
    const all = [...draft.structs.values()].filter((structs) => structs.length > 0)
    if (all.length > 0) change(random.pick(all), random, draft)
  }
}

function idsOf({ structs }: Draft): Y.ID[] {
  const ids: Y.ID[] = [...structs.values()]
    .flat()
    .flatMap(({ id, length }: Struct) => [id, Y.createID(id.client, id.clock + length - 1)])
  return ids.length > 0 ? ids : [Y.createID(1_000, 0)]
}

function read(update: Uint8Array): Draft {
  const { structs, ds } = Y.decodeUpdate(update)
  const byClient: Draft['structs'] = new Map()
  for (const struct of structs) {
    const held = byClient.get(struct.id.client)
    if (held === undefined) byClient.set(struct.id.client, [struct])
    else held.push(struct)
  }
  const deletes = [...ds.clients].flatMap(([client, items]) => items.map(({ clock, len }) => ({ client, clock, length: len })))
  return { structs: byClient, deletes }
}

function write({ structs, deletes }: Draft): Uint8Array {
  const encoder = new Y.UpdateEncoderV1()
  const { restEncoder } = encoder
  const parts = [...structs].filter(([, held]) => held.length > 0)
  encoding.writeVarUint(restEncoder, parts.length)
  for (const [client, held] of parts) {
    encoding.writeVarUint(restEncoder, held.length)
    encoding.writeVarUint(restEncoder, client)
    encoding.writeVarUint(restEncoder, held[0]?.id.clock ?? 0)
    for (const struct of held) struct.write(encoder, 0)
  }
  const clients = [...new Set(deletes.map(({ client }) => client))]
  encoding.writeVarUint(restEncoder, clients.length)
  for (const client of clients) {
    const ranges = deletes.filter((range) => range.client === client).sort((one, other) => one.clock - other.clock)
    encoding.writeVarUint(restEncoder, client)
    encoding.writeVarUint(restEncoder, ranges.length)
    for (const { clock, length } of ranges) {
      encoding.writeVarUint(restEncoder, clock)
      encoding.writeVarUint(restEncoder, length)
    }
  }
  return encoder.toUint8Array()
}
