/**
 * Whether one key of a root map, as a document holds it, fits the record type: what a judge asks of every key that an update
 * touches. The rules are those of `validateContent`, for one place at a time; how many places there may be is not asked here.
 *
 * Text roots have no keys: to them, as to any root that the type does not declare, no key fits.
 */
import type { IssueCode } from '../errors.ts'
import { parseEntryKey } from './layout.ts'
import { type CollectionRoot, CUSTOM_FIELD, ENTRY_COLUMNS, own, type RecordType } from './record-type.ts'
import { checkMember, MAX_ORDER_LENGTH } from './validate-content.ts'
import { checkCustom, checkRegister, checkText } from './value-rules.ts'

/** `undefined` as the value: the key is not there. */
export function checkKey(type: RecordType, root: string, key: string, value: unknown): IssueCode | undefined {
  if (root === 'meta') return 'forbidden'
  if (root === 'fields') return checkField(type, key, value)
  const declared = own(type.roots, root)
  if (declared?.kind === 'collection') return checkCell(declared, key, value)
  if (declared?.kind !== 'set') return 'unknown_field'
  // A name that nobody may add is removed all the same.
  if (value === undefined) return undefined
  // Null is empty here, too: the server writes it where there was no member before.
  return value === true || value === null ? checkMember(declared, key) : 'kind'
}

/** Whether any value could be valid under this key. Of `meta` none could, for nobody may write it. */
export function isPlace(type: RecordType, root: string, key: string): boolean {
  if (root === 'meta') return false
  if (root === 'fields') return own(type.fields, key) !== undefined || CUSTOM_FIELD.test(key)
  const declared = own(type.roots, root)
  if (declared?.kind === 'set') return checkMember(declared, key) === undefined
  if (declared?.kind !== 'collection') return false
  const place = parseEntryKey(key)
  return place !== undefined && (isEntryColumn(place.column) || own(declared.columns, place.column) !== undefined)
}

/** Where the key shows in content: `["fields", "title"]`, `["tags", MEMBER]`, `["emails", ENTRY, COLUMN]`. */
export function pathOfKey(type: RecordType, root: string, key: string): readonly string[] {
  const place = own(type.roots, root)?.kind === 'collection' ? parseEntryKey(key) : undefined
  return place === undefined ? [root, key] : [root, place.entry, place.column]
}

function checkField(type: RecordType, name: string, value: unknown): IssueCode | undefined {
  const register = own(type.fields, name)
  if (register !== undefined) return checkRegister(register, value)
  return CUSTOM_FIELD.test(name) ? checkCustom(value) : 'unknown_field'
}

/** One column of one entry. A required column that no key was ever written for is not noticed here. */
function checkCell(root: CollectionRoot, key: string, value: unknown): IssueCode | undefined {
  const place = parseEntryKey(key)
  // With a slash it is the entry's id that is wrong; without one it is no place in an entry at all.
  if (place === undefined) return key.includes('/') ? 'shape' : 'unknown_field'
  const { entry, column } = place
  if (column === 'deleted') return isEmpty(value) || typeof value === 'boolean' ? undefined : 'kind'
  if (column === 'order') return isEmpty(value) ? undefined : checkText(value, MAX_ORDER_LENGTH)
  const register = own(root.columns, column)
  if (register === undefined) return 'unknown_field'
  const code = checkRegister(register, value)
  const named = column !== root.keyedBy || isEmpty(value) || value === entry
  return code ?? (named ? undefined : 'reference')
}

function isEntryColumn(column: string): boolean {
  return (ENTRY_COLUMNS as readonly string[]).includes(column)
}

function isEmpty(value: unknown): boolean {
  return value === null || value === undefined
}
