/**
 * What people wrote under keys, and what each of them had seen when he did: the oracle's memory. It is fed by the replicas of
 * the people alone and knows nothing of how a judge decides; of the judge's findings it takes only which write an item of the
 * server shows, and checks that claim.
 *
 * A write has seen a write if its replica showed that one, or one that had seen it, on that key at that time; or if the same
 * client id made it earlier.
 */
import type { Author } from '@rapport/shared/ids.ts'
import type { Scalar } from '@rapport/shared/schema/register.ts'
import type * as Y from 'yjs'
import type { ItemId, Mark } from '../../../server/log/findings.ts'
import { type Place, shows } from './places.ts'

/** What became of a write when its first bytes were committed. */
export type Fate =
  /** Not committed yet. */
  | 'away'
  /** Its value was there and not overwritten. */
  | 'whole'
  /** Its value was there, and overwritten in the same message: a judge may count it or not. */
  | 'covered'
  /** Overwritten before it was sent: nobody can know its value. */
  | 'hollow'

export interface Write {
  readonly place: Place
  readonly author: Author
  /** The replica's; none where the server wrote in the author's name. */
  readonly client: number | undefined
  /** Null: emptied. */
  readonly value: Scalar | null
  /** Emptied by a deletion, which yields to any value. */
  readonly clear: boolean
  readonly permitted: boolean
  readonly seen: ReadonlySet<Write>
  /** The same, as if nobody had ever deleted a key: what a deletion had seen leaves no trace in any message. */
  readonly seenInValues: ReadonlySet<Write>
  /** Of these, those that the replica showed: all that remains to be told of a write whose value was not sent. */
  readonly shown: ReadonlySet<Write>
  /** The item that brought it; a clear has none. */
  readonly item: ItemId | undefined
  /** Of a clear: the item that it deleted. */
  readonly target: ItemId | undefined
  /** Of a clear: the item that it deleted was the server's. */
  readonly ofServer: boolean
  fate: Fate
  /** The sequence of the entry that brought it. */
  entry: number | undefined
}

export type Draft = Pick<Write, 'author' | 'client' | 'permitted'>

const idOf = ({ client, clock }: ItemId): string => `${client}:${clock}`

export class Notebook {
  readonly writes = new Map<Place, Write[]>()
  readonly #byItem = new Map<string, Write>()
  /** By the item that they deleted, and by the write that it showed. */
  readonly #clears = new Map<string, Write[]>()
  readonly #clearsOf = new Map<Write, Write[]>()
  /** By client and place: the last one suffices, for it has seen those before. */
  readonly #latest = new Map<number, Map<Place, Write>>()
  readonly #marks = new Map<number, Mark[]>()

  /** Takes what an entry says that items of the server stand for. */
  learn(marks: readonly Mark[]): void {
    for (const mark of marks) {
      const known = this.#marks.get(mark.client)
      if (known === undefined) this.#marks.set(mark.client, [mark])
      else known.push(mark)
    }
  }

  writeOf(item: ItemId): Write | undefined {
    return this.#byItem.get(idOf(item))
  }

  /**
   * A value set under the key by this item. `before`: what the replica showed until then; `also`: a write that the author saw
   * in a list.
   */
  set(place: Place, before: Look, item: ItemId, value: unknown, draft: Draft, also?: Write): Write {
    return this.#note({ ...draft, place, value: shows(value), clear: false, item, target: undefined }, before, also)
  }

  /** The key deleted. Not to be called where it was empty, for then nothing happens. */
  clear(place: Place, before: Look, draft: Draft): Write {
    return this.#note({ ...draft, place, value: null, clear: true, item: undefined, target: before.item }, before)
  }

  #note(
    draft: Omit<Write, 'seen' | 'seenInValues' | 'shown' | 'fate' | 'ofServer' | 'entry'>,
    before: Look,
    also?: Write,
  ): Write {
    const { place, client } = draft
    const seen = new Set<Write>()
    const seenInValues = new Set<Write>()
    // Under an id of the server's own many people write, each with what it shows before his eyes.
    const latest = client === undefined ? undefined : this.#latest.get(client)?.get(place)
    const shown = new Set<Write>()
    for (const write of [...this.#shownBy(before), latest, also]) {
      if (write === undefined) continue
      seen.add(write)
      for (const older of write.seen) seen.add(older)
      if (write.clear) continue
      const untold = write.fate === 'hollow' || write.fate === 'covered'
      const told = untold && write.client !== client ? write.shown : write.seenInValues
      for (const older of [write, ...told]) {
        seenInValues.add(older)
        if (write !== latest) shown.add(older)
      }
    }
    const ofServer = draft.clear && before.item !== undefined && this.#markOf(before.item) !== undefined
    const write: Write = { ...draft, seen, seenInValues, shown, ofServer, fate: 'away', entry: undefined }
    if (write.item !== undefined) this.#byItem.set(idOf(write.item), write)
    if (write.clear && before.item !== undefined) {
      append(this.#clears, idOf(before.item), write)
      const target = this.#standsFor(before.item)
      if (target !== undefined) append(this.#clearsOf, target, write)
    }
    append(this.writes, place, write)
    if (client !== undefined) {
      const places = this.#latest.get(client) ?? new Map<Place, Write>()
      this.#latest.set(client, places.set(place, write))
    }
    return write
  }

  /** The writes that a replica showed: one, but where several people have cleared the same item. */
  #shownBy({ item, value, dead, has }: Look): readonly Write[] {
    if (item === undefined) return []
    const clears = dead ? (this.#clears.get(idOf(item)) ?? []).filter(has) : []
    const mark = this.#markOf(item)
    const write = this.#standsFor(item)
    if (write === undefined) return clears
    // Of a replica's own items the marks say otherwise: what was refused stands for what had been there.
    if (write.item !== undefined && idOf(write.item) === idOf(item)) return [write, ...clears]
    if (value !== null && value !== write.value) throw new Error('an item of the server shows another value than its write')
    const cleared = mark?.cleared ? (this.#clearsOf.get(write) ?? []).filter(has) : []
    return [write, ...clears, ...cleared]
  }

  /** The write that an item brought, or that the server says it shows. */
  #standsFor(item: ItemId): Write | undefined {
    const own = this.writeOf(item)
    const mark = own === undefined ? this.#markOf(item) : undefined
    if (mark?.standsFor === undefined) return own
    const { client, clock } = mark.standsFor
    return this.writeOf(client === mark.client && clock === mark.clock ? item : mark.standsFor)
  }

  #markOf({ client, clock }: ItemId): Mark | undefined {
    return this.#marks.get(client)?.findLast((mark) => mark.clock <= clock && clock < mark.clock + mark.length)
  }
}

/** What a replica shows under a key. */
export interface Look {
  /** The rightmost of the key's items, deleted or not. */
  readonly item: ItemId | undefined
  readonly dead: boolean
  readonly value: Scalar | null
  /** Whether the replica had heard of a deletion. */
  readonly has: (clear: Write) => boolean
}

export function look(document: Y.Doc, place: Place, has: Look['has']): Look {
  const item = document.getMap(place.root)._map.get(place.key)
  if (item === undefined) return { item: undefined, value: null, dead: true, has }
  return { item: lastId(item), value: valueAt(document, place), dead: item.deleted, has }
}

export function valueAt(document: Y.Doc, { root, key }: Place): Scalar | null {
  const item = document.getMap(root)._map.get(key)
  return item === undefined || item.deleted ? null : shows(item.content.getContent().at(-1))
}

/** Dead neighbours of one client are merged into one item; the last of them was shown. */
function lastId(item: Y.Item): ItemId {
  return { client: item.id.client, clock: item.id.clock + item.length - 1 }
}

function append<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [value])
  else list.push(value)
}
