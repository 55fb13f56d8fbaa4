/**
 * Places in a record's content, as history and conflicts name them: `["fields", "title"]`, `["tags", MEMBER]`, `["emails", ENTRY]`,
 * `["emails", ENTRY, "address"]`, or a whole root such as `["summary"]`. As text its parts are joined by slashes; a member may
 * hold some itself. What no database can hold names no place.
 */
import { entryKey, parseEntryId } from './layout.ts'
import { CUSTOM_FIELD, ENTRY_COLUMNS, own, type RecordType } from './record-type.ts'
import { checkText } from './value-rules.ts'

export type Place = readonly string[]

/** From text or a list of parts; `undefined` if it names no place that a record of the type could have. */
export function parsePlace(type: RecordType, given: unknown): Place | undefined {
  const parts = typeof given === 'string' ? partsOf(type, given) : given
  if (!Array.isArray(parts) || !parts.every((part) => typeof part === 'string')) return undefined
  return isPlaceOf(type, parts) ? parts : undefined
}

/** The key of a root map that holds a place; `undefined` for a text, an entry or a root as a whole. */
export function keyAt(
  type: RecordType,
  [root, name, column]: Place,
): { readonly root: string; readonly key: string } | undefined {
  if (root === undefined || name === undefined) return undefined
  if (own(type.roots, root)?.kind !== 'collection') return { root, key: name }
  return column === undefined ? undefined : { root, key: entryKey(name, column) }
}

function partsOf(type: RecordType, text: string): readonly string[] {
  const [root = '', ...rest] = text.split('/')
  if (rest.length === 0) return [root]
  return own(type.roots, root)?.kind === 'collection' ? [root, ...rest] : [root, rest.join('/')]
}

function isPlaceOf(type: RecordType, [root, name, column, ...more]: readonly string[]): boolean {
  if (root === undefined || more.length > 0) return false
  const declared = own(type.roots, root)
  if (root !== 'fields' && declared === undefined) return false
  if (name === undefined) return true
  if (declared === undefined) return column === undefined && (own(type.fields, name) !== undefined || CUSTOM_FIELD.test(name))
  if (declared.kind === 'set')
    return column === undefined && name !== '' && checkText(name, Number.POSITIVE_INFINITY) === undefined
  if (declared.kind !== 'collection' || parseEntryId(name) === undefined) return false
  return column === undefined || isEntryColumn(column) || own(declared.columns, column) !== undefined
}

function isEntryColumn(column: string): boolean {
  return (ENTRY_COLUMNS as readonly string[]).includes(column)
}
