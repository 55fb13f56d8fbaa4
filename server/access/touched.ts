/**
 * What one submission touched in a live document, looked up by id right after it was applied: `transaction.changed` does not tell what
 * a later submission of the same transaction did inside types that an earlier one created.
 *
 * Everything here is valid until the transaction ends. Until then deleted items still hold what they held, and the items of a key
 * stand in its chain as they were integrated.
 */
import type { RecordType } from '@rapport/shared/schema/record-type.ts'
import * as Y from 'yjs'
import type { ScannedUpdate } from './pre-scan.ts'

/** How far the document reached before the submission. */
export interface Before {
  /** Of each client that brings something: its next clock. */
  readonly clocks: ReadonlyMap<number, number>
  /** Of each client: how many deletions the transaction had noted. */
  readonly deletions: ReadonlyMap<number, number>
}

/** One key of a root map: new items of it, or a deletion of what stood there. */
export interface KeyTouch {
  readonly root: string
  readonly map: Y.Map<unknown>
  readonly key: string
  /** New ones, each client's in clock order. */
  readonly items: Y.Item[]
}

export interface TextItems {
  readonly inserted: Y.Item[]
  readonly deleted: Y.Item[]
}

export interface Touched {
  readonly keys: readonly KeyTouch[]
  /** By root. */
  readonly texts: ReadonlyMap<string, TextItems>
  /** New items in places where nothing may be, and the name of their root. */
  readonly strays: readonly { readonly root: string; readonly item: Y.Item }[]
  readonly isNew: (id: { readonly client: number; readonly clock: number }) => boolean
  /** Whether an item that was there before was deleted by this submission. */
  readonly isDeletedNow: (item: Y.Item) => boolean
}

/** Before the submission is applied. */
export function markBefore(document: Y.Doc, transaction: Y.Transaction, clients: Iterable<number>): Before {
  const clocks = new Map<number, number>()
  for (const client of clients) clocks.set(client, Y.getState(document.store, client))
  const deletions = new Map<number, number>()
  for (const [client, ranges] of transaction.deleteSet.clients) deletions.set(client, ranges.length)
  return { clocks, deletions }
}

/** Clients of which an update brings structs that the document lacks. */
export function bringers(update: ScannedUpdate, document: Y.Doc): ReadonlySet<number> {
  const clients = new Set<number>()
  for (const { client, end } of update.structs) if (end > Y.getState(document.store, client)) clients.add(client)
  return clients
}

export function touchedSince(type: RecordType, document: Y.Doc, transaction: Y.Transaction, before: Before): Touched {
  const keys = new Map<string, Map<string, KeyTouch>>()
  const texts = new Map<string, TextItems>()
  const strays: { root: string; item: Y.Item }[] = []
  const isNew = ({ client, clock }: { readonly client: number; readonly clock: number }): boolean => {
    const floor = before.clocks.get(client)
    return floor !== undefined && clock >= floor
  }

  function place(item: Y.Item, fresh: boolean): void {
    const parent = item.parent as Y.AbstractType<unknown>
    const top = topOf(parent)
    const root = rootName(document, top)
    const kind = kindOf(type, root)
    if (kind === 'text') {
      const items = texts.get(root) ?? { inserted: [], deleted: [] }
      texts.set(root, items)
      if (fresh) items.inserted.push(item)
      else items.deleted.push(item)
    } else if (kind === 'map' && parent === top && item.parentSub !== null) {
      const touch = keyTouch(root, item.parentSub)
      if (fresh) touch.items.push(item)
    } else if (fresh) strays.push({ root, item })
  }

  function keyTouch(root: string, key: string): KeyTouch {
    const touches = keys.get(root) ?? new Map<string, KeyTouch>()
    keys.set(root, touches)
    const touch = touches.get(key) ?? { root, map: document.getMap(root), key, items: [] }
    touches.set(key, touch)
    return touch
  }

  for (const [client, floor] of before.clocks) {
    for (const item of itemsBetween(document, client, floor, Number.POSITIVE_INFINITY)) place(item, true)
  }
  const deleted = new Map<number, { clock: number; len: number }[]>()
  for (const [client, ranges] of transaction.deleteSet.clients) {
    const from = before.deletions.get(client) ?? 0
    if (ranges.length <= from) continue
    const since = ranges.slice(from).map(({ clock, len }) => ({ clock, len }))
    deleted.set(
      client,
      since.sort((one, other) => one.clock - other.clock),
    )
    for (const { clock, len } of since) {
      for (const item of itemsBetween(document, client, clock, clock + len)) if (!isNew(item.id)) place(item, false)
    }
  }
  return {
    keys: [...keys.values()].flatMap((touches) => [...touches.values()]),
    texts,
    strays,
    isNew,
    isDeletedNow: ({ id }) => isAmong(deleted.get(id.client) ?? [], id.clock),
  }
}

/** Whether a root is a map, holds text of either kind, or is none of the type's. */
function kindOf(type: RecordType, root: string): 'map' | 'text' | undefined {
  if (root === 'fields' || root === 'meta') return 'map'
  const declared = Object.hasOwn(type.roots, root) ? type.roots[root] : undefined
  if (declared === undefined) return undefined
  return declared.kind === 'text' || declared.kind === 'richText' ? 'text' : 'map'
}

/** Items of one client with a clock in this range. */
export function* itemsBetween(document: Y.Doc, client: number, start: number, end: number): Iterable<Y.Item> {
  const structs = document.store.clients.get(client)
  if (structs === undefined || start >= Y.getState(document.store, client)) return
  for (let index = Y.findIndexSS(structs, start); index < structs.length; index += 1) {
    const struct = structs[index]
    if (struct === undefined || struct.id.clock >= end) return
    if (struct instanceof Y.Item) yield struct
  }
}

function topOf(type: Y.AbstractType<unknown>): Y.AbstractType<unknown> {
  let top = type
  while (top._item !== null) top = top._item.parent as Y.AbstractType<unknown>
  return top
}

const names = new WeakMap<Y.AbstractType<unknown>, string>()

function rootName(document: Y.Doc, root: Y.AbstractType<unknown>): string {
  let name = names.get(root)
  if (name === undefined) {
    for (const [candidate, type] of document.share) if (type === root) name = candidate
    if (name === undefined) throw new Error('an item without a root')
    names.set(root, name)
  }
  return name
}

/** Whether one of these ranges, which are in order, holds the clock. */
function isAmong(ranges: readonly { readonly clock: number; readonly len: number }[], clock: number): boolean {
  let [low, high] = [0, ranges.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ranges[middle]?.clock ?? 0) <= clock) low = middle + 1
    else high = middle
  }
  const found = ranges[low - 1]
  return found !== undefined && clock < found.clock + found.len
}
