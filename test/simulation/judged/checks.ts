/**
 * What must hold of keys, told from the notebook: which value each shows, which conflicts are open. Throws what it finds wrong.
 */
import type * as Y from 'yjs'
import type { Conflict } from '../../../server/log/findings.ts'
import { type Notebook, valueAt, type Write } from './notebook.ts'
import { PLACES, type Place, shows } from './places.ts'

/** What no rule can prevent, counted: a stock deletion whose target the server had just written anew. */
export interface Losses {
  /** Deletions that had no effect though nobody had set the key meanwhile. */
  lostClears: number
  /** Conflicts about a value that its own replacer then deleted from the key, unseen by the server. */
  clearedRows: number
  /** Losers of which somebody else had set the very same value, unseen, and then replaced that himself. */
  twins: number
  /** Conflicts about a value that its author had seen and replaced under another client id, as after a new start of the app. */
  renamedRows: number
  /** Set members that went with a racing addition of theirs. */
  lostAdds: number
}

/** No key shows a value that nobody permitted wrote, at any time. */
export function checkVisible(document: Y.Doc, notebook: Notebook): void {
  for (const [name, root] of document.share)
    for (const [key, item] of root._map) {
      if (item.deleted) continue
      const value = shows(item.content.getContent().at(-1))
      if (value === null || (name === 'meta' && SERVERS_OWN.has(key) && !isMarked(value))) continue
      const place = PLACES.find((one) => one.root === name && one.key === key)
      const writes = place === undefined ? [] : (notebook.writes.get(place) ?? [])
      if (!writes.some((write) => write.permitted && write.fate !== 'away' && write.value === value))
        throw new Error(`P4: ${name}/${key} shows a value that nobody could write there`)
    }
}

const SERVERS_OWN = new Set(['schemaVersion', 'createdAt', 'createdBy'])

function isMarked(value: unknown): boolean {
  return typeof value === 'string' && value.includes('FORBID')
}

/** Each key shows what it must by the writes that are committed. */
export function checkValues(document: Y.Doc, notebook: Notebook, losses: Losses): void {
  for (const [place, writes] of notebook.writes) {
    if (place.kind === 'nowhere') continue
    const value = valueAt(document, place)
    judgedEitherWay(writes, value, losses, (counted, lost) => {
      if (place.kind === 'member') checkMember(place, writes, counted, value !== null, lost)
      else checkRegister(place, counted, value, lost)
    })
  }
}

/** Exactly the conflicts that the writes make are open. */
export function checkConflicts(document: Y.Doc, notebook: Notebook, open: Iterable<Conflict>, losses: Losses): void {
  const rows = new Map<Write, Conflict>()
  for (const row of open) {
    const write = notebook.writeOf(row.replaced.item)
    if (write === undefined) throw new Error('P5: a conflict about no write')
    if (rows.has(write)) throw new Error('P5: two conflicts about one write')
    rows.set(write, row)
    const { place, author, value } = write
    if (row.replaced.value !== value || row.replaced.author.sub !== author.sub || row.replaced.author.role !== author.role)
      throw new Error('P5: a conflict with another value or author than the write')
    if (row.path.join('\0') !== place.path.join('\0')) throw new Error('P5: a conflict at another place than the write')
    const kept = notebook.writeOf(row.kept.item)
    if (kept === undefined || kept.place !== place || kept.value !== row.kept.value || !kept.permitted)
      throw new Error('P5: a conflict that was lost to no write')
    if (kept.author.sub !== row.kept.author.sub) throw new Error('P5: a conflict that was lost to somebody else')
  }
  for (const [place, writes] of notebook.writes) {
    const value = valueAt(document, place)
    const own = [...rows.keys()].filter((write) => write.place === place)
    if (place.kind === 'register')
      judgedEitherWay(writes, value, losses, (counted, lost) => checkRows(place, writes, counted, value, own, lost))
    else if (own.length > 0) throw new Error(`P5: a conflict at ${place.path.join('/')}, where there are none`)
  }
}

function checkRows(
  place: Place,
  writes: readonly Write[],
  effective: readonly Write[],
  value: unknown,
  rows: readonly Write[],
  losses: Losses,
): void {
  const counted = writes.filter((write) => effective.includes(write) || (rows.includes(write) && write.permitted))
  const losers = latest(counted).filter((write) => !write.clear && write.value !== value)
  // Of equal values one row says all there is to say.
  for (const loser of losers.filter(({ value: lost }) => !rows.some((row) => row.value === lost))) {
    const twin = writes.some((write) => write !== loser && isTwin(write, loser))
    if (!twin) throw new Error(`P5: no conflict for a loser at ${name(place)}`)
    losses.twins += 1
  }
  const ends = latest(counted)
  for (const row of rows) {
    if (ends.includes(row)) {
      const shownByOther = writes.some((one) => one !== row && one.value === value && (ends.includes(one) || isKnownValue(one)))
      if (row.value === value && !shownByOther) throw new Error(`P5: a conflict for what ${name(place)} shows`)
    } else if (latestValues(counted).includes(row)) losses.clearedRows += 1
    else if (counted.some((write) => write.seen.has(row) && isUnderAnotherId(write, row))) losses.renamedRows += 1
    else throw new Error(`P5: a conflict at ${name(place)} for what somebody had seen`)
  }
}

function checkRegister(place: Place, counted: readonly Write[], value: unknown, losses: Losses): void {
  const ends = latest(counted)
  if (ends.length === 0 ? value === null : ends.some((write) => write.value === value)) return
  if (!latestValues(counted).some((write) => write.value === value))
    throw new Error(
      `P4: ${name(place)} shows ${value === null ? 'nothing' : 'what was replaced'}, instead of what was written last`,
    )
  losses.lostClears += 1
}

/** A member is there if an addition has been seen by no removal. */
function checkMember(place: Place, writes: readonly Write[], counted: readonly Write[], present: boolean, losses: Losses): void {
  const additions = counted.filter((write) => !write.clear)
  const removals = counted.filter((write) => write.clear)
  const standing = additions.filter((addition) => !removals.some((removal) => removal.seen.has(addition)))
  if (present === standing.length > 0) return
  if (present) {
    if (additions.length === 0) throw new Error(`P4: ${name(place)} is there, and nobody added it`)
    losses.lostClears += 1
    return
  }
  // The addition that had won may be one that its author took back before he sent it.
  const rivals = writes.filter(isKnownValue)
  const raced = (one: Write): boolean =>
    removals.some((removal) => rivals.some((rival) => removal.seen.has(rival) && areConcurrent(one, rival)))
  if (!standing.every(raced)) throw new Error(`P4: ${name(place)} is not there, though its addition saw no removal`)
  losses.lostAdds += 1
}

/**
 * Checks with the permitted writes that are committed. A judge that meets one with its value, overwritten in the same message,
 * may count it or not: it must be right in one way.
 */
function judgedEitherWay(
  writes: readonly Write[],
  shown: unknown,
  losses: Losses,
  check: (counted: readonly Write[], losses: Losses) => void,
): void {
  const permitted = writes.filter((write) => write.permitted && (write.fate === 'whole' || write.fate === 'covered'))
  const whole = permitted.filter(({ fate }) => fate === 'whole')
  // A deletion may have had its effect when it was heard alone, and been followed by another write since.
  const visible = permitted.filter(({ fate, clear, value }) => fate === 'whole' || clear || value === shown)
  const failures: unknown[] = []
  for (const counted of whole.length === permitted.length ? [whole] : [whole, visible, permitted]) {
    const lost = { ...losses }
    try {
      check(counted, lost)
      Object.assign(losses, lost)
      return
    } catch (failure) {
      failures.push(failure)
    }
  }
  throw failures[0]
}

function isTwin(write: Write, loser: Write): boolean {
  return isKnownValue(write) && write.value === loser.value && areConcurrent(write, loser)
}

/** The same person, on the same device or another one: that this replica showed the value, no item of its says. */
function isUnderAnotherId(write: Write, row: Write): boolean {
  return write.author === row.author && write.client !== row.client
}

/** A permitted value that a judge could read. */
function isKnownValue({ permitted, clear, fate }: Write): boolean {
  return permitted && !clear && (fate === 'whole' || fate === 'covered')
}

function areConcurrent(one: Write, other: Write): boolean {
  return !one.seen.has(other) && !other.seen.has(one)
}

/** Those that no other of them has seen. */
function latest(writes: readonly Write[]): readonly Write[] {
  return writes.filter((write) => !writes.some((other) => other.seen.has(write)))
}

/** As they would be without any deletion. */
function latestValues(writes: readonly Write[]): readonly Write[] {
  const values = writes.filter((write) => !write.clear)
  return values.filter((write) => !values.some((other) => other.seenInValues.has(write)))
}

const name = (place: Place): string => place.path.join('/')
