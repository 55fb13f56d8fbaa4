/**
 * Characters beyond the basic plane take two clocks, and an edit can cut between them: Yjs then makes U+FFFD of both halves, on every
 * replica, for good. Where the edit was not allowed, the character is put back as it was: so it must be read before the edit is applied.
 */
import * as Y from 'yjs'
import type { ScannedUpdate } from './pre-scan.ts'
import { linksOf } from './struct-list.ts'
import { type SharedType, topOf } from './text-items.ts'

/** A character that an update is about to cut. */
export interface CutPair {
  readonly client: number
  /** Of its first half. */
  readonly clock: number
  readonly character: string
}

/** To be asked before the update, which has passed the scan, is applied. */
export function pairsCutBy(update: ScannedUpdate, document: Y.Doc): readonly CutPair[] {
  const cuts = new Map<string, CutPair>()
  const look = (client: number, clock: number): void => {
    const character = characterAt(document, client, clock)
    if (character !== undefined) cuts.set(`${client}/${clock}`, { client, clock, character })
  }
  for (const part of update.clients) {
    for (let index = 0; index < part.clocks.length - 1; index += 1) {
      const { origin, rightOrigin } = linksOf(update.bytes, part, index)
      if (origin !== undefined) look(origin.client, origin.clock)
      if (rightOrigin !== undefined) look(rightOrigin.client, rightOrigin.clock - 1)
    }
  }
  for (const { client, start, end } of update.deletes) {
    look(client, start - 1)
    look(client, end - 1)
  }
  return [...cuts.values()]
}

/**
 * Deletes both halves of what was cut below a root. `gone` is what the submission deleted; afterwards it has the first half of each
 * such character, and what is returned says for those what to bring back.
 */
export function mendPairs(
  transaction: Y.Transaction,
  root: SharedType,
  cuts: readonly CutPair[],
  gone: Set<Y.Item>,
): ReadonlyMap<Y.Item, Y.ContentString> {
  const contents = new Map<Y.Item, Y.ContentString>()
  for (const { client, clock, character } of cuts) {
    // In other roots nothing may be taken to pieces here: their judge would know nothing of it.
    if (!wasCut(transaction, root, client, clock)) continue
    const first = alone(transaction, client, clock, gone)
    const second = alone(transaction, client, clock + 1, gone)
    first.delete(transaction)
    second.delete(transaction)
    gone.add(first)
    gone.delete(second)
    contents.set(first, new Y.ContentString(character))
  }
  return contents
}

/** The character of which this is the first half, if it is there, whole and visible. */
function characterAt(document: Y.Doc, client: number, clock: number): string | undefined {
  if (clock < 0 || clock + 1 >= Y.getState(document.store, client)) return undefined
  const item: Y.Item | Y.GC = Y.getItem(document.store, Y.createID(client, clock))
  if (!(item instanceof Y.Item) || item.deleted || !(item.content instanceof Y.ContentString)) return undefined
  const character = item.content.str.slice(clock - item.id.clock, clock - item.id.clock + 2)
  return /^[\ud800-\udbff][\udc00-\udfff]$/.test(character) ? character : undefined
}

function wasCut({ doc }: Y.Transaction, root: SharedType, client: number, clock: number): boolean {
  return [clock, clock + 1].every((half) => {
    const item = Y.getItem(doc.store, Y.createID(client, half))
    return item.content instanceof Y.ContentString && item.content.str[half - item.id.clock] === '\uFFFD' && topOf(item) === root
  })
}

/** The item of one half, cut out of its neighbours, which are as gone as it was. */
function alone(transaction: Y.Transaction, client: number, clock: number, gone: Set<Y.Item>): Y.Item {
  const whole = Y.getItem(transaction.doc.store, Y.createID(client, clock))
  const end = whole.id.clock + whole.length
  const half = Y.getItemCleanStart(transaction, Y.createID(client, clock))
  const rest = clock + 1 < end ? Y.getItemCleanStart(transaction, Y.createID(client, clock + 1)) : undefined
  if (gone.has(whole)) {
    gone.add(half)
    if (rest !== undefined) gone.add(rest)
  }
  return half
}
