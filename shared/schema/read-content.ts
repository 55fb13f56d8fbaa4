/**
 * The content of a record's document as JSON: what REST answers and what writers compare with. It shows what the document
 * holds in places that the type declares, judged or not, and never throws: a value that no register can hold (nested types,
 * bytes, big integers, NaN) reads as empty, an unknown key is left out.
 */
import type * as Y from 'yjs'
import { parseEntryKey } from './layout.ts'
import { type CollectionRoot, CUSTOM_FIELD, own, type RecordType, type Root } from './record-type.ts'
import type { Scalar } from './register.ts'
import { xmlOf } from './xml-text.ts'

/** Keyed by field, or by column with `order`. */
export type ReadRegisters = Readonly<Record<string, Scalar>>
export type ReadEntries = Readonly<Record<string, ReadRegisters>>
export type ReadRoot = string | Readonly<Record<string, true>> | ReadEntries

/** Always all roots of the type; JSON through and through. `isContent` narrows it to the type's `Content`. */
export type ReadContent = { readonly fields: ReadRegisters } & Readonly<Record<string, ReadRoot | ReadRegisters>>

/** Reads committed or any other state; the document is not changed. Keys come in a fixed order, entries in theirs. */
export function readContent(type: RecordType, document: Y.Doc): ReadContent {
  const roots = Object.entries(type.roots).map(([name, root]): [string, ReadRoot] => [name, readRoot(root, name, document)])
  return { fields: readFields(type, document), ...Object.fromEntries(roots) }
}

/** What a register shows of anything that a key of a Y.Map can hold; `undefined` is the empty value. */
export function scalarOf(value: unknown): Scalar | undefined {
  // Adding 0 turns -0, which JSON cannot say, into 0.
  if (typeof value === 'number') return Number.isFinite(value) ? value + 0 : undefined
  return typeof value === 'string' || typeof value === 'boolean' ? value : undefined
}

/** Entries in order, deleted ones left out unless `withDeleted`; an entry exists as long as it has any value or an order. */
export function readEntries(root: CollectionRoot, map: Y.Map<unknown>, withDeleted = false): [string, ReadRegisters][] {
  const entries = new Map<string, [string, Scalar][]>()
  const deleted = new Set<string>()
  for (const [key, held] of map.entries()) {
    const place = parseEntryKey(key)
    if (place === undefined) continue
    if (place.column === 'deleted' && held === true) deleted.add(place.entry)
    const value = place.column === 'order' ? orderOf(held) : own(root.columns, place.column) && scalarOf(held)
    if (value === undefined) continue
    const columns = entries.get(place.entry)
    if (columns === undefined) entries.set(place.entry, [[place.column, value]])
    else columns.push([place.column, value])
  }
  return [...entries]
    .filter(([entry]) => withDeleted || !deleted.has(entry))
    .map(([entry, columns]): [string, ReadRegisters] => [entry, Object.fromEntries(columns.sort(byKey))])
    .sort(byOrder)
}

export function readFields(type: RecordType, document: Y.Doc): ReadRegisters {
  const fields: [string, Scalar][] = []
  for (const [name, held] of document.getMap('fields').entries()) {
    const value = own(type.fields, name) !== undefined || CUSTOM_FIELD.test(name) ? scalarOf(held) : undefined
    if (value !== undefined) fields.push([name, value])
  }
  return Object.fromEntries(fields.sort(byKey))
}

function readRoot(root: Root, name: string, document: Y.Doc): ReadRoot {
  switch (root.kind) {
    case 'text':
      return document.getText(name).toString()
    case 'richText':
      return xmlOf(document.getXmlFragment(name))
    case 'set':
      return readMembers(document.getMap(name))
    case 'collection':
      return Object.fromEntries(readEntries(root, document.getMap(name)))
    default:
      return root satisfies never
  }
}

export function readMembers(map: Y.Map<unknown>): Readonly<Record<string, true>> {
  const members = [...map.entries()].filter(([member, held]) => held === true && member !== '__proto__')
  return Object.fromEntries(members.map(([member]): [string, true] => [member, true]).sort(byKey))
}

function orderOf(held: unknown): string | undefined {
  return typeof held === 'string' ? held : undefined
}

function byKey([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  return one < other ? -1 : one > other ? 1 : 0
}

/** Entries without an order come first; equal orders are settled by id, alike on every replica. */
function byOrder(one: readonly [string, ReadRegisters], other: readonly [string, ReadRegisters]): number {
  const [left, right] = [String(one[1].order ?? ''), String(other[1].order ?? '')]
  return left < right ? -1 : left > right ? 1 : byKey(one, other)
}
