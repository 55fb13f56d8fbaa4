/** What can stand in a column, by the declaration of what is put there: the name that messages give it, and the columns that take it. */
import type { Register } from '../schema/register.ts'
import { checkRegister } from '../schema/value-rules.ts'
import type { ClaimContent } from './claim.ts'
import { canHold, registerCodec } from './codecs.ts'

const NOUNS: Readonly<Record<Exclude<Register['kind'], 'string'>, string>> = {
  number: 'a number',
  boolean: 'a boolean',
  date: 'a date',
  datetime: 'a date and time',
  money: 'an amount of money',
  email: 'an e-mail address',
  phone: 'a telephone number',
  url: 'a web address',
  enum: 'the value of an enum',
  reference: 'an id',
}

/** Any value of the register. */
export function held(register: Register): ClaimContent {
  return { noun: nounOf(register), fits: (column) => canHold(column, register) }
}

/** Some values of the register: the column alone is read, and what it has no room for never comes. */
export function anyOf(register: Register): ClaimContent {
  return { noun: nounOf(register), fits: (column) => registerCodec(register.kind, column.type) !== undefined }
}

export function oneOfValues(register: Register & { readonly kind: 'enum' }, values: readonly string[]): ClaimContent {
  return held({ ...register, members: values })
}

export function constant(value: string | number | boolean): ClaimContent {
  const register: Register =
    typeof value === 'string'
      ? { kind: 'string', maxLength: [...value].length }
      : { kind: typeof value === 'number' ? 'number' : 'boolean' }
  const valid = checkRegister(register, value) === undefined
  const encodes = (type: string) => registerCodec(register.kind, type)?.encode(value) !== undefined
  return { noun: 'the constant', fits: (column) => valid && canHold(column, register) && encodes(column.type) }
}

export function ofType(type: string, noun: string): ClaimContent {
  return { noun, fits: (column) => column.type === type }
}

function nounOf(register: Register): string {
  if (register.kind !== 'string') return NOUNS[register.kind]
  return Number.isFinite(register.maxLength) ? `text of ${register.maxLength} characters` : 'text of any length'
}
