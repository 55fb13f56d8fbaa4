/**
 * Whether a map has all the members, entries or custom fields that it may have. What a submission adds is counted as it is admitted, so of a
 * batch that goes too far the first ones stay.
 */
import { parseEntryKey } from '@rapport/shared/schema/layout.ts'
import { CUSTOM_FIELD, MAX_CUSTOM_FIELDS, own } from '@rapport/shared/schema/record-type.ts'
import type { Court } from './court.ts'
import { standingBefore } from './standing.ts'

/** Names of what was there before a submission and of what it has added since, by root. */
const counted = new WeakMap<Court['touched'], Map<string, Set<string>>>()

/** For a key that was empty and is to hold something; notes it if there is room. */
export function isOverfull(court: Court, root: string, key: string): boolean {
  const most = limitOf(court, root, key)
  const map = court.document.getMap(root)
  // Keys that were ever used are an upper bound of those that hold something, and at hand.
  if (most === undefined || map._map.size <= most) return false
  const names = namesIn(court, root)
  const name = nameOf(root, key)
  if (names.has(name)) return false
  if (names.size >= most) return true
  names.add(name)
  return false
}

function limitOf({ type }: Court, root: string, key: string): number | undefined {
  if (root === 'fields') return CUSTOM_FIELD.test(key) ? MAX_CUSTOM_FIELDS : undefined
  const declared = own(type.roots, root)
  if (declared?.kind === 'set') return declared.maxMembers
  return declared?.kind === 'collection' ? declared.maxEntries : undefined
}

/** Entries have many keys and count once. */
function nameOf(root: string, key: string): string {
  return root === 'fields' ? key : (parseEntryKey(key)?.entry ?? key)
}

function namesIn(court: Court, root: string): Set<string> {
  const roots = counted.get(court.touched) ?? new Map<string, Set<string>>()
  counted.set(court.touched, roots)
  const known = roots.get(root)
  if (known !== undefined) return known
  const names = new Set<string>()
  roots.set(root, names)
  const map = court.document.getMap(root)
  for (const key of map._map.keys()) {
    if (root === 'fields' && !CUSTOM_FIELD.test(key)) continue
    if (standingBefore(court.ledger, court.touched, { root, map, key, items: [] }).value !== null) names.add(nameOf(root, key))
  }
  return names
}
