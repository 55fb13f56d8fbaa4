/**
 * Whether content from outside fits a record type. Every issue is found, not only the first; a path leads to the place, and no
 * issue carries the value. For content that passed, `Content` is its type.
 */
import type { Issue, IssueCode } from '../errors.ts'
import { parseEntryId } from './layout.ts'
import {
  type CollectionRoot,
  type Content,
  CUSTOM_FIELD,
  MAX_CUSTOM_FIELDS,
  own,
  type RecordType,
  type Root,
  type SetRoot,
} from './record-type.ts'
import type { Register } from './register.ts'
import { checkCustom, checkRegister, checkText } from './value-rules.ts'

/** In UTF-16 units: more than keys between any two neighbours need before a client should space them anew. */
export const MAX_ORDER_LENGTH = 256

/** Empty if the content is valid. Takes anything that JSON can say. */
export function validateContent(type: RecordType, content: unknown): Issue[] {
  if (!isObject(content)) return [{ path: [], code: 'kind' }]
  const issues: Issue[] = []
  for (const [name, value] of Object.entries(content)) {
    const root = own(type.roots, name)
    if (name === 'meta') issues.push({ path: [name], code: 'forbidden' })
    else if (root !== undefined) issues.push(...checkRoot(root, [name], value))
    else if (name !== 'fields') issues.push({ path: [name], code: 'unknown_field' })
  }
  const fields = own(content, 'fields')
  issues.push(...checkFields(type.fields, fields === undefined ? {} : fields))
  return issues
}

export function isContent<T extends RecordType>(type: T, content: unknown): content is Content<T> {
  return validateContent(type, content).length === 0
}

function checkFields(fields: Readonly<Record<string, Register>>, value: unknown): Issue[] {
  if (!isObject(value)) return [{ path: ['fields'], code: 'kind' }]
  const custom = Object.keys(value).filter((name) => own(fields, name) === undefined)
  const issues = checkRegisters(fields, ['fields'], value)
  for (const name of custom) {
    const code = CUSTOM_FIELD.test(name) ? checkCustom(value[name]) : 'unknown_field'
    if (code !== undefined) issues.push({ path: ['fields', name], code })
  }
  const held = custom.filter((name) => CUSTOM_FIELD.test(name) && value[name] !== null)
  if (held.length > MAX_CUSTOM_FIELDS) issues.push({ path: ['fields'], code: 'length' })
  return issues
}

/** The declared registers of `value`, absent ones included; other keys are the caller's. */
function checkRegisters(
  registers: Readonly<Record<string, Register>>,
  path: readonly string[],
  value: Record<string, unknown>,
): Issue[] {
  const issues: Issue[] = []
  for (const [name, register] of Object.entries(registers)) {
    const code = checkRegister(register, own(value, name))
    if (code !== undefined) issues.push({ path: [...path, name], code })
  }
  return issues
}

function checkRoot(root: Root, path: readonly string[], value: unknown): Issue[] {
  if (root.kind === 'set') return checkSet(root, path, value)
  if (root.kind === 'collection') return checkCollection(root, path, value)
  const code = checkText(value, root.maxLength)
  return code === undefined ? [] : [{ path, code }]
}

function checkSet(root: SetRoot, path: readonly string[], value: unknown): Issue[] {
  if (!isObject(value)) return [{ path, code: 'kind' }]
  const issues: Issue[] = []
  if (Object.keys(value).length > root.maxMembers) issues.push({ path, code: 'length' })
  for (const [member, held] of Object.entries(value)) {
    const code = held === true ? checkMember(root, member) : 'kind'
    if (code !== undefined) issues.push({ path: [...path, member], code })
  }
  return issues
}

/** A label: not blank, and no name that sets a prototype where objects are copied key by key. */
export function checkMember(root: SetRoot, member: string): IssueCode | undefined {
  if (member.trim() === '') return 'length'
  return member === '__proto__' ? 'shape' : checkText(member, root.maxLength)
}

function checkCollection(root: CollectionRoot, path: readonly string[], value: unknown): Issue[] {
  if (!isObject(value)) return [{ path, code: 'kind' }]
  const issues: Issue[] = []
  const entries = Object.entries(value)
  if (entries.length > root.maxEntries) issues.push({ path, code: 'length' })
  for (const [id, entry] of entries) issues.push(...checkEntry(root, [...path, id], id, entry))
  return issues
}

function checkEntry(root: CollectionRoot, path: readonly string[], id: string, value: unknown): Issue[] {
  if (parseEntryId(id) === undefined) return [{ path, code: 'shape' }]
  if (!isObject(value)) return [{ path, code: 'kind' }]
  const issues = checkRegisters(root.columns, path, value)
  for (const [column, held] of Object.entries(value)) {
    if (own(root.columns, column) !== undefined) continue
    const code = column === 'order' ? checkText(held, MAX_ORDER_LENGTH) : 'unknown_field'
    if (code !== undefined) issues.push({ path: [...path, column], code })
  }
  if (root.keyedBy !== undefined && (own(value, root.keyedBy) ?? id) !== id) {
    issues.push({ path: [...path, root.keyedBy], code: 'reference' })
  }
  return issues
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
