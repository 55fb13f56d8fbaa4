/**
 * The functions that mappings refer to, each by name and version: `words@1`. A mapping is data and holds no code, so what a function
 * does is fixed by its name: one that is to do something else gets another version, and mappings say which they mean. All are pure
 * and total.
 */
import type { Register, Scalar } from '../schema/register.ts'
import { MONEY_DECIMALS } from '../schema/value-rules.ts'
import { type PartsFunction, partsBy } from './parts.ts'

/** What a mapping gives a function besides fields: plain data, of the form that the function asks for. */
export type Options = Readonly<Record<string, Scalar | Readonly<Record<string, Scalar>>>>

/** Values of the fields that a rule names, in its order; `undefined` where empty. Each fits its declaration. */
type Inputs = readonly (Scalar | undefined)[]
type Kinds = readonly Register['kind'][]

/** Tells what is wrong with what a rule gives, as a sentence without its full stop. */
type Fits = (kinds: Kinds, options: Options) => string | undefined

export interface ComputedFunction {
  readonly result: Register
  readonly fits: Fits
  /** `undefined` is empty. */
  readonly compute: (inputs: Inputs, options: Options) => Scalar | undefined
}

export interface Condition {
  readonly fits: Fits
  readonly holds: (inputs: Inputs, options: Options) => boolean
}

const same = (part: string): string => part

/** Of `split` and `merge`. */
export const PARTS: Readonly<Record<string, PartsFunction>> = {
  /** A part that itself has blanks keeps them as no-break spaces, which look alike and do not divide. */
  'words@1': partsBy({
    separator: ' ',
    cut: / +/g,
    protect: (part) => part.replaceAll(' ', '\u00a0'),
    release: (part) => part.replaceAll('\u00a0', ' '),
    nothing: '\u00a0',
  }),
  'commas@1': partsBy({ separator: ', ', cut: /, ?/g, protect: same, release: same, nothing: '' }),
  'lines@1': partsBy({ separator: '\n', cut: /\r?\n/g, protect: same, release: same, nothing: '' }),
}

const TEXT: Register = { kind: 'string', maxLength: Number.POSITIVE_INFINITY }

/** Of `computed`. */
export const COMPUTED: Readonly<Record<string, ComputedFunction>> = {
  /** The texts that are there, a blank between two. */
  'words@1': {
    result: TEXT,
    fits: (kinds, options) => someTexts(kinds) ?? noOptions(options),
    compute: (inputs) => inputs.filter((input) => input !== undefined && input !== '').join(' ') || undefined,
  },
  /** The number that `options.values` gives for the one text. */
  'choice@1': {
    result: { kind: 'number' },
    fits(kinds, { values, ...rest }) {
      if (kinds.length !== 1 || kinds[0] === 'number' || kinds[0] === 'boolean') return 'it takes one field of text'
      const numbers = typeof values === 'object' && Object.values(values).every((value) => typeof value === 'number')
      return numbers ? noOptions(rest) : '"options" must have values, an object of numbers'
    },
    compute([input], { values }) {
      const found = typeof values === 'object' && Object.hasOwn(values, String(input)) ? values[String(input)] : undefined
      return typeof found === 'number' ? found : undefined
    },
  },
  /** So many per cent of an amount of money, to four decimals; halves go away from zero. */
  'percentage@1': {
    result: { kind: 'money' },
    fits: (kinds, options) => (kinds.join() === 'money,number' ? noOptions(options) : 'it takes an amount of money and a number'),
    compute([amount, percent]) {
      if (typeof amount !== 'string' || typeof percent !== 'number') return undefined
      const scaled = scaledDecimal(percent.toString())
      if (scaled === undefined) return undefined
      const product = unitsOf(amount) * scaled.digits
      const divisor = 100n * 10n ** BigInt(scaled.decimals)
      const half = product < 0n ? -divisor / 2n : divisor / 2n
      return amountOf((product + half) / divisor)
    },
  },
}

/** Of guards. */
export const CONDITIONS: Readonly<Record<string, Condition>> = {
  /** No field holds anything; blank text is nothing. */
  'empty@1': { fits: (_, options) => noOptions(options), holds: (inputs) => inputs.every(isEmpty) },
  /** Every field holds something. */
  'present@1': { fits: (_, options) => noOptions(options), holds: (inputs) => !inputs.some(isEmpty) },
  /** Some field holds `options.value`. */
  'equals@1': {
    fits: (_, { value, ...rest }) =>
      value === undefined || typeof value === 'object' ? '"options" must have value, a scalar' : noOptions(rest),
    holds: (inputs, { value }) => inputs.includes(value as Scalar),
  },
  /** Some number or amount of money is greater than `options.limit`. */
  'above@1': {
    fits(kinds, { limit, ...rest }) {
      if (kinds.some((kind) => kind !== 'number' && kind !== 'money')) return 'it takes numbers and amounts of money'
      return typeof limit === 'number' ? noOptions(rest) : '"options" must have limit, a number'
    },
    holds: (inputs, { limit }) => inputs.some((input) => input !== undefined && Number(input) > Number(limit)),
  },
}

function isEmpty(input: Scalar | undefined): boolean {
  return input === undefined || (typeof input === 'string' && input.trim() === '')
}

function someTexts(kinds: Kinds): string | undefined {
  return kinds.some((kind) => kind === 'number' || kind === 'boolean') ? 'it takes fields of text' : undefined
}

function noOptions(options: Options): string | undefined {
  const [name] = Object.keys(options)
  return name === undefined ? undefined : `"options" has ${name}, which it does not take`
}

/** An amount in the smallest unit that money has here. */
function unitsOf(amount: string): bigint {
  const { digits, decimals } = scaledDecimal(amount) ?? { digits: 0n, decimals: MONEY_DECIMALS }
  return digits * 10n ** BigInt(MONEY_DECIMALS - decimals)
}

function amountOf(units: bigint): string {
  const digits = (units < 0n ? -units : units).toString().padStart(MONEY_DECIMALS + 1, '0')
  return `${units < 0n ? '-' : ''}${digits.slice(0, -MONEY_DECIMALS)}.${digits.slice(-MONEY_DECIMALS)}`
}

/** `undefined` for a number so large or small that it is not written as a plain decimal. */
function scaledDecimal(text: string): { readonly digits: bigint; readonly decimals: number } | undefined {
  const [, whole, decimals = ''] = /^(-?[0-9]+)(?:\.([0-9]+))?$/.exec(text) ?? []
  return whole === undefined ? undefined : { digits: BigInt(whole + decimals), decimals: decimals.length }
}
