/**
 * How text and rich text lie in Yjs items, in the few words that judging them needs. Nothing here changes a document.
 *
 * A list of children and the characters of a text are one chain of items from `_start` to the right; the attributes of an element are
 * one chain for each name, of which the rightmost item counts.
 */
import * as Y from 'yjs'
import type { ClockRange } from './pre-scan.ts'
import { itemsBetween } from './touched.ts'

export type SharedType = Y.AbstractType<unknown>

export type IsAlive = (item: Y.Item) => boolean

export const isAlive: IsAlive = (item) => !item.deleted

/** Whatever class it has; the types of Yjs tell them apart by their events, which nobody here looks at. */
export function asShared(root: Y.Text | Y.XmlFragment): SharedType {
  return root as unknown as SharedType
}

/** Of an item that was integrated, whose parent is neither an id any more nor missing. */
export function parentOf(item: Y.Item): SharedType {
  return item.parent as SharedType
}

/** The root that an item is below. */
export function topOf(item: Y.Item): SharedType {
  let top = parentOf(item)
  while (top._item !== null) top = parentOf(top._item)
  return top
}

/** Whether a type is part of the document: a root always is. */
export function isPresent(type: SharedType): boolean {
  return type._item === null || !type._item.deleted
}

export function nestedType(item: Y.Item): SharedType | undefined {
  return item.content instanceof Y.ContentType ? item.content.type : undefined
}

/** The item that holds an attribute; looks behind those that `alive` does not count. */
export function attributeItem(rightmost: Y.Item, alive: IsAlive): Y.Item | undefined {
  let item: Y.Item | null = rightmost
  while (item !== null && !alive(item)) item = item.left
  return item ?? undefined
}

/** Characters below a root that these clocks hold and that are there, in code points. */
export function pointsWithin(ranges: readonly ClockRange[], document: Y.Doc, root: SharedType): number {
  let points = 0
  for (const { client, start, end } of ranges) {
    for (const item of itemsBetween(document, client, start, end)) {
      const { id, content } = item
      if (item.deleted || !(content instanceof Y.ContentString) || topOf(item) !== root) continue
      points += codePoints(content.str.slice(Math.max(0, start - id.clock), end - id.clock))
    }
  }
  return points
}

/** In Unicode code points, as all lengths of texts are; of well-formed text. */
export function codePoints(text: string): number {
  let points = text.length
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index)
    if (unit >= 0xdc00 && unit < 0xe000) points -= 1
  }
  return points
}
