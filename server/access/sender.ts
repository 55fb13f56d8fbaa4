/**
 * What a submission tells of the replica that it comes from: what that held, and what it deletes. An update of one moment names its own
 * deletions alone; one that answers a question for everything names all that the replica ever knew of.
 */
import type { ItemId } from '../log/findings.ts'
import { groupByClient, isCovered, lastCovered, type RangesByClient } from './clock-ranges.ts'
import type { ClockRange, ScannedUpdate } from './pre-scan.ts'
import { linksOf } from './struct-list.ts'
import type { UpdateSubmission } from './submission.ts'

/** What is known of a sender's replica: which items it had when it made the submission, as far as can be told. */
export interface Sender {
  /** Whether it held the item; `undefined` where nobody can say. */
  holds(id: ItemId): boolean | undefined
  /** Whether its set of deletions names the item. */
  deletes(id: ItemId): boolean
  /** Whether it deletes the item and puts nothing in its place. */
  drops(id: ItemId): boolean
  /** Of a range the last clock that it held or, where nobody can say, that it deletes: dead items of a client are one, of up to 2^32 clocks. */
  lastKnown(range: ClockRange): number | undefined
  /** What it deletes, and nothing that it held before: all that an update of one moment names. */
  readonly named: readonly ClockRange[] | undefined
  readonly deletesAny: boolean
}

/** It has seen everything, and deletes nothing that it has not seen. */
export const SERVER: Sender = {
  ...{ holds: () => true, deletes: () => false, drops: () => false, lastKnown: ({ end }) => end - 1 },
  ...{ named: undefined, deletesAny: false },
}

/** It may have seen everything; which of the deletions that it names were meant nobody can say. */
const UNKNOWN: Sender = SERVER

/** `update`: all that was sent. */
export function senderOf(vector: UpdateSubmission['vector'], update: ScannedUpdate): Sender {
  if (vector === 'unknown') return UNKNOWN
  const deletes = ({ client, clock }: ItemId): boolean => {
    return update.deletes.length > 0 && isCovered(indexOf(update).deletes, { client, start: clock, end: clock + 1 })
  }
  return {
    holds: ({ client, clock }) => {
      const brought = isCovered(indexOf(update).structs, { client, start: clock, end: clock + 1 })
      return brought ? true : vector && (vector.get(client) ?? 0) > clock
    },
    deletes,
    drops: (id) => deletes(id) && !originsOf(update).has(nameOf(id)),
    lastKnown(range) {
      const { structs, deletes: named } = indexOf(update)
      const brought = lastCovered(structs, range) ?? -1
      const held =
        vector === undefined ? (lastCovered(named, range) ?? -1) : Math.min(vector.get(range.client) ?? 0, range.end) - 1
      const last = Math.max(brought, held)
      return last < range.start ? undefined : last
    },
    named: vector === undefined ? update.deletes : undefined,
    deletesAny: update.deletes.length > 0,
  }
}

/** Of updates that were looked at, since a large one is judged in many parts. */
const indexes = new WeakMap<ScannedUpdate, { readonly structs: RangesByClient; readonly deletes: RangesByClient }>()
const origins = new WeakMap<ScannedUpdate, ReadonlySet<string>>()

function indexOf(update: ScannedUpdate) {
  let index = indexes.get(update)
  if (index === undefined) {
    index = { structs: groupByClient(update.structs), deletes: groupByClient(update.deletes) }
    indexes.set(update, index)
  }
  return index
}

/** Every item that one of its structs follows: what it deletes of a key it has replaced if it is among them. */
function originsOf(update: ScannedUpdate): ReadonlySet<string> {
  let names = origins.get(update)
  if (names === undefined) {
    const found = new Set<string>()
    for (const part of update.clients) {
      for (let index = 0; index < part.clocks.length - 1; index += 1) {
        const { origin } = linksOf(update.bytes, part, index)
        if (origin !== undefined) found.add(nameOf(origin))
      }
    }
    names = found
    origins.set(update, names)
  }
  return names
}

function nameOf({ client, clock }: ItemId): string {
  return `${client}/${clock}`
}
