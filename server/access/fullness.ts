/**
 * Whether a map has all the members, entries or custom fields that it may have. What a submission adds is counted as it is admitted, so
 * of a batch that goes too far the first ones stay; what it takes away gives its place to what it adds, whichever comes first.
 *
 * To count is to walk through all keys that a map ever had. So an upper bound is kept for each document, which only grows, and
 * counting is for when that says too many; at most once a submission.
 */
import { entryKey, parseEntryKey } from '@rapport/shared/schema/layout.ts'
import { CUSTOM_FIELD, ENTRY_COLUMNS, MAX_CUSTOM_FIELDS, own, type RecordType } from '@rapport/shared/schema/record-type.ts'
import type * as Y from 'yjs'
import type { Court } from './court.ts'
import { mayWriteField } from './policy.ts'
import { contentOf, standingBefore } from './standing.ts'

interface Count {
  /** At most so many names hold something. */
  bound: number
  /** Keys that the map had by then: what others have added since is no more than the keys that came. */
  keys: number
  /** What was touched when it was last counted exactly, and how many of the names that submission takes away. */
  countedFor: Court['touched'] | undefined
  leaving: number
  /** Names that this submission has added. */
  readonly added: Set<string>
  addedFor: Court['touched'] | undefined
}

const counts = new WeakMap<Y.Doc, Map<string, Count>>()

/** For a key that was empty and is to hold something; notes it if there is room. */
export function isOverfull(court: Court, root: string, key: string): boolean {
  const most = limitOf(court.type, root, key)
  if (most === undefined) return false
  const count = countOf(court, root)
  const name = nameOf(root, key)
  if (count.added.has(name) || isThere(court, root, key)) return false
  if (count.bound >= most && count.countedFor !== court.touched) {
    const names = namesBefore(court, root)
    count.bound = names.all + count.added.size
    count.leaving = names.all - names.staying
    count.countedFor = court.touched
  }
  const leaving = count.countedFor === court.touched ? count.leaving : 0
  // What parts that follow are to take away may never come.
  if (count.bound - leaving >= most || count.bound >= 2 * most) return true
  count.bound += 1
  count.added.add(name)
  return false
}

function countOf({ document, touched }: Court, root: string): Count {
  const roots = counts.get(document) ?? new Map<string, Count>()
  counts.set(document, roots)
  const keys = document.getMap(root)._map.size
  const count = roots.get(root) ?? { bound: 0, keys: 0, countedFor: undefined, leaving: 0, added: new Set(), addedFor: undefined }
  roots.set(root, count)
  if (count.countedFor !== touched) count.bound += keys - count.keys
  count.keys = keys
  if (count.addedFor !== touched) count.added.clear()
  count.addedFor = touched
  return count
}

function limitOf({ roots }: RecordType, root: string, key: string): number | undefined {
  if (root === 'fields') return CUSTOM_FIELD.test(key) ? MAX_CUSTOM_FIELDS : undefined
  const declared = own(roots, root)
  if (declared?.kind === 'set') return declared.maxMembers
  return declared?.kind === 'collection' ? declared.maxEntries : undefined
}

/** Entries have many keys and count once. */
function nameOf(root: string, key: string): string {
  return root === 'fields' ? key : (parseEntryKey(key)?.entry ?? key)
}

/** Whether another column of the same entry held something before the submission. */
function isThere(court: Court, root: string, key: string): boolean {
  const declared = own(court.type.roots, root)
  const place = declared?.kind === 'collection' ? parseEntryKey(key) : undefined
  if (declared?.kind !== 'collection' || place === undefined) return false
  return [...Object.keys(declared.columns), ...ENTRY_COLUMNS].some((column) => holds(court, root, entryKey(place.entry, column)))
}

function holds(court: Court, root: string, key: string): boolean {
  const map = court.document.getMap(root)
  return map._map.has(key) && standingBefore(court.ledger, court.touched, { root, map, key, items: [] }).value !== null
}

/** How many names held something before the submission, and how many of them go on doing so. */
function namesBefore(court: Court, root: string): { readonly all: number; readonly staying: number } {
  const all = new Set<string>()
  const staying = new Set<string>()
  const map = court.document.getMap(root)
  for (const key of map._map.keys()) {
    if ((root === 'fields' && !CUSTOM_FIELD.test(key)) || !holds(court, root, key)) continue
    all.add(nameOf(root, key))
    if (!leaves(court, root, key)) staying.add(nameOf(root, key))
  }
  // A deleted entry is kept for a restore, and takes nobody's place.
  if (own(court.type.roots, root)?.kind === 'collection') {
    for (const name of all) {
      if (map.get(entryKey(name, 'deleted')) !== true) continue
      all.delete(name)
      staying.delete(name)
    }
  }
  return { all: all.size, staying: staying.size }
}

/** Whether the submission empties a key that holds something, and may. */
function leaves(court: Court, root: string, key: string): boolean {
  const { document, ledger, touched, sender, principal, type, relation, policy } = court
  if (!mayWriteField(principal, type.name, relation, root, root === 'fields' ? key : '', policy)) return false
  const map = document.getMap(root)
  const rightmost = map._map.get(key)
  if (rightmost === undefined) return false
  if (touched.isNew(rightmost.id)) return rightmost.deleted || contentOf(rightmost) === null
  const { carrier } = standingBefore(ledger, touched, { root, map, key, items: [] })
  return carrier !== undefined && sender.drops(carrier)
}
