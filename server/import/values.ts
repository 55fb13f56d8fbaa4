/**
 * Values as people and programs write them into values that a field can hold. Nothing is guessed: what can be read in two ways,
 * or not at all, is said to be so and stays as it was written.
 */
import { own } from '@rapport/shared/schema/record-type.ts'
import type { Register, Scalar } from '@rapport/shared/schema/register.ts'
import { checkCustom, checkRegister } from '@rapport/shared/schema/value-rules.ts'
import type { Reading } from './source.ts'

/** How dates of numbers separated by slashes are to be read. */
export type DateOrder = 'day-first' | 'month-first'

export type Typed = { readonly value: Scalar } | { readonly reason: string }

const YES = new Set(['true', 'yes', 'y', '1', 'x', 'on'])
const NO = new Set(['false', 'no', 'n', '0', 'off'])

const NAMELESS: Readonly<Record<Exclude<Register['kind'], 'string' | 'enum' | 'reference'>, string>> = {
  number: 'it is not a number',
  boolean: 'it is neither yes nor no',
  date: 'it is not a whole date',
  datetime: 'it is not a time',
  money: 'it is not an amount',
  email: 'it is not an e-mail address',
  phone: 'it is not a telephone number',
  url: 'it is not a web address',
}

export const AMBIGUOUS_DATE = 'day and month cannot be told apart'

/** The value for a register, or why there is none. `text` is not blank. */
export function registerValue(register: Register, text: string, { values = {} }: Reading, order?: DateOrder): Typed {
  const meant = own(values, fold(text)) ?? text
  const value = candidate(register, meant, order)
  if (typeof value === 'object') return value
  if (value !== undefined && checkRegister(register, value) === undefined) return { value }
  if (register.kind === 'enum') return { reason: `it is not one of ${register.members.join(', ')}` }
  if (register.kind === 'string') return { reason: `it is longer than ${register.maxLength} characters` }
  return { reason: register.kind === 'reference' ? 'it is not an id' : NAMELESS[register.kind] }
}

export function customValue(text: string, { as = 'text', values = {} }: Reading): Typed {
  const meant = own(values, fold(text)) ?? text
  const value = as === 'number' ? numberOf(meant) : as === 'boolean' ? booleanOf(meant) : meant
  if (value === undefined) return { reason: as === 'number' ? NAMELESS.number : NAMELESS.boolean }
  return checkCustom(value) === undefined ? { value } : { reason: 'it is too long for a custom field' }
}

/** For comparing: without case, width, and the number of blanks. */
export function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase().replaceAll(/\s+/g, ' ').trim()
}

/** Without characters that no field can hold or nobody can see. */
export function clean(text: string): string {
  return text.toWellFormed().replaceAll(INVISIBLE, '').replaceAll('\r\n', '\n').trim()
}

// Controls but for tab and line feed, marks of writing direction, and a byte order mark in the middle of a file.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters meant
const INVISIBLE = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F\u200E\u200F\u202A-\u202E\u2066-\u2069\uFEFF]/g

function candidate(register: Register, text: string, order?: DateOrder): Scalar | { readonly reason: string } | undefined {
  switch (register.kind) {
    case 'string':
    case 'reference':
      return text
    case 'enum':
      return register.members.find((member) => fold(member) === fold(text))
    case 'number':
      return numberOf(text)
    case 'boolean':
      return booleanOf(text)
    case 'money':
      return amountOf(text)
    case 'date':
      return dateOf(text, order)
    case 'datetime':
      return text
    case 'email':
      return emailOf(text)
    case 'phone':
      return phoneOf(text)
    case 'url':
      return urlOf(text)
    default:
      return register satisfies never
  }
}

function booleanOf(text: string): boolean | undefined {
  const word = fold(text)
  return YES.has(word) ? true : NO.has(word) ? false : undefined
}

function numberOf(text: string): number | undefined {
  if (/^[-+]?\d+(?:\.\d+)?$/.test(text)) return Number(text)
  const amount = amountOf(text)
  return typeof amount === 'string' ? Number(amount) : undefined
}

/** `1,250.00`, `1.250,00 €`, `1 250`, `USD 1250`. */
function amountOf(text: string): string | { readonly reason: string } | undefined {
  const bare = withoutCurrency(text).replaceAll(/[\s'’\p{Sc}]/gu, '')
  const [, sign = '', digits = ''] = /^([-+]?)(\d[\d.,]*)$/.exec(bare) ?? []
  const separators = digits.replaceAll(/\d/g, '')
  const last = Math.max(digits.lastIndexOf('.'), digits.lastIndexOf(','))
  const decimals = last < 0 ? '' : digits.slice(last + 1)
  if (separators === '.' && decimals.length === 3 && !/^0+\./.test(digits)) return { reason: UNCLEAR_POINT }
  const grouping = /^(?:\.{2,}|,{2,})$/.test(separators) || (separators === ',' && decimals.length === 3)
  const grouped = grouping || last < 0 ? digits : digits.slice(0, last)
  if (!/^(?:\d+|\d{1,3}(?:[.,]\d{3})+)$/.test(grouped)) return undefined
  const whole = grouped.replaceAll(/[.,]/g, '').replace(/^0+(?=\d)/, '')
  return `${sign === '-' ? '-' : ''}${whole}${grouping || decimals === '' ? '' : `.${decimals}`}`
}

const UNCLEAR_POINT = 'it is not clear whether its point stands before thousands or decimals'

const CURRENCIES: ReadonlySet<string> = new Set(Intl.supportedValuesOf('currency'))

function withoutCurrency(text: string): string {
  const [, before = '', rest = '', after = ''] = /^([A-Za-z]{3}(?![A-Za-z]))?(.*?)((?<![A-Za-z])[A-Za-z]{3})?$/s.exec(text) ?? []
  const isCurrency = (word: string): boolean => word === '' || CURRENCIES.has(word.toUpperCase())
  return isCurrency(before) && isCurrency(after) ? rest : text
}

/** `Name <address>` and `mailto:address` mean the address. */
export function emailOf(text: string): string | undefined {
  const [, inner] = /<([^<>]+)>\s*$/.exec(text) ?? []
  return (inner ?? text).trim().replace(/^mailto:/i, '')
}

function phoneOf(text: string): string {
  const spoken = text
    .replace(/^tel:/i, '')
    .replace(/;ext=/i, ' ext ')
    .replaceAll(/[\u2010-\u2015\u2212]/g, '-')
    .replaceAll(/\s+/g, ' ')
  return spoken
    .replace(/ *(?:extension|extn?\.?|x\.?|durchwahl|dw\.?|#) *:? *(\d{1,6})$/i, ' ext $1')
    .replaceAll(/\[|\]/g, (bracket) => (bracket === '[' ? '(' : ')'))
    .trim()
}

function urlOf(text: string): string {
  if (/^https?:\/\//i.test(text)) return text
  // A name with a dot in it, and no other scheme.
  return /^[\p{L}\p{N}][\p{L}\p{N}-]*(?:\.[\p{L}\p{N}-]+)+(?::\d+)?(?:[/?#]|$)/u.test(text) ? `https://${text}` : text
}

const ISO_DATE = /^(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?:[T ].*)?$/
const BASIC_DATE = /^(\d{4})(\d{2})(\d{2})(?:T.*)?$/
const DOTTED_DATE = /^(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})$/
const SLASHED_DATE = /^(\d{1,2})[/-](\d{1,2})[/-](\d{4})$/

function dateOf(text: string, order: DateOrder | undefined): string | { readonly reason: string } | undefined {
  const iso = ISO_DATE.exec(text)
  if (iso !== null) return dateText(iso[1], iso[3], iso[4])
  const basic = BASIC_DATE.exec(text)
  if (basic !== null) return dateText(basic[1], basic[2], basic[3])
  const dotted = DOTTED_DATE.exec(text)
  if (dotted !== null) return dateText(dotted[3], dotted[2], dotted[1])
  const [, first, second, year] = SLASHED_DATE.exec(text) ?? []
  if (year === undefined) return undefined
  const told = orderOfDate(text) ?? order
  if (told === undefined && Number(first) !== Number(second)) return { reason: AMBIGUOUS_DATE }
  return told === 'day-first' ? dateText(year, second, first) : dateText(year, first, second)
}

/** The order that a date of slashes proves by itself: there is no month 13. */
export function orderOfDate(text: string): DateOrder | undefined {
  const [, first = '', second = ''] = SLASHED_DATE.exec(text) ?? []
  if (Number(first) > 12) return 'day-first'
  return Number(second) > 12 ? 'month-first' : undefined
}

function dateText(year = '', month = '', day = ''): string {
  return `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`
}
