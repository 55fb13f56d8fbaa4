/**
 * What may stand in a text and in a rich text, item by item. Pure; where a value goes wrong, the whole item does.
 *
 * A text holds characters and formatting with plain values. A rich text holds what editor bindings write: elements and texts in each
 * other, attributes and marks with values as JSON has them, of bounded size and depth. Other shared types have no place in either.
 */
import type { IssueCode } from '@rapport/shared/errors.ts'
import type { RichTextRoot, TextRoot } from '@rapport/shared/schema/record-type.ts'
import * as Y from 'yjs'
import { parentOf, type SharedType } from './text-items.ts'

/** Elements and texts inside each other. */
export const MAX_LEVELS = 32
/** Of a string in an attribute or a mark, in UTF-16 units: the longest links. */
export const MAX_VALUE_LENGTH = 4_000
/** Of all that one attribute or mark holds, roughly in characters. */
const MAX_VALUE_SIZE = 16_000
/** Objects and lists inside each other, in one value. */
const MAX_VALUE_DEPTH = 8
const MAX_NAME_LENGTH = 100

/** Of an element or a mark, as XML can write it. */
export const XML_NAME = /^[A-Za-z_][\w.-]{0,99}$/

/** Why an item may not stand where it stands, or `undefined` if it may. */
export function flawOf(kind: (TextRoot | RichTextRoot)['kind'], item: Y.Item): IssueCode | undefined {
  return kind === 'text' ? plainFlaw(item) : richFlaw(item)
}

function plainFlaw({ parent, parentSub, content }: Y.Item): IssueCode | undefined {
  if (parentSub !== null || (parent as SharedType)._item !== null) return 'kind'
  if (content instanceof Y.ContentString) return unstorable(content.str) ? 'shape' : undefined
  if (!(content instanceof Y.ContentFormat)) return 'kind'
  const value: unknown = content.value
  return nameFlaw(content.key) ?? (typeof value === 'object' && value !== null ? 'kind' : valueFlaw(value))
}

function richFlaw(item: Y.Item): IssueCode | undefined {
  const { parentSub, content } = item
  const parent = parentOf(item)
  const inText = parent instanceof Y.XmlText
  if (parentSub !== null) {
    if (!(inText || parent instanceof Y.XmlElement) || !(content instanceof Y.ContentAny) || content.arr.length !== 1)
      return 'kind'
    return nameFlaw(parentSub) ?? valueFlaw(content.arr[0])
  }
  if (content instanceof Y.ContentType) return typeFlaw(content.type, parent)
  if (!inText) return 'kind'
  if (content instanceof Y.ContentString) return unstorable(content.str) ? 'shape' : undefined
  return content instanceof Y.ContentFormat ? (nameFlaw(content.key) ?? valueFlaw(content.value)) : 'kind'
}

function typeFlaw(type: SharedType, parent: SharedType): IssueCode | undefined {
  if (type instanceof Y.XmlElement) {
    if (!XML_NAME.test(type.nodeName)) return 'shape'
  } else if (!(type instanceof Y.XmlText)) return 'kind'
  // Below anything else there is nothing that could be shown.
  if (!isContainer(parent)) return 'kind'
  let above = parent
  for (let level = 1; level <= MAX_LEVELS; level += 1) {
    if (above._item === null) return undefined
    above = parentOf(above._item)
  }
  return 'shape'
}

function isContainer(type: SharedType): boolean {
  return type instanceof Y.XmlFragment || type instanceof Y.XmlText
}

function nameFlaw(name: string): IssueCode | undefined {
  const fits = name !== '' && name.length <= MAX_NAME_LENGTH && name !== '__proto__' && !unstorable(name)
  return fits ? undefined : 'shape'
}

function valueFlaw(value: unknown): IssueCode | undefined {
  const found = sizeOf(value, MAX_VALUE_DEPTH)
  if (typeof found === 'string') return found
  return found > MAX_VALUE_SIZE ? 'length' : undefined
}

/** Roughly in characters; `undefined` counts as null, as an editor's attribute without a value is. */
function sizeOf(value: unknown, levels: number): number | IssueCode {
  if (value === null || value === undefined || typeof value === 'boolean') return 5
  if (typeof value === 'number') return Number.isFinite(value) ? 8 : 'kind'
  if (typeof value === 'string') {
    if (value.length > MAX_VALUE_LENGTH) return 'length'
    return unstorable(value) ? 'shape' : value.length + 2
  }
  // Bytes, dates and the like come out of no binding, and have no JSON.
  if (typeof value !== 'object' || !(Array.isArray(value) || isPlain(value))) return 'kind'
  if (levels === 0) return 'shape'
  let size = 2
  for (const [key, inner] of Object.entries(value)) {
    if (unstorable(key)) return 'shape'
    const found = sizeOf(inner, levels - 1)
    if (typeof found === 'string') return found
    size += found + (Array.isArray(value) ? 1 : key.length + 4)
    if (size > MAX_VALUE_SIZE) return size
  }
  return size
}

function isPlain(value: object): boolean {
  return !ArrayBuffer.isView(value) && !(value instanceof ArrayBuffer)
}

/** Postgres can hold neither. */
function unstorable(text: string): boolean {
  return text.includes('\0') || !text.isWellFormed()
}
