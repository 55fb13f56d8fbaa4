/**
 * Which write holds in a key of a map, read from the items that stand there, and what such an item says.
 */
import { scalarOf } from '@rapport/shared/schema/read-content.ts'
import * as Y from 'yjs'
import type { ItemId } from '../log/findings.ts'
import type { Ledger, Value, Write } from './ledger.ts'
import type { KeyTouch, Touched } from './touched.ts'

/** The write that holds in a key. */
export interface Standing {
  readonly write: Write
  /** Null where the key is empty. */
  readonly value: Value
  /** Never written, or emptied by a deletion: yields to any value. */
  readonly cleared: boolean
  /** The last clock of the item that shows it. */
  readonly carrier: ItemId | undefined
}

/** Its value was dropped before it was sent. */
export const GONE = Symbol('gone')

/** No register holds it: a nested type, several values in one item, or anything else that no map is given. */
export const NO_VALUE = Symbol('no value')

/** What held before the submission: carried by the rightmost item that is not of it. */
export function standingBefore(ledger: Ledger, touched: Touched, { map, key }: KeyTouch): Standing {
  let item = map._map.get(key) ?? null
  while (item !== null && touched.isNew(item.id)) item = item.left
  if (item === null) return { write: undefined, value: null, cleared: true, carrier: undefined }
  const carrier = lastId(item)
  const alive = !item.deleted || touched.isDeletedNow(item)
  const mark = ledger.markAt(carrier)
  const held = contentOf(item)
  return {
    write: ledger.writeOf(carrier),
    value: alive && held !== GONE && held !== NO_VALUE ? (scalarOf(held) ?? null) : null,
    cleared: !alive || (mark?.cleared ?? false),
    carrier,
  }
}

/** What a key of a map shows of an item, were it the rightmost one, deleted now or not. */
export function contentOf({ content, length }: Y.Item): unknown {
  if (content instanceof Y.ContentDeleted) return GONE
  if (!(content instanceof Y.ContentAny) || length !== 1) return NO_VALUE
  // A key that is set to undefined is there, and says nothing.
  return content.arr[0] === undefined ? NO_VALUE : content.arr[0]
}

export function lastId({ id, length }: Y.Item): ItemId {
  return { client: id.client, clock: id.clock + length - 1 }
}

export function isAt({ id, length }: Y.Item, { client, clock }: ItemId): boolean {
  return id.client === client && clock >= id.clock && clock < id.clock + length
}
