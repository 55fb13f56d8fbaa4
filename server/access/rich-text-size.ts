/**
 * How long the XML form of a rich text is, without writing it at every keystroke: the share of each element and text is kept, and only
 * those that a submission touched are measured again.
 *
 * Kept with the live document, for judged submissions alone: any other change that reaches it makes it start anew.
 */
import { signOfMarks } from '@rapport/shared/schema/xml-text.ts'
import * as Y from 'yjs'
import { asShared, attributeItem, type IsAlive, isAlive, isPresent, nestedType, parentOf, type SharedType } from './text-items.ts'
import { XML_NAME } from './text-rules.ts'

interface Sizes {
  total: number
  readonly forget: () => void
  readonly shares: Map<SharedType, number>
  /** The transaction that was judged last, and what it touched. */
  transaction: Y.Transaction
  touched: Set<SharedType>
}

const known = new WeakMap<Y.XmlFragment, Sizes>()

/** In code points, after a submission that inserted and deleted these items. */
export function sizeAfter(fragment: Y.XmlFragment, transaction: Y.Transaction, items: Iterable<Y.Item>): number {
  const sizes = known.get(fragment)
  if (sizes === undefined) return begin(fragment, transaction, items)
  if (sizes.transaction !== transaction) {
    sizes.transaction = transaction
    sizes.touched = new Set()
  }
  const touched = typesOf(items)
  for (const type of touched) {
    const share = isPresent(type) ? shareOf(type, isAlive) : 0
    sizes.total += share - (sizes.shares.get(type) ?? 0)
    if (isPresent(type)) sizes.shares.set(type, share)
    else sizes.shares.delete(type)
    sizes.touched.add(type)
  }
  return sizes.total
}

/** Of a rich text of which `sizeAfter` was asked before, as it was then. */
export function knownSize(fragment: Y.XmlFragment): number | undefined {
  return known.get(fragment)?.total
}

/** To be called when a judged transaction changed what it did not touch by itself. */
export function forgetSize(fragment: Y.XmlFragment): void {
  known.get(fragment)?.forget()
}

/** The same, of another state and from the start. */
export function measured(fragment: Y.XmlFragment, alive: IsAlive, each?: (type: SharedType, share: number) => void): number {
  let total = 0
  const waiting = [asShared(fragment)]
  for (let type = waiting.pop(); type !== undefined; type = waiting.pop()) {
    const share = shareOf(type, alive)
    each?.(type, share)
    total += share
    for (let item = type._start; item !== null; item = item.right) {
      const nested = alive(item) ? nestedType(item) : undefined
      if (nested !== undefined) waiting.push(nested)
    }
  }
  return total
}

function begin(fragment: Y.XmlFragment, transaction: Y.Transaction, items: Iterable<Y.Item>): number {
  const shares = new Map<SharedType, number>()
  const total = measured(fragment, isAlive, (type, share) => shares.set(type, share))
  const watch = (events: readonly Y.YEvent<SharedType>[], source: Y.Transaction): void => {
    if (source !== sizes.transaction || !events.every(({ target }) => sizes.touched.has(target))) sizes.forget()
  }
  const forget = (): void => {
    known.delete(fragment)
    fragment.unobserveDeep(watch)
  }
  const sizes: Sizes = { total, forget, shares, transaction, touched: typesOf(items) }
  known.set(fragment, sizes)
  fragment.observeDeep(watch)
  return total
}

/** All types whose share such items can have changed. */
function typesOf(items: Iterable<Y.Item>): Set<SharedType> {
  const types = new Set<SharedType>()
  for (const item of items) {
    types.add(parentOf(item))
    const nested = nestedType(item)
    if (nested !== undefined) types.add(nested)
  }
  return types
}

/** What a type adds to the XML form beside the types in it. */
function shareOf(type: SharedType, alive: IsAlive): number {
  if (type instanceof Y.XmlText) return textShare(type, alive)
  return type instanceof Y.XmlElement ? tags(type.nodeName) + attributeShare(type, alive) : 0
}

function attributeShare(element: Y.XmlElement, alive: IsAlive): number {
  let size = 0
  for (const [name, rightmost] of element._map) {
    const item = attributeItem(rightmost, alive)
    if (item?.content instanceof Y.ContentAny) size += attribute(name, item.content.arr.at(-1))
  }
  return size
}

/** Each stretch of text of equal marks is wrapped into all of them, and so is each element. */
function textShare(text: Y.XmlText, alive: IsAlive): number {
  const marks = new Map<string, unknown>()
  let [size, wrapping, fresh] = [0, 0, true]
  /** Of the stretch that goes on; none behind an element, and at the beginning. */
  let sign: string | undefined
  for (let item = text._start; item !== null; item = item.right) {
    if (!alive(item)) continue
    const { content } = item
    if (content instanceof Y.ContentFormat) {
      const before = marks.get(content.key) ?? null
      if (before !== null) wrapping -= mark(content.key, before)
      if (content.value === null) marks.delete(content.key)
      else {
        wrapping += mark(content.key, content.value)
        marks.set(content.key, content.value)
      }
      fresh = true
    } else if (content instanceof Y.ContentString) {
      size += escaped(content.str)
      if (!fresh) continue
      const next = signOfMarks(Object.fromEntries(marks))
      if (next !== sign) size += wrapping
      sign = next
      fresh = false
    } else {
      size += wrapping
      fresh = true
      sign = undefined
    }
  }
  return size
}

function mark(name: string, value: unknown): number {
  let size = tags(name)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return size
  for (const [key, inner] of Object.entries(value)) size += attribute(key, inner)
  return size
}

/** `<name></name>`; a name that XML cannot have is written as `unknown`. */
function tags(name: string): number {
  return 2 * (XML_NAME.test(name) ? name : 'unknown').length + 5
}

/** ` name="value"`; only plain values under names that XML can have are written. */
function attribute(name: string, value: unknown): number {
  if (!XML_NAME.test(name)) return 0
  if (typeof value === 'string') return name.length + 4 + escaped(value)
  return typeof value === 'number' || typeof value === 'boolean' ? name.length + 4 + String(value).length : 0
}

/** In code points, with `&`, `<`, `>` and `"` as entities. */
function escaped(text: string): number {
  let size = text.length
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index)
    if (unit >= 0xdc00 && unit < 0xe000) size -= 1
    else if (unit === 0x26) size += 4
    else if (unit === 0x3c || unit === 0x3e) size += 3
    else if (unit === 0x22) size += 5
  }
  return size
}
