/**
 * The order column of a child table on its way back: which entries of a collection move, and the order keys that put them there. The
 * column counts entries from 0, but a writer may say the order by any numbers; an entry whose row he left alone never moves.
 */

import { evenOrders, orderBetween } from '../schema/fractional-order.ts'
import { textOf } from './cell-text.ts'
import type { Cell, Row } from './plan.ts'
import type { RowChange } from './row-change.ts'

/** Where the rows of one table say the ids and the places of entries. */
export interface OrderColumns {
  readonly table: string
  readonly id: string
  readonly order: string
}

/** An entry and its order key, if it has one. */
export type Placed = readonly [entry: string, order: string | undefined]

interface Wish {
  readonly place: number
  /** How it stands to others with the same number: one that came down takes the place of who is there, one that went up follows him. */
  readonly tie: -1 | 0 | 1
}

/** Entries that the writer gave a place, each with his last word; others are not his. */
export function wishesOf(columns: OrderColumns, changes: readonly RowChange[]): ReadonlyMap<string, Wish> {
  const wishes = new Map<string, Wish>()
  for (const { table, before, after } of changes) {
    if (table !== columns.table || after === undefined) continue
    const [from, to] = [before?.[columns.order] ?? null, after[columns.order] ?? null]
    if (before !== undefined && from === to) continue
    const [earlier, place] = [placeOf(from), placeOf(to)]
    wishes.set(textOf(after[columns.id]), { place, tie: before !== undefined && place > earlier ? 1 : -1 })
  }
  return wishes
}

/** An order that nobody gave is the end. */
function placeOf(cell: Cell): number {
  return typeof cell === 'number' ? cell : Number.POSITIVE_INFINITY
}

/** The ids of the table's rows, in the order in which its writer sees them. */
export function rowSequence(columns: OrderColumns, rows: readonly Row[], wishes: ReadonlyMap<string, Wish>): readonly string[] {
  const held = rows.map((row) => ({ id: textOf(row[columns.id]), place: placeOf(row[columns.order] ?? null), tie: 0 }))
  const seen = new Map(held.map((row) => [row.id, row]))
  for (const [id, wish] of wishes) seen.set(id, { id, ...wish })
  return [...seen.values()].sort((one, other) => compare(one.place, other.place) || one.tie - other.tie).map(({ id }) => id)
}

/** Infinities are equal to each other. */
function compare(one: number, other: number): number {
  return one === other ? 0 : one < other ? -1 : 1
}

/**
 * Order keys of the entries that have to move, and no others, so that each entry with a wish stands right behind the one before it in the
 * writer's sequence. `entries` as they stand, deleted ones among them; a new one stands last, without a key. A wish of one that is not
 * there is none.
 */
export function movesTo(
  entries: readonly Placed[],
  sequence: readonly string[],
  wishes: ReadonlyMap<string, Wish>,
): ReadonlyMap<string, string> {
  const wanted = entries.map(([entry]) => entry).filter((entry) => !wishes.has(entry))
  const there = new Set(entries.map(([entry]) => entry))
  let previous: string | undefined
  for (const entry of sequence) {
    if (!there.has(entry)) continue
    const wish = wishes.get(entry)
    if (wish !== undefined) {
      const isLast = wish.place === Number.POSITIVE_INFINITY
      wanted.splice(isLast ? wanted.length : previous === undefined ? 0 : wanted.indexOf(previous) + 1, 0, entry)
    }
    previous = entry
  }
  const staying = stayingIn(entries, wanted, wishes)
  return staying.size === entries.length ? new Map() : ordersFor(entries, wanted, staying)
}

/** Entries whose keys may stay as they are: all without a wish, and between them as many as keep the order they had and have a key. */
function stayingIn(
  entries: readonly Placed[],
  wanted: readonly string[],
  wishes: ReadonlyMap<string, Wish>,
): ReadonlySet<string> {
  const orders = new Map(entries)
  const standing = gapsOf(
    entries.map(([entry]) => entry),
    wishes,
  )
  const staying = new Set<string>()
  for (const [gap, asked] of gapsOf(wanted, wishes).entries()) {
    const places = new Map((standing[gap] ?? []).map((entry, index) => [entry, index]))
    const kept = asked.filter((entry) => places.has(entry) && orders.get(entry) !== undefined)
    for (const entry of longestRise(kept, (entry) => places.get(entry) ?? 0)) staying.add(entry)
  }
  for (const [entry] of entries) if (!wishes.has(entry)) staying.add(entry)
  return staying
}

/** The entries with a wish, by how many without one stand before them. */
function gapsOf(entries: readonly string[], wishes: ReadonlyMap<string, Wish>): readonly (readonly string[])[] {
  const gaps: string[][] = [[]]
  for (const entry of entries) {
    if (wishes.has(entry)) gaps.at(-1)?.push(entry)
    else gaps.push([])
  }
  return gaps
}

/** A longest part of the list in which the numbers rise. */
function longestRise(entries: readonly string[], numberOf: (entry: string) => number): readonly string[] {
  const ends: { readonly entry: string; readonly number: number }[] = []
  const links = new Map<string, string | undefined>()
  for (const entry of entries) {
    const number = numberOf(entry)
    let [low, high] = [0, ends.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((ends[middle]?.number ?? 0) < number) low = middle + 1
      else high = middle
    }
    links.set(entry, ends[low - 1]?.entry)
    ends[low] = { entry, number }
  }
  const rise: string[] = []
  for (let entry = ends.at(-1)?.entry; entry !== undefined; entry = links.get(entry)) rise.push(entry)
  return rise.reverse()
}

/** In UTF-16 units; beyond that all entries are spaced anew. */
const CROWDED = 64

function ordersFor(
  entries: readonly Placed[],
  wanted: readonly string[],
  staying: ReadonlySet<string>,
): ReadonlyMap<string, string> {
  const orders = new Map(entries)
  const moves = new Map<string, string>()
  let low: string | undefined
  for (let index = 0; index < wanted.length; ) {
    const entry = wanted[index] ?? ''
    if (staying.has(entry)) {
      low = orders.get(entry) ?? ''
      index += 1
      continue
    }
    const end = wanted.findIndex((one, at) => at > index && staying.has(one))
    const run = wanted.slice(index, end === -1 ? wanted.length : end)
    const keys = keysBetween(low, end === -1 ? undefined : (orders.get(wanted[end] ?? '') ?? ''), run.length)
    if (keys === undefined) return spacedAnew(entries, wanted)
    for (const [at, one] of run.entries()) moves.set(one, keys[at] ?? '')
    index += run.length
  }
  return moves
}

/** Halving, so that keys grow with the logarithm of their number; `undefined` where there is no room. */
function keysBetween(low: string | undefined, high: string | undefined, count: number): readonly string[] | undefined {
  if (count === 0) return []
  const key = orderBetween(low, high)
  if (key === undefined || key.length > CROWDED) return undefined
  const half = count >> 1
  const before = keysBetween(low, key, half)
  const behind = keysBetween(key, high, count - half - 1)
  return before && behind && [...before, key, ...behind]
}

function spacedAnew(entries: readonly Placed[], wanted: readonly string[]): ReadonlyMap<string, string> {
  const orders = new Map(entries)
  const even = evenOrders(wanted.length)
  return new Map(
    wanted
      .map((entry, index): [string, string] => [entry, even[index] ?? ''])
      .filter(([entry, order]) => orders.get(entry) !== order),
  )
}
