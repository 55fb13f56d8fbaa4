/**
 * A mapping file says for a table of any program which column goes where. Everything in it is checked before a line is read, and
 * the first thing wrong is said in one sentence.
 */
import { SyncError } from '@rapport/shared/errors.ts'
import { own } from '@rapport/shared/schema/record-type.ts'
import type { ColumnRule, Format } from './columns.ts'
import { headerKey } from './columns.ts'
import type { Reading } from './source.ts'
import { type ImportedType, importedTypes, parseTarget, type Target } from './target.ts'
import { type DateOrder, fold } from './values.ts'

export interface MappingFile {
  readonly format: Format
  readonly dates: DateOrder | undefined
  /** The columns it names, as it names them. */
  readonly columns: readonly string[]
}

const KEYS = ['type', 'columns', 'others', 'dates', 'source']
const COLUMN_KEYS = ['to', 'values', 'as', 'split']
const OTHERS = ['custom', 'summary', 'ignore'] as const
const READ_AS = ['text', 'number', 'boolean'] as const
export const DATE_ORDERS = ['day-first', 'month-first'] as const
/** A mapping without any of these would make records of nobody. */
const NAMING = { contact: 'a name, an e-mail address, a telephone number or account.name', account: 'fields.name' } as const

export function parseMapping(text: string): MappingFile {
  const given = objectOf(parsed(text), 'The mapping file')
  const unknown = Object.keys(given).find((key) => !KEYS.includes(key))
  if (unknown !== undefined) throw wrong(`has “${unknown}”, but knows only ${list(KEYS)}`)
  const recordType = oneOf(given.type ?? 'contact', Object.keys(importedTypes) as ImportedType[], 'type')
  const others = oneOf(given.others ?? 'custom', OTHERS, 'others')
  const dates = given.dates === undefined ? undefined : oneOf(given.dates, DATE_ORDERS, 'dates')
  const source = given.source ?? 'csv'
  if (typeof source !== 'string') throw wrong('has a “source” that is no text')
  const columns = Object.entries(objectOf(given.columns, 'The “columns” of the mapping file'))
  const rules = columns.map(([header, place]) => ruleOf(header, place, recordType))
  if (!rules.some(({ to }) => isNaming(parseTarget(to, recordType), recordType))) {
    throw wrong(`gives no column for ${NAMING[recordType]}`)
  }
  return {
    format: { name: 'csv', source: `csv ${source}`, recordType, rules, others },
    dates,
    columns: columns.map(([header]) => header),
  }
}

function ruleOf(header: string, place: unknown, type: ImportedType): ColumnRule {
  const given = typeof place === 'string' ? { to: place } : objectOf(place, `The column “${header}” of the mapping file`)
  const unknown = Object.keys(given).find((key) => !COLUMN_KEYS.includes(key))
  if (unknown !== undefined) throw wrong(`has “${unknown}” at the column “${header}”, which knows only ${list(COLUMN_KEYS)}`)
  const key = headerKey(header)
  if (key === '') throw wrong('has a column without a name')
  const to = String(own<unknown>(given, 'to') ?? '')
  const target = parseTarget(to, type)
  if (target === undefined) {
    throw wrong(`sends the column “${header}” to “${to}”, which is no place in a record of type ${type}; ${suggestion(type)}`)
  }
  return { header: key, to, ...readingOf(header, given, target, type) }
}

function readingOf(header: string, given: Readonly<Record<string, unknown>>, target: Target, type: ImportedType): Reading {
  const { values, as, split } = given
  const reading: { -readonly [K in keyof Reading]: Reading[K] } = {}
  if (as !== undefined) {
    if (target.type !== 'custom') throw wrong(`has “as” at the column “${header}”, which is for custom fields only`)
    reading.as = oneOf(as, READ_AS, `as of the column “${header}”`)
  }
  if (split !== undefined) {
    if (typeof split !== 'string' || split === '') throw wrong(`has a “split” at the column “${header}” that is no text`)
    reading.split = new RegExp(split.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
  } else if (target.type === 'tags') reading.split = /[;,]/
  if (values !== undefined) reading.values = valuesOf(header, values, target, type)
  return reading
}

function valuesOf(header: string, values: unknown, target: Target, type: ImportedType): Readonly<Record<string, string>> {
  const pairs = Object.entries(objectOf(values, `The “values” of the column “${header}” of the mapping file`))
  const register =
    target.type === 'field'
      ? own<{ readonly kind: string; readonly members?: readonly string[] }>(importedTypes[type].fields, target.name)
      : undefined
  return Object.fromEntries(
    pairs.map(([from, to]) => {
      if (typeof to !== 'string') throw wrong(`has “values” at the column “${header}” that are no text`)
      if (register?.members?.includes(to) === false) {
        throw wrong(`turns a value of the column “${header}” into “${to}”, which is not one of ${list(register.members)}`)
      }
      return [fold(from), to]
    }),
  )
}

function isNaming(target: Target | undefined, type: ImportedType): boolean {
  if (target?.type === 'field')
    return type === 'account' ? target.name === 'name' : ['firstName', 'lastName'].includes(target.name)
  if (type === 'account' || target === undefined) return false
  if (target.type === 'entry') return target.column === 'address' || target.column === 'number'
  return target.type === 'name' || (target.type === 'company' && target.name === 'name')
}

function suggestion(type: ImportedType): string {
  const company = type === 'contact' ? ', account.name' : ''
  return `places are like fields.${type === 'contact' ? 'title' : 'industry'}, fields.x_score, emails[work].address, phones[mobile].number, addresses[home].city${company}, name, tags, summary, id and ignore`
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new SyncError('invalid', 'The mapping file is not JSON.', { cause })
  }
}

function objectOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Readonly<Record<string, unknown>>
  throw new SyncError('invalid', `${what} must be a JSON object.`)
}

function oneOf<T extends string>(value: unknown, allowed: readonly T[], what: string): T {
  const found = allowed.find((one) => one === value)
  if (found === undefined) throw wrong(`has a wrong “${what}”: it must be one of ${list(allowed)}`)
  return found
}

function list(words: readonly string[]): string {
  return words.join(', ')
}

function wrong(what: string): SyncError {
  return new SyncError('invalid', `The mapping file ${what}.`)
}
