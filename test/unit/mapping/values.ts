/** Values that a declaration takes, and cells as Postgres shows them, of every kind and every column type that there is. */
import type { Cell } from '@rapport/shared/mapping/plan.ts'
import type { Register, Scalar } from '@rapport/shared/schema/register.ts'
import { checkRegister } from '@rapport/shared/schema/value-rules.ts'
import fc from 'fast-check'

export const COLUMN_TYPES = [
  'text',
  'character varying',
  'smallint',
  'integer',
  'bigint',
  'double precision',
  'numeric',
  'boolean',
  'date',
  'timestamp with time zone',
] as const

const two = (value: number): string => String(value).padStart(2, '0')
const instants = fc.date({ min: new Date('0001-01-02T00:00:00Z'), max: new Date('9999-12-30T00:00:00Z'), noInvalidDate: true })
const dates = instants.map((date) => date.toISOString().slice(0, 10))
const decimals = fc.stringMatching(/^(\.[0-9]{1,6})?$/)
const amounts = fc
  .tuple(fc.boolean(), fc.bigInt({ min: 0n, max: 10n ** 15n - 1n }), fc.stringMatching(/^(\.[0-9]{1,4})?$/))
  .map(([negative, whole, part]) => `${negative ? '-' : ''}${whole}${part}`)
const stored = (unit: 'grapheme' | 'grapheme-ascii') => fc.string({ unit, maxLength: 12 }).map(storable)

/** What Postgres can store of a text. */
function storable(text: string): string {
  return text.toWellFormed().replaceAll('\0', '')
}

/** Values that the register takes, in every spelling. */
export function valuesOf(register: Register): fc.Arbitrary<Scalar> {
  return candidates(register).filter((value) => checkRegister(register, value) === undefined)
}

function candidates(register: Register): fc.Arbitrary<Scalar> {
  switch (register.kind) {
    case 'boolean':
      return fc.boolean()
    case 'number': {
      const { minimum: min = -1e6, maximum: max = 1e6 } = register
      const small = fc.integer({ min: Math.max(Math.ceil(min), -999), max: Math.min(Math.floor(max), 999) })
      const whole = fc.oneof(small, fc.integer({ min: Math.ceil(min), max: Math.floor(max) }))
      const any = fc.double({ min, max, noNaN: true })
      const fine = fc.double({ noNaN: true, noDefaultInfinity: true })
      return register.integer ? whole : register.minimum === undefined ? fc.oneof(whole, any, fine) : fc.oneof(whole, any)
    }
    case 'enum':
      return fc.constantFrom(...register.members)
    case 'reference':
      return fc.stringMatching(/^[A-Za-z0-9_-]{1,128}$/)
    case 'string':
      return fc.oneof(stored('grapheme'), fc.constant('x'), fc.constant('Zoë'))
    case 'date':
      return fc.oneof(dates, fc.constantFrom('0001-01-01', '2024-02-29', '9999-12-31'))
    case 'datetime':
      return fc.tuple(instants, decimals).map(([instant, part]) => `${instant.toISOString().slice(0, 19)}${part}Z`)
    case 'money':
      return fc.oneof(amounts, fc.constantFrom('0', '-0.00', '1250.00', '999999999999999.9999'))
    case 'email':
      return fc.constantFrom('ada@example.com', 'x.y+z@sub.example.org')
    case 'phone':
      return fc.constantFrom('+44 20 7946 0018', '(030) 901820 ext. 5')
    case 'url':
      return fc.constantFrom('https://example.com/?q=1', 'HTTP://example.org')
    default:
      return register satisfies never
  }
}

/** Cells that a column of the type can show, as the database captures them; many stand for no value of any register. */
export function cellsOf(type: string): fc.Arbitrary<Cell> {
  switch (type) {
    case 'smallint':
    case 'integer':
      return fc.integer(type === 'smallint' ? { min: -(2 ** 15), max: 2 ** 15 - 1 } : {})
    case 'bigint':
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String)
    case 'double precision':
      return fc.oneof(fc.double().map(printed), fc.integer().map(String))
    case 'numeric':
      return fc.oneof(
        amounts.chain(spellingsOf('numeric')),
        fc.constantFrom('NaN', 'Infinity', '-Infinity', '1234567890123456.0000', '0.1'),
      )
    case 'boolean':
      return fc.boolean()
    case 'date':
      return fc.oneof(dates, fc.constantFrom('infinity', '-infinity', '0044-03-15 BC', '10000-01-01'))
    case 'timestamp with time zone':
      return fc.oneof(
        instants.map((date) => date.toISOString()).chain(spellingsOf(type)),
        fc.constantFrom('infinity', '-infinity', '0044-03-15T00:00:00+00:00 BC', '10000-01-01T00:00:00+00:00'),
        fc.constantFrom(
          '0001-12-31T20:59:08-03:30:52 BC',
          '9999-12-31T23:30:00-01:00',
          '0001-01-01T00:30:00+01:00',
          '2026-07-08T09:10:11+00:53:28',
        ),
      )
    default:
      return stored('grapheme-ascii')
  }
}

/** As Postgres prints a double: infinities by name, and exponents with two digits. */
function printed(value: number): string {
  return String(value).replace(/e([+-])([0-9])$/, 'e$10$2')
}

/** The same cell in ways in which the database may show it: what JSON would round as text, and instants in any time zone. */
export function spellingsOf(type: string): (cell: Cell) => fc.Arbitrary<Cell> {
  return (cell) => {
    if (cell === null || typeof cell === 'object') return fc.constant(cell)
    switch (type) {
      case 'bigint':
      case 'double precision':
        return fc.constant(typeof cell === 'number' ? printed(cell) : cell)
      case 'numeric':
        return fc.constantFrom('', '0', '00').map((zeros) => padded(typeof cell === 'number' ? plain(cell) : String(cell), zeros))
      case 'timestamp with time zone':
        return fc.integer({ min: -14 * 60, max: 14 * 60 }).map((offset) => inZone(String(cell), offset))
      default:
        return fc.constant(cell)
    }
  }
}

/** Numeric columns print no exponents. */
function plain(value: number): string {
  const [mantissa = '', exponent] = String(value).split('e')
  if (exponent === undefined) return mantissa
  const negative = mantissa.startsWith('-')
  const [whole = '', part = ''] = mantissa.replace('-', '').split('.')
  const shift = Number(exponent)
  const digits =
    shift > 0
      ? whole + part.padEnd(shift, '0').slice(0, shift) + (part.length > shift ? `.${part.slice(shift)}` : '')
      : `0.${'0'.repeat(-shift - 1)}${whole}${part}`
  return negative ? `-${digits}` : digits
}

function padded(text: string, zeros: string): string {
  if (zeros === '' || !/^-?[0-9.]+$/.test(text)) return text
  return text.includes('.') ? text + zeros : `${text}.${zeros}`
}

/** `minutes` east; an instant of the first and the last day stays in UTC. */
function inZone(instant: string, minutes: number): string {
  const time = Date.parse(`${instant.slice(0, 19)}Z`) + minutes * 60_000
  if (Number.isNaN(time) || instant.startsWith('0001-01-01') || instant.startsWith('9999-12-31')) return instant
  const [hours, rest] = [Math.trunc(Math.abs(minutes) / 60), Math.abs(minutes) % 60]
  const offset = `${minutes < 0 ? '-' : '+'}${two(hours)}${rest === 0 ? ':00' : `:${two(rest)}`}`
  return new Date(time).toISOString().slice(0, 19) + instant.slice(19).replace('Z', '') + offset
}
