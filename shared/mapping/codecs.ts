/**
 * How a value of a document stands in a column: which pairs of kind and column type there are, the cell that a value becomes, and the
 * value that a cell stands for. Encoding is total: it takes any value that its declaration takes, and says so where the column cannot
 * hold it. Decoding takes any cell as `to_jsonb` shows it, numbers that JSON would round as the text that Postgres prints, and says so
 * where no value could stand for it; whether the declaration takes the value is asked afterwards.
 */
import type { Register, Scalar } from '../schema/register.ts'
import { checkRegister, MONEY_DECIMALS, MONEY_INTEGER_DIGITS, SHAPES } from '../schema/value-rules.ts'
import type { Cell } from './plan.ts'
import type { ColumnShape } from './table-shape.ts'

/**
 * What the way back can promise, for values that the declaration takes and up to spelling (`1.5` and `1.50` are one amount).
 * `iso`: document and column tell the same values apart. `retract`: the column tells more apart; what the document wrote comes
 * back as it was. `oneWay`: there is no way back.
 */
export type CodecClass = 'iso' | 'retract' | 'oneWay'

export interface Codec<V> {
  readonly class: CodecClass
  /** `undefined` where the column cannot hold the value. */
  readonly encode: (value: V) => Cell | undefined
  /** `undefined` for a cell that no value stands for, and for any cell where there is no way back. NULL is no cell to be decoded. */
  readonly decode: (cell: Cell) => V | undefined
  /** Whether both mean one value, however they are spelt. Nothing there is NULL. */
  readonly equals: (one: Cell | undefined, other: Cell | undefined) => boolean
}

/** Decimals of a second that a datetime may have. */
const MICROSECONDS = 6

/** Of a record's or an entry's id, in characters. */
const ID_LENGTH = 128

const text = codec<Scalar>('iso', unchanged, textOf)
const texts: Readonly<Record<string, Codec<Scalar>>> = { text, 'character varying': text }

/** Column types by kind of register; a kind of text can also stand in a text column as it is. */
const CODECS: Readonly<Record<Register['kind'], Readonly<Record<string, Codec<Scalar>>>>> = {
  string: texts,
  email: texts,
  phone: texts,
  url: texts,
  enum: texts,
  reference: texts,
  boolean: { boolean: codec<Scalar>('iso', unchanged, (cell) => (typeof cell === 'boolean' ? cell : undefined)) },
  number: {
    smallint: integer(2 ** 15),
    integer: integer(2 ** 31),
    bigint: integer(2 ** 63),
    'double precision': codec<Scalar>('iso', unchanged, numberOf),
    numeric: codec<Scalar>('retract', unchanged, numberOf),
  },
  date: { ...texts, date: codec<Scalar>('iso', unchanged, dateOf) },
  datetime: { ...texts, 'timestamp with time zone': codec<Scalar>('iso', unchanged, datetimeOf) },
  money: { ...texts, numeric: codec<Scalar>('iso', unchanged, amountOf) },
}

/** What people type into a text, without what Postgres cannot store. NULL is as good as an empty one. */
export const textCodec = codec<string>('iso', storable, textOf, '')

/** Text that never comes back, such as what is left of a formatted one. */
export const outboundTextCodec = codec<string>('oneWay', storable, () => undefined, '')

/** What instants stand in columns as. */
export const DATETIME: Register = { kind: 'datetime' }

/** Milliseconds since the epoch, as RFC 3339; a column holds microseconds. */
export const instantCodec = codec<number>('retract', instant, (cell) => {
  const shown = datetimeOf(cell)
  return shown === undefined ? undefined : Date.parse(shown)
})

/** `undefined` where columns of that type do not take registers of that kind. */
export function registerCodec(kind: Register['kind'], columnType: string): Codec<Scalar> | undefined {
  const codecs = CODECS[kind]
  return Object.hasOwn(codecs, columnType) ? codecs[columnType] : undefined
}

/** Whether the column takes every value of the register unchanged, but for numbers that an integer column has no room for. */
export function canHold(column: ColumnShape, register: Register): boolean {
  if (registerCodec(register.kind, column.type) === undefined) return false
  const [first, scale = 0] = column.modifiers
  if (first === undefined) return true
  switch (column.type) {
    case 'character varying':
      return longest(register) <= first
    case 'numeric':
      return register.kind === 'money' && first - scale >= MONEY_INTEGER_DIGITS && scale >= MONEY_DECIMALS
    case 'timestamp with time zone':
      return first >= MICROSECONDS
    default:
      return false
  }
}

/** In code points, which is what `character varying` counts. */
function longest(register: Register): number {
  switch (register.kind) {
    case 'string':
      return register.maxLength
    case 'enum':
      return Math.max(...register.members.map((member) => [...member].length))
    case 'reference':
      return ID_LENGTH
    case 'boolean':
    case 'number':
      return Number.POSITIVE_INFINITY
    default:
      return SHAPES[register.kind].maxLength
  }
}

/** Cells are told apart by the values that they stand for, and those that no value stands for by their spelling; `empty` is NULL's. */
function codec<V extends Scalar>(
  kind: CodecClass,
  encode: Codec<V>['encode'],
  decode: Codec<V>['decode'],
  empty: Cell = null,
): Codec<V> {
  const meaning = (cell: Cell | undefined): Cell => (cell === undefined || cell === null ? empty : (decode(cell) ?? cell))
  return { class: kind, encode, decode, equals: (one, other) => meaning(one) === meaning(other) }
}

function unchanged(value: Scalar): Scalar {
  return value
}

/** Beyond the safe integers JSON prints other digits than the number has. */
function integer(limit: number): Codec<Scalar> {
  const held = (value: Scalar | undefined): number | undefined =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= -limit && value < limit ? value : undefined
  return codec<Scalar>('iso', held, (cell) => held(numberOf(cell)))
}

const DECIMAL = /^-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?$/

/** Not the infinities, and not what is no number, which Postgres has both. */
function numberOf(cell: Cell): number | undefined {
  const value = typeof cell === 'string' && DECIMAL.test(cell) ? Number(cell) : cell
  // Adding 0 turns -0 into 0, as reading a document does.
  return typeof value === 'number' && Number.isFinite(value) ? value + 0 : undefined
}

function textOf(cell: Cell): string | undefined {
  return typeof cell === 'string' ? cell : undefined
}

/** Postgres has dates before the year 1, after the year 9999, and infinite ones. */
function dateOf(cell: Cell): string | undefined {
  return typeof cell === 'string' && checkRegister({ kind: 'date' }, cell) === undefined ? cell : undefined
}

/** Offsets of long ago had seconds. */
const TIMESTAMP = /^([0-9-]{10}T[0-9:]{8})(\.[0-9]{1,6})?(Z|([+-])([0-9]{2})(?::([0-9]{2}))?(?::([0-9]{2}))?)$/

/** The same instant in UTC, with as many decimals as it needs. */
function datetimeOf(cell: Cell): string | undefined {
  if (typeof cell !== 'string') return undefined
  const [, local, decimals = '', , sign, hours = 0, minutes = 0, seconds = 0] = TIMESTAMP.exec(cell) ?? []
  if (local === undefined) return undefined
  const offset = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * (sign === '-' ? -1000 : 1000)
  const time = new Date(Date.parse(`${local}Z`) - offset)
  const whole = Number.isNaN(time.getTime()) ? '' : time.toISOString().slice(0, -'.000Z'.length)
  const utc = `${whole}${decimals.replace(/\.?0+$/, '')}Z`
  return checkRegister(DATETIME, utc) === undefined ? utc : undefined
}

/** As people write amounts: two decimals, more only where they say something, and no sign before nothing. */
function amountOf(cell: Cell): string | undefined {
  const [, sign, whole = '', decimals = ''] = typeof cell === 'string' ? (/^(-?)([0-9]+)(?:\.([0-9]+))?$/.exec(cell) ?? []) : []
  if (sign === undefined) return undefined
  const amount = `${whole}.${decimals.replace(/0+$/, '').padEnd(2, '0')}`
  return /[1-9]/.test(amount) ? sign + amount : amount
}

function instant(time: number): string | undefined {
  const date = new Date(time)
  const shown = Number.isNaN(date.getTime()) ? '' : date.toISOString()
  return checkRegister(DATETIME, shown) === undefined ? shown : undefined
}

/** Lone surrogates first: taking a NUL out from between two would make a pair of them. */
function storable(text: string): string {
  return text.toWellFormed().replaceAll('\0', '')
}
