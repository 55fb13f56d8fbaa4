/**
 * Writes a merge patch (RFC 7396) of a record's content into its document, as the smallest edit that makes the document read so.
 * What reads so already is not written, so that a client which sends everything it knows overrides nobody's unseen edit; members of
 * sets alone are added anew whenever they are named. Texts change by insertions and deletions, an entry of a collection is marked and not erased when it is removed, and entries that
 * the patch does not name stay.
 */
import type * as Y from 'yjs'
import { type EntryNaming, editorOf, type RecordEditor } from './edit.ts'
import { evenOrders, orderBetween } from './fractional-order.ts'
import { entryKey } from './layout.ts'
import { readEntries } from './read-content.ts'
import { type CollectionRoot, type Columns, type Entry, own, type RecordType } from './record-type.ts'
import type { Scalar } from './register.ts'

/** A patch that `checkPatch` found without issue in this very state of the document, or `checkDraft` for an empty one. */
export type MergePatch = Readonly<Record<string, unknown>>

type Registers = Readonly<Record<string, Scalar | null>>
type Editor = RecordEditor<RecordType>

/**
 * In one transaction. New entries come behind those that are there, in the order in which the patch names them as JavaScript has
 * it: ids that are whole numbers first, by size.
 */
export function applyPatch(type: RecordType, document: Y.Doc, patch: MergePatch): void {
  const editor = editorOf<RecordType>(type, document)
  document.transact(() => {
    for (const [name, value] of Object.entries((own(patch, 'fields') ?? {}) as Registers)) {
      if (own(type.fields, name) !== undefined) editor.set(name, value)
      else editor.setCustom(name as `x_${string}`, value)
    }
    for (const [name, root] of Object.entries(type.roots)) {
      const change = own(patch, name)
      if (change === undefined) continue
      if (root.kind === 'text') editor.rewrite(name, (change as string | null) ?? '')
      else if (root.kind === 'set') patchSet(editor, document, name, change as Readonly<Record<string, true | null>> | null)
      else if (root.kind === 'collection') {
        patchCollection(editor, document, name, root, change as Readonly<Record<string, Registers | null>> | null)
      }
    }
  })
}

function patchSet(editor: Editor, document: Y.Doc, name: string, change: Readonly<Record<string, true | null>> | null): void {
  const map = document.getMap(name)
  const held = (member: string): boolean => map.get(member) === true
  const given = change ?? Object.fromEntries([...map.keys()].map((member) => [member, null]))
  for (const [member, wanted] of Object.entries(given)) {
    if (wanted === null && held(member)) editor.remove(name, member)
    // An add that finds the member there must be written as well, or a remove that it has not seen would win over it.
    if (wanted !== null) editor.add(name, member)
  }
}

function patchCollection(
  editor: Editor,
  document: Y.Doc,
  name: string,
  root: CollectionRoot,
  change: Readonly<Record<string, Registers | null>> | null,
): void {
  const map = document.getMap(name)
  const held = new Set(readEntries(root, map).map(([id]) => id))
  const given = change === null ? [...held].map((id): [string, null] => [id, null]) : Object.entries(change)
  const added: [string, Registers][] = []
  for (const [id, entry] of given) {
    if (entry === null) {
      if (held.has(id)) editor.deleteEntry(name, id)
    } else if (held.has(id)) patchEntry(editor, name, map, id, entry)
    else added.push([id, entry])
  }
  const orders = placesBehind(root, map, added)
  for (const [id, entry] of added) {
    const naming: EntryNaming = { id }
    editor.addEntry(name, { ...entry, order: entry.order ?? orders.get(id) } as Entry<Columns>, naming)
  }
}

function patchEntry(editor: Editor, name: string, map: Y.Map<unknown>, id: string, entry: Registers): void {
  for (const [column, value] of Object.entries(entry)) {
    if (column !== 'order') editor.setColumn(name, id, column, value)
    else if (map.get(entryKey(id, column)) !== value) map.set(entryKey(id, column), value)
  }
}

/** In UTF-16 units; beyond that the orders of all entries are spaced anew. */
const CROWDED = 64

/**
 * Orders behind all entries for those that come without one. All of them together get one place, which is then divided, since
 * placing thousands one by one would sort the others thousands of times.
 */
function placesBehind(
  root: CollectionRoot,
  map: Y.Map<unknown>,
  added: readonly (readonly [string, Registers])[],
): ReadonlyMap<string, string> {
  const unplaced = added.filter(([, { order }]) => order === undefined).map(([id]) => id)
  if (unplaced.length === 0) return new Map()
  const again = new Set(added.map(([id]) => id))
  const others = readEntries(root, map, true).filter(([id]) => !again.has(id))
  const last = others.at(-1)?.[1].order
  const place = others.length === 0 ? '' : orderBetween(typeof last === 'string' ? last : '', undefined)
  if (place !== undefined && place.length <= CROWDED) {
    const within = unplaced.length === 1 && place !== '' ? [''] : evenOrders(unplaced.length)
    return new Map(unplaced.map((id, index) => [id, place + within[index]]))
  }
  const sequence = [...others.map(([id]) => id), ...unplaced]
  const orders = evenOrders(sequence.length)
  const places = new Map(sequence.map((id, index) => [id, orders[index] ?? '']))
  for (const [id] of others) map.set(entryKey(id, 'order'), places.get(id))
  return places
}
