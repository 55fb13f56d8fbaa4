/**
 * Whether a map has all the members, entries or custom fields that it may have. What a submission adds is counted as it is admitted, so
 * of a batch that goes too far the first ones stay.
 *
 * To count is to walk through all keys that a map ever had. So an upper bound is kept for each document, which only grows, and
 * counting is for when that says too many; at most once a submission.
 */
import { entryKey, parseEntryKey } from '@rapport/shared/schema/layout.ts'
import { CUSTOM_FIELD, ENTRY_COLUMNS, MAX_CUSTOM_FIELDS, own, type RecordType } from '@rapport/shared/schema/record-type.ts'
import type * as Y from 'yjs'
import type { Court } from './court.ts'
import { standingBefore } from './standing.ts'

interface Count {
  /** At most so many names hold something. */
  bound: number
  /** Keys that the map had by then: what others have added since is no more than the keys that came. */
  keys: number
  /** What was touched when it was last counted exactly. */
  countedFor: Court['touched'] | undefined
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
    count.bound = namesBefore(court, root).size + count.added.size
    count.countedFor = court.touched
  }
  if (count.bound >= most) return true
  count.bound += 1
  count.added.add(name)
  return false
}

function countOf({ document, touched }: Court, root: string): Count {
  const roots = counts.get(document) ?? new Map<string, Count>()
  counts.set(document, roots)
  const keys = document.getMap(root)._map.size
  const count = roots.get(root) ?? { bound: 0, keys: 0, countedFor: undefined, added: new Set(), addedFor: undefined }
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

function namesBefore(court: Court, root: string): ReadonlySet<string> {
  const names = new Set<string>()
  const map = court.document.getMap(root)
  for (const key of map._map.keys()) {
    if ((root !== 'fields' || CUSTOM_FIELD.test(key)) && holds(court, root, key)) names.add(nameOf(root, key))
  }
  // A deleted entry is kept for a restore, and takes nobody's place.
  if (own(court.type.roots, root)?.kind === 'collection') {
    for (const name of names) if (map.get(entryKey(name, 'deleted')) === true) names.delete(name)
  }
  return names
}
