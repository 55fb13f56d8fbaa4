/**
 * Whether a merge patch (RFC 7396) of a record's content may be applied to a document. Only what the patch touches is judged: a
 * document may hold values that nobody checked, and a patch of one field must not fail for another. What reads so already passes,
 * fit or not: a client may send back all it read. A limit that is exceeded already refuses only what goes further beyond it.
 */
import * as Y from 'yjs'
import type { Issue } from '../errors.ts'
import { entryKey, parseEntryId } from './layout.ts'
import { readEntries, scalarOf } from './read-content.ts'
import {
  type CollectionRoot,
  type Columns,
  CUSTOM_FIELD,
  MAX_CUSTOM_FIELDS,
  own,
  type RecordType,
  type Root,
  type SetRoot,
} from './record-type.ts'
import { checkMember, MAX_ORDER_LENGTH } from './validate-content.ts'
import { checkCustom, checkRegister, checkText } from './value-rules.ts'
import { xmlOf } from './xml-text.ts'

/** Enough to correct a form by; a hostile patch has hundreds of thousands. */
const MAX_ISSUES = 100

type JsonObject = Readonly<Record<string, unknown>>

/** Empty if the patch may be applied. Takes anything that JSON can say, and stops at 100 issues. */
export function checkPatch(type: RecordType, document: Y.Doc, patch: unknown): Issue[] {
  const issues: Issue[] = []
  for (const issue of issuesOf(type, document, patch)) {
    issues.push(issue)
    if (issues.length === MAX_ISSUES) break
  }
  return issues
}

/** The same for the content of a new record: a patch of an empty one, in which no required field may be missing. */
export function checkDraft(type: RecordType, content: unknown): Issue[] {
  const issues = checkPatch(type, new Y.Doc(), content)
  const fields = isObject(content) ? (own(content, 'fields') ?? {}) : undefined
  return isObject(fields) ? [...issues, ...missing(type.fields, ['fields'], fields)] : issues
}

function* issuesOf(type: RecordType, document: Y.Doc, patch: unknown): Iterable<Issue> {
  if (!isObject(patch)) return yield { path: [], code: 'kind' }
  for (const [name, change] of Object.entries(patch)) {
    const root = own(type.roots, name)
    if (name === 'fields') yield* fieldIssues(type.fields, document.getMap('fields'), change)
    else if (root !== undefined) yield* rootIssues(root, name, document, change)
    else yield { path: [name], code: name === 'meta' ? 'forbidden' : 'unknown_field' }
  }
}

function* fieldIssues(fields: Columns, map: Y.Map<unknown>, change: unknown): Iterable<Issue> {
  if (!isObject(change)) return yield { path: ['fields'], code: 'kind' }
  let [added, removed] = [0, 0]
  for (const [name, value] of Object.entries(change)) {
    const register = own(fields, name)
    const custom = register === undefined && CUSTOM_FIELD.test(name)
    const code = register ? checkRegister(register, value) : custom ? checkCustom(value) : 'unknown_field'
    if (code !== undefined) {
      if ((register === undefined && !custom) || !readsSo(map, name, value)) yield { path: ['fields', name], code }
    } else if (custom && value !== null && !isHeld(map, name)) added += 1
    else if (custom && value === null && isHeld(map, name)) removed += 1
  }
  if (added <= removed) return
  const held = [...map.keys()].filter((name) => CUSTOM_FIELD.test(name) && isHeld(map, name))
  if (held.length + added - removed > MAX_CUSTOM_FIELDS) yield { path: ['fields'], code: 'length' }
}

/** Of a key of a map. An empty value reads as nothing, so nobody sends it back. */
function readsSo(map: Y.Map<unknown>, key: string, value: unknown): boolean {
  return value !== undefined && scalarOf(map.get(key)) === value
}

function isHeld(map: Y.Map<unknown>, name: string): boolean {
  return scalarOf(map.get(name)) !== undefined
}

function* rootIssues(root: Root, name: string, document: Y.Doc, change: unknown): Iterable<Issue> {
  if (root.kind === 'richText') {
    // It has no inverse from XML, so it is read here and written by editors alone.
    if (change !== xmlOf(document.getXmlFragment(name))) yield { path: [name], code: 'forbidden' }
    return
  }
  if (change === null) return
  if (root.kind === 'text') {
    const code = checkText(change, root.maxLength)
    if (code !== undefined && change !== document.getText(name).toString()) yield { path: [name], code }
  } else if (!isObject(change)) yield { path: [name], code: 'kind' }
  else if (root.kind === 'set') yield* memberIssues(root, name, document.getMap(name), change)
  else yield* entryIssues(root, name, document.getMap(name), change)
}

function* memberIssues(root: SetRoot, name: string, map: Y.Map<unknown>, change: JsonObject): Iterable<Issue> {
  let [added, removed] = [0, 0]
  for (const [member, given] of Object.entries(change)) {
    const held = map.get(member) === true
    // A name that nobody may add is removed all the same.
    const code = given === null ? undefined : given === true ? checkMember(root, member) : 'kind'
    if (code !== undefined && !(given === true && held)) yield { path: [name, member], code }
    else if (given === true && !held) added += 1
    else if (given === null && held) removed += 1
  }
  if (added <= removed) return
  const held = [...map.values()].filter((value) => value === true).length
  if (held + added - removed > root.maxMembers) yield { path: [name], code: 'length' }
}

function* entryIssues(root: CollectionRoot, name: string, map: Y.Map<unknown>, change: JsonObject): Iterable<Issue> {
  const held = new Set(readEntries(root, map).map(([id]) => id))
  let [added, removed] = [0, 0]
  for (const [id, given] of Object.entries(change)) {
    const path = [name, id]
    if (parseEntryId(id) === undefined) yield { path, code: 'shape' }
    else if (given === null) removed += held.has(id) ? 1 : 0
    else if (!isObject(given)) yield { path, code: 'kind' }
    else {
      for (const issue of columnIssues(root, path, id, given)) {
        const column = issue.path.at(-1) ?? ''
        const known = column === 'order' || own(root.columns, column) !== undefined
        if (!known || !held.has(id) || !readsSo(map, entryKey(id, column), given[column])) yield issue
      }
      if (held.has(id)) continue
      added += 1
      yield* missing(root.columns, path, given)
    }
  }
  if (added > removed && held.size + added - removed > root.maxEntries) yield { path: [name], code: 'length' }
}

function* columnIssues(root: CollectionRoot, path: readonly string[], id: string, given: JsonObject): Iterable<Issue> {
  for (const [column, value] of Object.entries(given)) {
    const register = own(root.columns, column)
    if (column === root.keyedBy) {
      if (value !== id) yield { path: [...path, column], code: 'reference' }
      continue
    }
    const order = column === 'order' ? checkText(value, MAX_ORDER_LENGTH) : 'unknown_field'
    const code = register ? checkRegister(register, value) : order
    if (code !== undefined) yield { path: [...path, column], code }
  }
}

/** Required registers that something new does not mention; one that it mentions as null is judged by its value. */
function missing(registers: Columns, path: readonly string[], given: JsonObject): Issue[] {
  const names = Object.keys(registers).filter((name) => registers[name]?.required && own(given, name) === undefined)
  return names.map((name) => ({ path: [...path, name], code: 'kind' }))
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
