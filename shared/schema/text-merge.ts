/**
 * Two new wordings of one text, made apart from each other, as one text that has both changes: what either removed is gone, what either
 * inserted stands where it was put. What both inserted at one place stands once.
 */
import { type TextHunk, textHunks } from './text-edit.ts'

/** All well-formed Unicode. What `theirs` inserts comes behind what `ours` inserts at the same place. */
export function mergeTexts(base: string, ours: string, theirs: string): string {
  if (base === ours || ours === theirs) return theirs
  const [own, other] = [wordHunks(base, ours), wordHunks(base, theirs)]
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

/** UTF-16 units: no word is longer. */
const MAX_SHIFT = 100

/**
 * Hunks that only remove or only insert can often stand in several places, of which `one [two ]three` is as good as `one t[wo t]hree` while
 * nobody else types: here each begins with a word, if it can.
 */
function wordHunks(base: string, after: string): readonly TextHunk[] {
  let end = 0
  return textHunks(base, after).map((hunk) => {
    const shifted = hunk.remove > 0 && hunk.insert !== '' ? hunk : atWord(base, hunk, Math.max(end, hunk.index - MAX_SHIFT))
    end = hunk.index + hunk.remove
    return shifted
  })
}

/** The same change at the start of the word that it is in, but not before `least`. */
function atWord(base: string, hunk: TextHunk, least: number): TextHunk {
  const { index, remove, insert } = hunk
  let cycle = remove > 0 ? base.slice(index, index + remove) : insert
  for (let at = index; at >= least; at -= 1) {
    if (at === 0 || /\s/.test(base.charAt(at - 1))) return { index: at, remove, insert: remove > 0 ? '' : cycle }
    if (base.charAt(at - 1) !== cycle.at(-1)) return hunk
    cycle = base.charAt(at - 1) + cycle.slice(0, -1)
  }
  return hunk
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
