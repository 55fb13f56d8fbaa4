/**
 * What the items of a record stand for, by client and clock. Of one clock the mark that was put last counts.
 *
 * A record that one program edits for years has as many marks as edits, and whoever may not write a key leaves one with every try.
 * So of one client neighbours that say the same are one: it takes as many marks as there is to tell, not as there were edits.
 */
import type { ItemId, Mark } from '../log/findings.ts'

export class Marks {
  /** By client, each client's in clock order and apart from each other. */
  readonly #byClient = new Map<number, Mark[]>()
  #size = 0

  get size(): number {
    return this.#size
  }

  at({ client, clock }: ItemId): Mark | undefined {
    const marks = this.#byClient.get(client)
    if (marks === undefined) return undefined
    const mark = marks[lastAtOrBefore(marks, clock)]
    return mark !== undefined && clock < endOf(mark) ? mark : undefined
  }

  put(mark: Mark): void {
    const marks = this.#byClient.get(mark.client)
    this.#size += 1
    if (marks === undefined) {
      this.#byClient.set(mark.client, [mark])
      return
    }
    const place = lastAtOrBefore(marks, mark.clock)
    const before = marks[place]
    const start = before !== undefined && endOf(before) > mark.clock ? place : place + 1
    let end = start
    while ((marks[end]?.clock ?? Number.POSITIVE_INFINITY) < endOf(mark)) end += 1
    const [first, last] = [marks[start], marks[end - 1]]
    const put = [mark]
    // What it covers of others is void; the rest of those stays.
    if (end > start && first !== undefined) put.unshift(...part(first, first.clock, mark.clock))
    if (end > start && last !== undefined) put.push(...part(last, endOf(mark), endOf(last)))
    const from = Math.max(start - 1, 0)
    const joined = fold([...marks.slice(from, start), ...put, ...marks.slice(end, end + 1)])
    const gone = Math.min(end + 1, marks.length) - from
    marks.splice(from, gone, ...joined)
    this.#size += joined.length - gone - 1
  }
}

/** Its items are writes of their own. */
export function isOwn({ client, clock, standsFor }: Mark): boolean {
  return standsFor !== undefined && standsFor.client === client && standsFor.clock === clock
}

/** The mark of items that are writes of their own. */
export function ownMark(client: number, clock: number, length: number, author: Mark['author']): Mark {
  return { client, clock, length, author, standsFor: { client, clock }, cleared: false }
}

function endOf({ clock, length }: Mark): number {
  return clock + length
}

/** What a mark says of the clocks in `[start, end)`, which lie within it. */
function part(mark: Mark, start: number, end: number): Mark[] {
  if (start >= end) return []
  if (isOwn(mark)) return [{ ...mark, clock: start, length: end - start, standsFor: { client: mark.client, clock: start } }]
  const cut = { ...mark, clock: start, length: end - start }
  // Of the item that all of it stands for it would now say that each of the others stood for itself.
  return isOwn(cut) && cut.length > 1
    ? [
        { ...cut, length: 1 },
        { ...cut, clock: start + 1, length: cut.length - 1 },
      ]
    : [cut]
}

function fold(marks: readonly Mark[]): Mark[] {
  const folded: Mark[] = []
  for (const mark of marks) {
    const before = folded.at(-1)
    if (before === undefined || !continues(before, mark)) folded.push(mark)
    else folded[folded.length - 1] = { ...before, length: before.length + mark.length }
  }
  return folded
}

/** Whether both together are said by one mark: each stands for itself, or all for the same write. */
function continues(before: Mark, next: Mark): boolean {
  if (endOf(before) !== next.clock || before.cleared !== next.cleared || isOwn(before) !== isOwn(next)) return false
  if (before.author.sub !== next.author.sub || before.author.role !== next.author.role) return false
  const [one, other] = [before.standsFor, next.standsFor]
  return isOwn(before) || (one?.client === other?.client && one?.clock === other?.clock)
}

/** Index of the last mark that begins at or before the clock; -1 if none does. */
function lastAtOrBefore(marks: readonly Mark[], clock: number): number {
  let [low, high] = [0, marks.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((marks[middle]?.clock ?? 0) <= clock) low = middle + 1
    else high = middle
  }
  return low - 1
}
