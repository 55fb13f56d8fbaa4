/**
 * How a value of a document stands in a column: which pairs of kind and column type there are, and the cell that a value becomes.
 * Encoding is total: it takes any value that its declaration takes, and says so where the column cannot hold it.
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
}

/** Decimals of a second that a datetime may have. */
const MICROSECONDS = 6

/** Of a record's or an entry's id, in characters. */
const ID_LENGTH = 128

const same: Codec<Scalar> = { class: 'iso', encode: (value) => value }
const texts: Readonly<Record<string, Codec<Scalar>>> = { text: same, 'character varying': same }

/** Column types by kind of register; a kind of text can also stand in a text column as it is. */
const CODECS: Readonly<Record<Register['kind'], Readonly<Record<string, Codec<Scalar>>>>> = {
  string: texts,
  email: texts,
  phone: texts,
  url: texts,
  enum: texts,
  reference: texts,
  boolean: { boolean: same },
  number: {
    smallint: integer(2 ** 15),
    integer: integer(2 ** 31),
    bigint: integer(2 ** 63),
    'double precision': same,
    numeric: { class: 'retract', encode: (value) => value },
  },
  date: { ...texts, date: same },
  datetime: { ...texts, 'timestamp with time zone': same },
  money: { ...texts, numeric: same },
}

/** What people type into a text, without what Postgres cannot store. */
export const textCodec: Codec<string> = { class: 'iso', encode: storable }

/** Text that never comes back, such as what is left of a formatted one. */
export const outboundTextCodec: Codec<string> = { class: 'oneWay', encode: storable }

/** What instants stand in columns as. */
export const DATETIME: Register = { kind: 'datetime' }

/** Milliseconds since the epoch, as RFC 3339; a column holds microseconds. */
export const instantCodec: Codec<number> = {
  class: 'retract',
  encode(time) {
    const date = new Date(time)
    const text = Number.isNaN(date.getTime()) ? '' : date.toISOString()
    return checkRegister(DATETIME, text) === undefined ? text : undefined
  },
}

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

/** Beyond the safe integers JSON prints other digits than the number has. */
function integer(limit: number): Codec<Scalar> {
  return {
    class: 'iso',
    encode: (value) => (Number.isSafeInteger(value) && Number(value) >= -limit && Number(value) < limit ? value : undefined),
  }
}

/** Lone surrogates first: taking a NUL out from between two would make a pair of them. */
function storable(text: string): string {
  return text.toWellFormed().replaceAll('\0', '')
}
