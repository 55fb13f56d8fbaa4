/**
 * Whether one value fits its declaration, and if not, which of the public issue codes says why. Pure, and linear in the
 * value's length: every pattern here is free of ambiguous repetition.
 */
import type { IssueCode } from '../errors.ts'
import { parseRecordId } from '../ids.ts'
import { MAX_CUSTOM_LENGTH } from './record-type.ts'
import type { Register } from './register.ts'

/** What JSON Schema calls the shape of the kinds that are strings of a fixed form. */
export const SHAPES = {
  date: { pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$', maxLength: 10, format: 'date' },
  /** RFC 3339, section 5.6, in UTC; no leap seconds, which Postgres would move to the next minute. */
  datetime: {
    pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?Z$',
    maxLength: 27,
    format: 'date-time',
  },
  money: { pattern: '^-?(0|[1-9][0-9]*)(\\.[0-9]+)?$', maxLength: 64, format: undefined },
  /** One `@`, a dotted domain, no blanks, quotes or brackets: what mail systems accept, not all that RFC 5321 allows. */
  email: {
    pattern: '^[^\\s@"<>(),:;\\[\\]\\\\]+@[^\\s@"<>(),:;\\[\\]\\\\.]+(\\.[^\\s@"<>(),:;\\[\\]\\\\.]+)+$',
    maxLength: 254,
    format: undefined,
  },
  /** As people write it: a digit or a bracket first, after an optional plus; an extension at the end. */
  phone: { pattern: '^\\+?[0-9(][0-9 ()./-]+( ?(x|ext\\.?) ?[0-9]{1,6})?$', maxLength: 40, format: undefined },
  /** http and https alone: other schemes run code in a page that shows them as links. */
  url: { pattern: '^[Hh][Tt][Tt][Pp][Ss]?://[^\\s/?#"<>\\\\]+([/?#][^\\s"<>\\\\]*)?$', maxLength: 2048, format: 'uri' },
} as const

const PATTERNS: Readonly<Record<keyof typeof SHAPES, RegExp>> = {
  date: new RegExp(SHAPES.date.pattern, 'u'),
  datetime: new RegExp(SHAPES.datetime.pattern, 'u'),
  money: new RegExp(SHAPES.money.pattern, 'u'),
  email: new RegExp(SHAPES.email.pattern, 'u'),
  phone: new RegExp(SHAPES.phone.pattern, 'u'),
  url: new RegExp(SHAPES.url.pattern, 'u'),
}

const LONE_SURROGATE = /\p{Surrogate}/u

/** numeric(19,4): so many digits before the point, and after it. */
export const MONEY_INTEGER_DIGITS = 15
export const MONEY_DECIMALS = 4

/** E.164 allows 15 digits; short numbers have at least 3. */
const PHONE_DIGITS = { least: 3, most: 21 }

/** The first rule of the declaration that a value breaks. Null and `undefined` are the empty value. */
export function checkRegister(register: Register, value: unknown): IssueCode | undefined {
  if (value === null || value === undefined) return register.required ? 'kind' : undefined
  if (register.kind === 'boolean') return typeof value === 'boolean' ? undefined : 'kind'
  if (register.kind === 'number') {
    if (typeof value !== 'number' || !Number.isFinite(value)) return 'kind'
    const { minimum = -Number.MAX_VALUE, maximum = Number.MAX_VALUE } = register
    if (value < minimum || value > maximum) return 'range'
    return register.integer && !Number.isSafeInteger(value) ? 'shape' : undefined
  }
  if (typeof value !== 'string') return 'kind'
  if (register.kind === 'enum') return register.members.includes(value) ? undefined : 'enum'
  if (register.kind === 'reference') return parseRecordId(value) === undefined ? 'reference' : undefined
  if (register.kind === 'string') {
    if (register.required && value.trim() === '') return 'length'
    return checkText(value, register.maxLength)
  }
  return checkShape(register.kind, value)
}

/** Text that Postgres can hold, of at most `maxLength` code points. */
export function checkText(value: unknown, maxLength: number): IssueCode | undefined {
  if (typeof value !== 'string') return 'kind'
  if (isLonger(value, maxLength)) return 'length'
  return value.includes('\0') || LONE_SURROGATE.test(value) ? 'shape' : undefined
}

/** A custom field's value. */
export function checkCustom(value: unknown): IssueCode | undefined {
  if (value === null || value === undefined || typeof value === 'boolean') return undefined
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : 'kind'
  return checkText(value, MAX_CUSTOM_LENGTH)
}

function checkShape(kind: keyof typeof SHAPES, value: string): IssueCode | undefined {
  const text = checkText(value, SHAPES[kind].maxLength)
  if (text !== undefined) return text
  if (!PATTERNS[kind].test(value)) return 'shape'
  switch (kind) {
    case 'date':
    case 'datetime':
      return isCalendarDate(value.slice(0, 10)) ? undefined : 'shape'
    case 'money': {
      const [whole = '', decimals = ''] = value.replace('-', '').split('.')
      return whole.length > MONEY_INTEGER_DIGITS || decimals.length > MONEY_DECIMALS ? 'range' : undefined
    }
    case 'phone': {
      const digits = value.replaceAll(/[^0-9]/g, '').length
      return digits < PHONE_DIGITS.least || digits > PHONE_DIGITS.most ? 'shape' : undefined
    }
    case 'email':
    case 'url':
      return undefined
    default:
      return kind satisfies never
  }
}

/** Of the proleptic Gregorian calendar; there is no year 0000 in Postgres. */
function isCalendarDate(text: string): boolean {
  const time = Date.parse(`${text}T00:00:00Z`)
  return !text.startsWith('0000') && !Number.isNaN(time) && new Date(time).toISOString().startsWith(text)
}

function isLonger(value: string, maxLength: number): boolean {
  if (value.length <= maxLength) return false
  // A code point takes at most two units, so most values are decided without counting.
  if (value.length > maxLength * 2) return true
  let points = 0
  for (const _ of value) points += 1
  return points > maxLength
}
