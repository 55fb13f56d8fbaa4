/**
 * Judges what one submission did to one key of a map: which write holds afterwards, and whose. Whatever Yjs made of the items, the
 * key then shows that write: a value that may not stay, a permitted one that lost only to it, and a deletion that may not be are
 * all put right by one and the same step.
 *
 * Yjs settles concurrent values by client id, and a compensation is an item like any other. So this judges by *writes*: each
 * item stands for one (ledger.ts), and a write has seen another if its origin stands for that one, or if the same client made both.
 */
import type { IssueCode } from '@rapport/shared/errors.ts'
import { checkKey, isPlace, pathOfKey } from '@rapport/shared/schema/key-rules.ts'
import { scalarOf } from '@rapport/shared/schema/read-content.ts'
import { own } from '@rapport/shared/schema/record-type.ts'
import * as Y from 'yjs'
import type { ItemId } from '../log/findings.ts'
import { noteLoser, noteWinner, settledBy } from './concurrent-writes.ts'
import type { Court } from './court.ts'
import { isOverfull } from './fullness.ts'
import { isSameWrite, type Write } from './ledger.ts'
import { mayWriteField } from './policy.ts'
import { contentOf, GONE, isAt, lastId, NO_VALUE, type Standing, standingBefore } from './standing.ts'
import type { KeyTouch } from './touched.ts'

/** Items of a key that are looked through for what a sender knew of it: many times what is honestly written while somebody is away. */
const MOST_LOOKED_AT = 10_000

export function judgeKey(court: Court, touch: KeyTouch): void {
  const { ledger, touched, author } = court
  const { map, root, key } = touch
  const path = pathOfKey(court.type, root, key)
  const isUnseen = court.unseen(path)
  const before = standingBefore(ledger, touched, touch)
  let standing = before

  for (const item of inCausalOrder(touch.items)) {
    const id = lastId(item)
    // Whoever writes in rows has not seen what the server writes on top of; but for his own writes.
    const blind = isUnseen && !(item.origin !== null && touched.isNew(item.origin))
    const seen = item.origin === null || blind ? undefined : ledger.writeOf(item.origin)
    const value = contentOf(item)
    // And others' writes that the server makes bear the same client id as his.
    const ofSame = !isUnseen && standing.write !== undefined && standing.write.client === id.client
    const seenAtLeast = ofSame && isBehind(court, standing.write, seen) ? standing.write : seen
    if (value === GONE) {
      standing = judgeGone(court, touch, item, seenAtLeast, standing)
      continue
    }
    const code = findFault(court, touch, value, before)
    if (code !== undefined) {
      court.refuse(path, code)
      leaveOut(court, item, seenAtLeast)
      continue
    }
    const candidate: Standing = { write: id, value: scalarOf(value) ?? null, cleared: false, carrier: id }
    if (standing.cleared || ofSame || (!blind && isSameWrite(seen, standing.write))) {
      standing = candidate
      noteWinner(court, path, candidate, seen)
    } else if (settledBy(court, touch, candidate, standing) ?? isRightOf(map, key, item, standing.carrier)) {
      noteWinner(court, path, candidate, seen)
      noteLoser(court, path, standing, candidate, undefined)
      standing = candidate
    } else noteLoser(court, path, candidate, standing, seen)
  }

  removeHidden(court, touch)
  standing = judgeClear(court, touch, standing)
  standing = show(court, touch, standing)
  if (before.value === standing.value) return
  const device = court.via === 'socket' ? deviceOf(touch) : null
  const item = standing.cleared ? undefined : standing.write
  ledger.change({ path, before: before.value, after: standing.value, author, device, via: court.via, item })
}

/**
 * Whether somebody's own write was made on top of what his next item names as seen: then he had seen his own as well, though a
 * compensation stood before it on his screen.
 */
function isBehind({ document, ledger }: Court, own: Write, seen: Write): boolean {
  if (own === undefined || seen === undefined) return true
  const item = Y.getItem(document.store, Y.createID(own.client, own.clock))
  if (!(item instanceof Y.Item)) return false
  return isSameWrite(item.origin === null ? undefined : ledger.writeOf(item.origin), seen)
}

/**
 * Yjs deletes what stands left of the rightmost item. Not so the halves of an item that held two values, and was cut: nobody reads the
 * left one, but it would stay in the record.
 */
function removeHidden(court: Court, { items }: KeyTouch): void {
  for (const item of items) {
    if (item.deleted || item.right === null) continue
    item.delete(court.transaction)
    court.alter()
  }
}

/** An item whose value is gone was overwritten before it was sent, or deleted: then it empties what its author saw. */
function judgeGone(court: Court, touch: KeyTouch, item: Y.Item, seen: Write, standing: Standing): Standing {
  leaveOut(court, item, seen)
  const overwritten = touch.items.some((other) => other !== item && goesOnFrom(other, item))
  if (overwritten || court.unfinished) return standing
  if (!isSameWrite(seen, standing.write)) return standing
  let left = MOST_LOOKED_AT
  for (let right = item.right; right !== null; right = right.right) {
    left -= 1
    if (left === 0 || (court.sender.holds(right.id) === true && !court.touched.isNew(right.id))) return standing
  }
  return clear(court, touch, standing)
}

/** A deletion of what holds, with nothing put in its place. */
function judgeClear(court: Court, touch: KeyTouch, standing: Standing): Standing {
  const rightmost = touch.map._map.get(touch.key)
  if (rightmost === undefined || standing.cleared) return standing
  const carried = standing.carrier !== undefined && isAt(rightmost, standing.carrier)
  return carried && rightmost.deleted ? clear(court, touch, standing) : judgeStaleClear(court, touch, standing)
}

/**
 * The server shows the value by an item that the sender lacked when it deleted the one that it saw. Best effort: the sender's
 * whole set of deletions does not say which of them were meant.
 */
function judgeStaleClear(court: Court, touch: KeyTouch, standing: Standing): Standing {
  const { ledger, sender } = court
  if (court.unfinished || standing.cleared || standing.carrier === undefined || touch.items.length > 0) return standing
  if (!ledger.isServer(standing.carrier.client) || isSameWrite(standing.write, standing.carrier)) return standing
  if (sender.holds(standing.carrier) === true) return standing
  let left = MOST_LOOKED_AT
  for (let item = touch.map._map.get(touch.key) ?? null; item !== null && left > 0; item = item.left) {
    left -= 1
    const id = lastHeld(court, item)
    if (id === undefined) continue
    const meant = sender.deletes(id) && isSameWrite(ledger.writeOf(id), standing.write)
    return meant ? clear(court, touch, standing) : standing
  }
  return standing
}

/** Of an item, which may be several dead ones grown together, the last clock that the sender knew. */
function lastHeld({ sender }: Court, { id, length }: Y.Item): ItemId | undefined {
  const clock = sender.lastKnown({ client: id.client, start: id.clock, end: id.clock + length })
  return clock === undefined ? undefined : { client: id.client, clock }
}

function clear(court: Court, touch: KeyTouch, standing: Standing): Standing {
  const code = findFault(court, touch, undefined, standing)
  if (code === undefined) return { ...standing, value: null, cleared: true }
  court.refuse(pathOfKey(court.type, touch.root, touch.key), code)
  return standing
}

/** Why a value may not stand in the key; `undefined` is asked for a deletion. */
function findFault(court: Court, { root, key }: KeyTouch, value: unknown, before: Standing): IssueCode | undefined {
  const { principal, type, relation } = court
  if (court.via !== 'socket') return undefined
  if (!isPlace(type, root, key)) {
    // What should not be there may leave.
    return value === undefined && root !== 'meta' ? undefined : (checkKey(type, root, key, value) ?? 'unknown_field')
  }
  if (!mayWriteField(principal, type.name, relation, root, root === 'fields' ? key : '', court.policy)) return 'forbidden'
  const code = value === NO_VALUE ? 'kind' : checkKey(type, root, key, value)
  if (code !== undefined) return code
  const adds = before.value === null && value !== null && value !== undefined
  return adds && isOverfull(court, root, key) ? 'length' : undefined
}

/** No write of its own: whoever builds on it has seen what its author had seen. */
function leaveOut({ ledger }: Court, { id, length }: Y.Item, seen: Write): void {
  const author = seen === undefined ? ledger.authorOf(id) : ledger.authorOf(seen)
  ledger.mark({ client: id.client, clock: id.clock, length, author, standsFor: seen, cleared: false })
}

/** Makes the key show what holds. */
function show(court: Court, { map, root, key }: KeyTouch, standing: Standing): Standing {
  const { ledger, type } = court
  const rightmost = map._map.get(key)
  if (rightmost === undefined) return standing
  const id = lastId(rightmost)
  const held = rightmost.deleted ? null : contentOf(rightmost)
  // What no register holds reads as empty, and is there all the same.
  const shows = held === null || held === undefined ? null : scalarOf(held)
  const isEmpty = standing.cleared || standing.value === null
  if (isSameWrite(ledger.writeOf(id), standing.write) && shows === standing.value) {
    // A null that somebody set is more than an empty key: it does not yield.
    const isCleared = rightmost.deleted || (ledger.markAt(id)?.cleared ?? false)
    if (isCleared === standing.cleared) return standing
  }
  court.alter()
  // Where null is no value, or nothing ever was, an absent one is absent; whatever honest value loses to that deletion is written again.
  const kind = own(type.roots, root)?.kind
  const isAbsent = kind === 'set' || (kind === 'collection' && standing.write === undefined) || !isPlace(type, root, key)
  if (isEmpty && isAbsent) {
    if (!rightmost.deleted) rightmost.delete(court.transaction)
    return { ...standing, carrier: id }
  }
  const author = standing.write === undefined ? court.author : ledger.authorOf(standing.write)
  court.show(court.document.getMap(root), key, standing.value, standing.write, author, standing.cleared)
  const carrier = map._map.get(key)
  return { ...standing, carrier: carrier && lastId(carrier) }
}

/** Each client's items come in clock order; an item comes behind the one that it names as origin. */
function inCausalOrder(items: readonly Y.Item[]): readonly Y.Item[] {
  const [first] = items
  if (first === undefined || items.every(({ id }) => id.client === first.id.client)) return items
  const ordered: Y.Item[] = []
  const left = new Set(items)
  while (left.size > 0) {
    const size = left.size
    for (const item of left) {
      const waits = [...left].some((other) => other !== item && goesOnFrom(item, other))
      if (waits) continue
      left.delete(item)
      ordered.push(item)
    }
    if (left.size === size) throw new Error('items of one key that lean on each other')
  }
  return ordered
}

/** Whether an item was made by somebody who had made, or built upon, the other. */
function goesOnFrom(item: Y.Item, earlier: Y.Item): boolean {
  if (item.id.client === earlier.id.client) return item.id.clock > earlier.id.clock
  return item.origin !== null && isAt(earlier, item.origin)
}

/** Whether an item stands to the right of the one that carries the standing value. */
function isRightOf(map: Y.Map<unknown>, key: string, item: Y.Item, carrier: ItemId | undefined): boolean {
  if (carrier === undefined) return true
  for (let at = map._map.get(key) ?? null; at !== null; at = at.left) {
    if (at === item) return true
    if (isAt(at, carrier)) return false
  }
  throw new Error('an item that is not in its chain')
}

/** The replica that wrote what changed, in decimal; null for a deletion, which does not say where it was made. */
function deviceOf({ items }: KeyTouch): string | null {
  const last = items.at(-1)
  return last === undefined ? null : String(last.id.client)
}
