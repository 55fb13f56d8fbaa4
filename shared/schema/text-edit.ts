/**
 * A new wording for a shared text, as few insertions and deletions as word boundaries allow, so that what others type in the
 * untouched parts meanwhile stays where it is. Surrogate pairs are never cut: Yjs replaces both halves of a cut pair.
 */
import { diffSplitBy } from 'lib0/diff/patience'
import type * as Y from 'yjs'

/** `remove` UTF-16 units leave the old text at `index`, and `insert` takes their place. */
export interface TextHunk {
  readonly index: number
  readonly remove: number
  readonly insert: string
}

const WORDS = /[\p{L}\p{N}\p{M}]+|[^\p{L}\p{N}\p{M}]/gu

/**
 * UTF-16 units, and different words among them, within which words are sought that stayed: that takes time quadratic in the
 * latter, about 5 ms for so many. Beyond either the change is one hunk.
 */
const MAX_ANCHORED = 8_000
const MAX_DIFFERENT = 1_500
/** A text that would be replaced in more places is as good as new; and every piece of it makes all later edits dearer. */
const MAX_HUNKS = 200

/** Hunks in ascending order that turn `before` into `after`; both must be well-formed Unicode. */
export function textHunks(before: string, after: string): TextHunk[] {
  const outer = trim({ index: 0, remove: before, insert: after })
  if (outer.remove === '' && outer.insert === '') return []
  const found = isAnchored(outer) ? diffSplitBy(outer.remove, outer.insert, WORDS) : []
  const many = found.length === 0 || found.length > MAX_HUNKS
  const hunks = many ? [outer] : found.map((hunk) => trim({ ...hunk, index: hunk.index + outer.index }))
  return hunks.map(({ index, remove, insert }) => ({ index, remove: remove.length, insert }))
}

function isAnchored({ remove, insert }: { readonly remove: string; readonly insert: string }): boolean {
  return Math.max(remove.length, insert.length) <= MAX_ANCHORED && new Set(remove.match(WORDS)).size <= MAX_DIFFERENT
}

/** Makes `text` read `after`, in one transaction; lone surrogates become U+FFFD, as they would on the wire. */
export function rewriteText(text: Y.Text, after: string): void {
  const change = (): void => {
    removeEmbeds(text)
    for (const { index, remove, insert } of textHunks(text.toString(), after.toWellFormed()).reverse()) {
      if (remove > 0) text.delete(index, remove)
      if (insert !== '') text.insert(index, insert)
    }
  }
  if (text.doc === null) change()
  else text.doc.transact(change)
}

/** A plain text has none, and every reading leaves them out; but they would shift the positions that follow. */
function removeEmbeds(text: Y.Text): void {
  if (text.length === text.toString().length) return
  let index = 0
  for (const { insert } of text.toDelta() as { insert: unknown }[]) {
    if (typeof insert === 'string') index += insert.length
    else text.delete(index, 1)
  }
}

/** Without the common start and end, both cut between code points. */
function trim(hunk: { index: number; remove: string; insert: string }): { index: number; remove: string; insert: string } {
  const { remove, insert } = hunk
  const shorter = Math.min(remove.length, insert.length)
  let start = 0
  while (start < shorter && remove.charCodeAt(start) === insert.charCodeAt(start)) start += 1
  if (start > 0 && isHighSurrogate(remove.charCodeAt(start - 1))) start -= 1
  let end = 0
  while (end < shorter - start && remove.charCodeAt(remove.length - 1 - end) === insert.charCodeAt(insert.length - 1 - end))
    end += 1
  if (end > 0 && isLowSurrogate(remove.charCodeAt(remove.length - end))) end -= 1
  return {
    index: hunk.index + start,
    remove: remove.slice(start, remove.length - end),
    insert: insert.slice(start, insert.length - end),
  }
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000
}
