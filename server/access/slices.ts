/**
 * Cuts an update into pieces that can be applied one after the other, each a sound update of its own: whatever a piece leans on
 * is in it, in an earlier one, or was never in the update. So no update holds the process longer than one of its pieces does.
 *
 * Structs are never split and their bytes are copied as they are. Deletions come last, with the last structs if they are as few; one that covers
 * many structs of the document is cut. A dead item and what its author
 * put in its place stay in one piece where they stand near each other, so that a field is not seen empty in between.
 */
import * as encoding from 'lib0/encoding'
import type * as Y from 'yjs'
import { firstOf } from './cost.ts'
import { type ClockRange, preScan, type ScannedUpdate } from './pre-scan.ts'
import { DELETED } from './struct-content.ts'
import { inCausalOrder, isSkip, linksOf, type Run } from './struct-list.ts'

export interface Slicer {
  /**
   * The next piece, of about `most` structs or deletions; `undefined` after the last. Without the document that it is meant for, a
   * deletion counts as one, however much it covers.
   */
  next(most: number, document?: Y.Doc): ScannedUpdate | undefined
  /** Whether there is another piece. */
  more(): boolean
}

/** What weighs in a slice: structs, and deletions, which Yjs looks for one by one. */
export function weightOf(update: ScannedUpdate): number {
  return update.count + update.deletes.length
}

/** Whether an update weighs more than `most`, each deletion by the structs of the document that it covers. */
export function isHeavier(update: ScannedUpdate, most: number, document: Y.Doc): boolean {
  let left = most - weightOf(update)
  for (const range of update.deletes) {
    if (left < 0) return true
    left -= firstOf(range, document, left + 2).structs - 1
  }
  return left < 0
}

export function createSlicer(update: ScannedUpdate): Slicer {
  const runs = inCausalOrder(update)
  const { deletes } = update
  /** The first struct that was not handed out: number `at` of run `run`. */
  let run = 0
  let at = runs[0]?.from ?? 0
  let deleted = 0
  /** Of deletion `deleted`, what is below this clock was handed out. */
  let deletedTo = 0

  /** The structs of the next piece, one run for each client. */
  function takeStructs(most: number): Run[] {
    const taken = new Map<number, Run>()
    let left = most
    for (let current = runs[run]; current !== undefined && left > 0; current = runs[run]) {
      const { part } = current
      const before = taken.get(part.client)
      const from = before?.from ?? at
      const to = at + left >= current.to ? current.to : withSuccessors(current, from, at + left, most)
      taken.set(part.client, { part, from, to })
      left -= to - at
      at = to
      if (to === current.to) {
        run += 1
        at = runs[run]?.from ?? 0
      }
    }
    return [...taken.values()].flatMap((one) => withoutOuterSkips(one))
  }

  /** Where to cut instead of at `cut`: behind what took the place of dead items, if it comes within `most` structs. */
  function withSuccessors({ part, to }: Run, from: number, cut: number, most: number): number {
    const dead = new Set<number>()
    const note = (index: number): void => {
      if (linksOf(update.bytes, part, index).kind === DELETED) dead.add((part.clocks[index + 1] ?? 0) - 1)
    }
    for (let index = from; index < cut; index += 1) note(index)
    if (dead.size === 0) return cut
    let end = cut
    for (let index = cut; index < Math.min(to, cut + most); index += 1) {
      const { origin } = linksOf(update.bytes, part, index)
      if (origin?.client !== part.client || !dead.has(origin.clock)) continue
      for (let added = end; added <= index; added += 1) note(added)
      end = index + 1
    }
    return end
  }

  function withoutOuterSkips({ part, from, to }: Run): Run[] {
    let [first, end] = [from, to]
    while (first < end && isSkip(update.bytes, part, first)) first += 1
    while (end > first && isSkip(update.bytes, part, end - 1)) end -= 1
    return end > first ? [{ part, from: first, to: end }] : []
  }

  function takeDeletions(most: number, document: Y.Doc | undefined): ClockRange[] {
    const taken: ClockRange[] = []
    let left = most
    for (let range = deletes[deleted]; range !== undefined && left > 0; range = deletes[deleted]) {
      const rest = { ...range, start: Math.max(range.start, deletedTo) }
      const first = document === undefined ? { end: range.end, structs: 1 } : firstOf(rest, document, left)
      taken.push({ ...rest, end: first.end })
      left -= first.structs
      deletedTo = first.end === range.end ? 0 : first.end
      if (first.end === range.end) deleted += 1
    }
    return taken
  }

  const more = (): boolean => run < runs.length || deleted < deletes.length

  return {
    more,
    next(most, document) {
      if (!more()) return undefined
      const structs = takeStructs(most)
      const taken = structs.reduce((sum, { from, to }) => sum + to - from, 0)
      const now = run === runs.length && (taken === 0 || deletes.length - deleted <= most)
      const some = now ? takeDeletions(most, document) : []
      return preScan(encode(update.bytes, structs, some))
    },
  }
}

function encode(bytes: Uint8Array, structs: readonly Run[], deletes: readonly ClockRange[]): Uint8Array {
  const encoder = encoding.createEncoder()
  encoding.writeVarUint(encoder, structs.length)
  for (const { part, from, to } of structs) {
    encoding.writeVarUint(encoder, to - from)
    encoding.writeVarUint(encoder, part.client)
    encoding.writeVarUint(encoder, part.clocks[from] ?? 0)
    encoding.writeUint8Array(encoder, bytes.subarray(part.offsets[from], part.offsets[to]))
  }
  const firsts = deletes.flatMap(({ client }, index) => (client === deletes[index - 1]?.client ? [] : [index]))
  encoding.writeVarUint(encoder, firsts.length)
  for (const [nth, first] of firsts.entries()) {
    const ranges = deletes.slice(first, firsts[nth + 1])
    encoding.writeVarUint(encoder, ranges[0]?.client ?? 0)
    encoding.writeVarUint(encoder, ranges.length)
    for (const { start, end } of ranges) {
      encoding.writeVarUint(encoder, start)
      encoding.writeVarUint(encoder, end - start)
    }
  }
  return encoding.toUint8Array(encoder)
}
