/**
 * What a submission did to a text, in words for the history: what was visibly taken away and put in. Paragraphs are told apart by line
 * breaks. Where no character came or went, but formatting, attributes or empty elements did, it reads `[formatted]`.
 */
import * as Y from 'yjs'
import { isAlive, parentOf, type SharedType } from './text-items.ts'
import { looksAlike } from './text-look.ts'

/** In Unicode code points, the ellipsis included. */
export const MAX_SUMMARY = 200
export const FORMATTED = '[formatted]'

export interface Summary {
  readonly before: string
  readonly after: string
}

/** Of what stays: `inserted` items that are dead by now do not count. Both lists are in clock order. */
export function summaryOf(inserted: readonly Y.Item[], deleted: readonly Y.Item[]): Summary {
  const stayed = inserted.filter(isAlive)
  const [before, after] = [wordsOf(deleted), wordsOf(stayed)]
  if (before !== '' || after !== '') return { before, after }
  return { before: '', after: changesLook(stayed, deleted) ? FORMATTED : '' }
}

function wordsOf(items: readonly Y.Item[]): string {
  let words = ''
  let last: SharedType | undefined
  for (const item of items) {
    if (!(item.content instanceof Y.ContentString)) continue
    const parent = parentOf(item)
    if (last !== undefined && last !== parent) words += '\n'
    last = parent
    words += item.content.str
    // A code point takes at most two units: there is enough.
    if (words.length > 2 * MAX_SUMMARY) break
  }
  return shortened(words)
}

function changesLook(stayed: readonly Y.Item[], deleted: readonly Y.Item[]): boolean {
  const [fresh, gone] = [new Set(stayed), new Set(deleted)]
  const texts = new Set<SharedType>()
  for (const item of [...stayed, ...deleted]) {
    if (!(item.content instanceof Y.ContentFormat)) return true
    texts.add(parentOf(item))
  }
  const wasAlive = (item: Y.Item): boolean => gone.has(item) || (!item.deleted && !fresh.has(item))
  for (const text of texts) if (!looksAlike(text, wasAlive, isAlive)) return true
  return false
}

function shortened(words: string): string {
  const points = [...words]
  return points.length <= MAX_SUMMARY ? words : `${points.slice(0, MAX_SUMMARY - 1).join('')}…`
}
