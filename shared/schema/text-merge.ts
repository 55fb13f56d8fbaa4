/**
 * Two new wordings of one text, made apart from each other, as one text that has both changes: what either removed is gone, what either
 * inserted stands where it was put. What both inserted at one place stands once.
 */
import { type TextHunk, textHunks } from './text-edit.ts'

/** All well-formed Unicode. What `theirs` inserts comes behind what `ours` inserts at the same place. */
export function mergeTexts(base: string, ours: string, theirs: string): string {
  if (base === ours || ours === theirs) return theirs
  const [own, other] = [textHunks(base, ours), textHunks(base, theirs)]
  const removed = new Uint8Array(base.length)
  for (const { index, remove } of [...own, ...other]) removed.fill(1, index, index + remove)
  const fresh = other.map((hunk) => ({ index: hunk.index, insert: unknownIn(own, hunk) }))
  const insertions = [...own, ...fresh]
  let merged = ''
  let from = 0
  // Sorting is stable, so of two at one place ours comes first.
  for (const { index, insert } of insertions.sort((one, another) => one.index - another.index)) {
    merged += kept(base, removed, from, index) + insert
    from = index
  }
  return merged + kept(base, removed, from, base.length)
}

/** What is left to insert where the other side, at the same place, inserted the same or began with it: one of them has seen the other. */
function unknownIn(own: readonly TextHunk[], { index, insert }: TextHunk): string {
  const same = own.find((one) => one.index === index)?.insert ?? ''
  if (same.startsWith(insert) || same.endsWith(insert)) return ''
  return same !== '' && insert.startsWith(same) ? insert.slice(same.length) : insert
}

function kept(base: string, removed: Uint8Array, from: number, to: number): string {
  let text = ''
  let start = from
  for (let at = from; at < to; at += 1) {
    if (removed[at] === 0) continue
    text += base.slice(start, at)
    start = at + 1
  }
  return text + base.slice(start, to)
}
