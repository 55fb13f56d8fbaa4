/**
 * Typed editing of a record's document, for the server, clients and tests alike. Every method is one transaction (or part of
 * the one around it) and writes as little as it can: a register that already shows the value is left alone, an added set
 * member is always written, because only then an add wins over a remove that it had not seen. Values are not validated here.
 */
import type * as Y from 'yjs'
import type { Clock } from '../clock.ts'
import { SyncError } from '../errors.ts'
import { type RecordId, uuidv7 } from '../ids.ts'
import { evenOrders, orderBetween } from './fractional-order.ts'
import { entryKey, parseEntryId } from './layout.ts'
import { readEntries } from './read-content.ts'
import {
  type CollectionRoot,
  type Columns,
  CUSTOM_FIELD,
  type DraftContent,
  type Entry,
  own,
  type RecordType,
  type Root,
  type RootsOfKind,
} from './record-type.ts'
import type { RegisterValue, Scalar } from './register.ts'
import { rewriteText } from './text-edit.ts'

type RootName<T extends RecordType, K extends Root['kind']> = string extends keyof T['roots'] ? string : RootsOfKind<T, K>
type ColumnsOf<T extends RecordType, N extends string> = T['roots'][N] extends CollectionRoot<infer C> ? C : Columns

/** How a new entry gets its id: drawn as a UUIDv7, or given. A collection that names entries after a column needs neither. */
export type EntryNaming = { readonly clock: Clock } | { readonly id: string }

/** Names and values are those of the declaration; a name that is not (possible only for an undeclared `T`) throws. */
export interface RecordEditor<T extends RecordType> {
  /** Null clears: unlike deleting the key, that does not yield to a concurrent value. */
  set<F extends keyof T['fields'] & string>(field: F, value: RegisterValue<T['fields'][F]> | null): void
  setCustom(field: `x_${string}`, value: Scalar | null): void
  /** Makes the text read so, by minimal insertions and deletions. */
  rewrite(root: RootName<T, 'text'>, text: string): void
  add(root: RootName<T, 'set'>, member: string): void
  remove(root: RootName<T, 'set'>, member: string): void
  /** Adds an entry at the end, after the named one, or (null) first. An entry deleted earlier under that id starts afresh. */
  addEntry<N extends RootName<T, 'collection'>>(
    root: N,
    values: Entry<ColumnsOf<T, N>>,
    naming: EntryNaming,
    after?: string | null,
  ): RecordId
  setColumn<N extends RootName<T, 'collection'>, C extends keyof ColumnsOf<T, N> & string>(
    root: N,
    entry: string,
    column: C,
    value: RegisterValue<ColumnsOf<T, N>[C]> | null,
  ): void
  /** Marks the entry; what it holds, and what others are writing into it, stays for a restore. */
  deleteEntry(root: RootName<T, 'collection'>, entry: string): void
  restoreEntry(root: RootName<T, 'collection'>, entry: string): void
  /** Puts the entry after the named one, or (null) first. */
  moveEntry(root: RootName<T, 'collection'>, entry: string, after: string | null): void
}

export function editorOf<T extends RecordType>(type: T, document: Y.Doc): RecordEditor<T> {
  const editor: RecordEditor<RecordType> = {
    set(field, value) {
      if (own(type.fields, field) === undefined) throw unknownName()
      put(document.getMap('fields'), field, value)
    },
    setCustom(field, value) {
      if (!CUSTOM_FIELD.test(field)) throw unknownName()
      put(document.getMap('fields'), field, value)
    },
    rewrite(name, text) {
      rootOf(type, name, 'text')
      rewriteText(document.getText(name), text)
    },
    add(name, member) {
      rootOf(type, name, 'set')
      document.getMap(name).set(member.toWellFormed(), true)
    },
    remove(name, member) {
      rootOf(type, name, 'set')
      document.getMap(name).delete(member.toWellFormed())
    },
    addEntry(name, values, naming, after) {
      const root = rootOf(type, name, 'collection')
      const keyed = root.keyedBy === undefined ? undefined : own(values, root.keyedBy)
      const id = entryId(typeof keyed === 'string' ? keyed : 'id' in naming ? naming.id : uuidv7(naming.clock))
      const map = document.getMap(name)
      document.transact(() => {
        const wasDeleted = map.get(entryKey(id, 'deleted')) === true
        put(map, entryKey(id, 'deleted'), null)
        for (const column of Object.keys(root.columns)) {
          const value = own(values, column)
          if (value !== undefined || wasDeleted) put(map, entryKey(id, column), value ?? null)
        }
        if (root.keyedBy !== undefined) put(map, entryKey(id, root.keyedBy), id)
        if (values.order !== undefined) put(map, entryKey(id, 'order'), values.order)
        else if (wasDeleted || after !== undefined || !map.has(entryKey(id, 'order'))) place(root, map, id, after)
      })
      return id
    },
    setColumn(name, entry, column, value) {
      const root = rootOf(type, name, 'collection')
      if (own(root.columns, column) === undefined) throw unknownName()
      put(document.getMap(name), entryKey(entryId(entry), column), value)
    },
    deleteEntry(name, entry) {
      rootOf(type, name, 'collection')
      put(document.getMap(name), entryKey(entryId(entry), 'deleted'), true)
    },
    restoreEntry(name, entry) {
      rootOf(type, name, 'collection')
      put(document.getMap(name), entryKey(entryId(entry), 'deleted'), null)
    },
    moveEntry(name, entry, after) {
      const root = rootOf(type, name, 'collection')
      document.transact(() => place(root, document.getMap(name), entryId(entry), after))
    },
  }
  return editor as unknown as RecordEditor<T>
}

/** Writes all that the content holds into a document, in one transaction; entries without an order keep the order given. */
export function writeContent<T extends RecordType>(type: T, document: Y.Doc, content: DraftContent<T>): void {
  const editor = editorOf<RecordType>(type, document)
  const given = content as unknown as { readonly fields?: Readonly<Record<string, Scalar | null>> } & Readonly<
    Record<string, unknown>
  >
  document.transact(() => {
    for (const [name, value] of Object.entries(given.fields ?? {})) {
      if (own(type.fields, name) !== undefined) editor.set(name, value)
      else editor.setCustom(name as `x_${string}`, value)
    }
    for (const [name, root] of Object.entries(type.roots)) {
      const value = own(given, name)
      if (value === undefined) continue
      if (root.kind === 'text') editor.rewrite(name, value as string)
      if (root.kind === 'set') for (const member of Object.keys(value as object)) editor.add(name, member)
      if (root.kind === 'collection') writeEntries(editor, document, name, value as Readonly<Record<string, Entry<Columns>>>)
    }
  })
}

function writeEntries(
  editor: RecordEditor<RecordType>,
  document: Y.Doc,
  name: string,
  given: Readonly<Record<string, Entry<Columns>>>,
): void {
  const entries = Object.entries(given)
  const fresh = document.getMap(name).size === 0 && entries.every(([, entry]) => entry.order === undefined)
  // Placing entries one by one sorts all of them each time: fine for a hand's edit, not for an import of thousands.
  const orders = fresh ? evenOrders(entries.length) : []
  for (const [index, [id, entry]] of entries.entries()) {
    const order = entry.order ?? orders[index]
    editor.addEntry(name, order === undefined ? entry : { ...entry, order }, { id })
  }
}

/** In UTF-16 units: longer order keys mean that many entries were pushed into one place, and are spaced anew. */
const CROWDED = 64

/** Gives the entry an order after the named one, first (null) or last (`undefined`, or when the named one is not there). */
function place(root: CollectionRoot, map: Y.Map<unknown>, id: string, after: string | null | undefined): void {
  const others = readEntries(root, map, true).filter(([entry]) => entry !== id)
  const found = others.findIndex(([entry]) => entry === after)
  const index = after === null ? 0 : found === -1 ? others.length : found + 1
  const next = others[index]
  const order = orderBetween(orderOf(others[index - 1]), next && (orderOf(next) ?? ''))
  if (order !== undefined && order.length <= CROWDED) {
    put(map, entryKey(id, 'order'), order)
    return
  }
  const sequence = others.map(([entry]) => entry).toSpliced(index, 0, id)
  const orders = evenOrders(sequence.length)
  for (const [position, entry] of sequence.entries()) put(map, entryKey(entry, 'order'), orders[position] ?? null)
}

function orderOf(entry: readonly [string, { readonly order?: Scalar }] | undefined): string | undefined {
  const order = entry?.[1].order
  return typeof order === 'string' ? order : undefined
}

function put(map: Y.Map<unknown>, key: string, value: Scalar | null): void {
  // The wire turns lone surrogates into U+FFFD; the document at hand must not differ from what others receive.
  const written = typeof value === 'string' ? value.toWellFormed() : value
  if ((map.get(key) ?? null) !== written) map.set(key, written)
}

function rootOf<K extends Root['kind']>(type: RecordType, name: string, kind: K): Extract<Root, { readonly kind: K }> {
  const root = own(type.roots, name)
  if (root?.kind !== kind) throw unknownName()
  return root as Extract<Root, { readonly kind: K }>
}

function entryId(text: string): RecordId {
  const id = parseEntryId(text)
  if (id === undefined) throw new SyncError('invalid', 'this is no entry id')
  return id
}

function unknownName(): SyncError {
  return new SyncError('invalid', 'the record type declares no such name')
}
