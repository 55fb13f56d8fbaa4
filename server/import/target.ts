/** Where a column goes: the small language that mapping files and the formats that ship are written in. */

import { account } from '@rapport/shared/records/account.ts'
import { contact } from '@rapport/shared/records/contact.ts'
import { contactPoints } from '@rapport/shared/records/contact-points.ts'
import { CUSTOM_FIELD, own } from '@rapport/shared/schema/record-type.ts'

export const importedTypes = { contact, account } as const
export type ImportedType = keyof typeof importedTypes
export type PointRoot = keyof typeof contactPoints

export type Target =
  | { readonly type: 'field'; readonly name: string }
  | { readonly type: 'custom'; readonly name: `x_${string}` }
  /** A column of an entry; columns with the same key make one entry. `whole` is a postal address in one piece. */
  | { readonly type: 'entry'; readonly root: PointRoot; readonly key: string; readonly column: string }
  /** A field of the company that a contact belongs to. */
  | { readonly type: 'company'; readonly name: string }
  | { readonly type: 'name' | 'summary' | 'tags' | 'id' | 'ignore' }

const ENTRY = /^([a-z]+)\[([^[\]]{1,40})\]\.([A-Za-z]+)$/
const PLAIN = ['name', 'summary', 'tags', 'id', 'ignore'] as const

/** `undefined` for a text that names no place in records of the type. */
export function parseTarget(text: string, type: ImportedType): Target | undefined {
  const plain = PLAIN.find((name) => name === text)
  if (plain !== undefined) return plain === 'name' && type === 'account' ? { type: 'field', name: 'name' } : { type: plain }
  if (text.startsWith('fields.')) return fieldTarget(text.slice('fields.'.length), type)
  if (text.startsWith('account.')) {
    const name = text.slice('account.'.length)
    return type === 'contact' && isRegister(name, 'account') ? { type: 'company', name } : undefined
  }
  const [, root = '', key = '', column = ''] = ENTRY.exec(text) ?? []
  if (!isPointRoot(root)) return undefined
  const known = own<unknown>(contactPoints[root].columns, column) !== undefined || (root === 'addresses' && column === 'whole')
  return known ? { type: 'entry', root, key: key.trim(), column } : undefined
}

/** The text that `parseTarget` reads. */
export function targetText(target: Target): string {
  if (target.type === 'field' || target.type === 'custom') return `fields.${target.name}`
  if (target.type === 'company') return `account.${target.name}`
  return target.type === 'entry' ? `${target.root}[${target.key}].${target.column}` : target.type
}

export function isCustomField(name: string): name is `x_${string}` {
  return CUSTOM_FIELD.test(name)
}

function fieldTarget(name: string, type: ImportedType): Target | undefined {
  if (isCustomField(name)) return { type: 'custom', name }
  return isRegister(name, type) ? { type: 'field', name } : undefined
}

/** References are made by linking, not by copying another program's ids. */
function isRegister(name: string, type: ImportedType): boolean {
  const register = own<{ readonly kind: string }>(importedTypes[type].fields, name)
  return register !== undefined && register.kind !== 'reference'
}

function isPointRoot(name: string): name is PointRoot {
  return Object.hasOwn(contactPoints, name)
}
