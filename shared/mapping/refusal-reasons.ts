/** Refusals in words for whoever wrote the row: what is wrong with the column, never what stood in it. */
import type { IssueCode } from '../errors.ts'
import type { Register } from '../schema/register.ts'
import type { RefusalCode, RowRefusal } from './row-edit.ts'

const REASONS: Readonly<Record<RefusalCode, string>> = {
  kind: 'may not be empty, or holds another kind of value than its field',
  enum: 'is none of the values that its field may have',
  length: 'is blank, or longer than its field may be',
  range: 'is beyond what its field can hold',
  shape: 'is not written as its field has to be',
  reference: 'is not the id of a record',
  unknown_field: 'names a field that there is not',
  forbidden: 'may not be written',
  outbound: 'is filled from the record, and not read back',
  ambiguous: 'could mean several things',
  overruled: 'was changed in the record meanwhile, and the record has the say',
}

const NOUNS: Readonly<Partial<Record<Register['kind'], string>>> = {
  date: 'a date of the years 1 to 9999',
  datetime: 'a time in UTC of the years 1 to 9999',
  money: 'an amount of money',
  email: 'an e-mail address',
  phone: 'a telephone number',
  url: 'a web address',
}

/** `reason`: instead of what the code says by itself. */
export function refusalOf(
  column: string,
  path: readonly string[] | undefined,
  code: RefusalCode,
  reason = REASONS[code],
): RowRefusal {
  return { column, ...(path && { path }), code, reason: `${column} ${reason}` }
}

/** What is wrong with the value of a register; `values`: what an enum's members stand in the column as. */
export function registerReason(code: IssueCode, register: Register, isEmpty: boolean, values: readonly string[]): string {
  if (isEmpty) return 'may not be empty'
  if (code === 'enum') return `is none of ${values.join(', ')}`
  if (code === 'length' && register.kind === 'string') {
    return register.required
      ? `is blank, or longer than ${register.maxLength} characters`
      : `is longer than ${register.maxLength} characters`
  }
  if (code === 'range' && register.kind === 'number') return rangeReason(register.minimum, register.maximum)
  const noun = NOUNS[register.kind]
  if (code === 'shape' && register.kind === 'number') return 'is not a whole number'
  return noun === undefined || (code !== 'shape' && code !== 'range') ? REASONS[code] : `is not ${noun}`
}

function rangeReason(minimum: number | undefined, maximum: number | undefined): string {
  if (minimum !== undefined && maximum !== undefined) return `is not between ${minimum} and ${maximum}`
  if (minimum !== undefined) return `is below ${minimum}, or no number that a record can hold`
  return maximum === undefined
    ? 'is no number that a record can hold'
    : `is above ${maximum}, or no number that a record can hold`
}
