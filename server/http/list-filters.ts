/**
 * Which records a list is to hold, and in which order, as the parameters of its URL say: `filter[FIELD]=VALUE`,
 * `filter[FIELD][OPERATOR]=VALUE`, `sort=-FIELD,FIELD` and `q=WORDS`. Only names that the rows are known by pass; a name that is not
 * among them is told of, a value never.
 */
import { SyncError } from '@rapport/shared/errors.ts'
import type { Cell } from '@rapport/shared/mapping/plan.ts'
import type { Register, Scalar } from '@rapport/shared/schema/register.ts'
import { checkRegister, checkText } from '@rapport/shared/schema/value-rules.ts'
import type { Context } from 'hono'
import { OPERATORS, type Operator, type RowCondition, type SortKey } from '../projection/list-statement.ts'
import { ID_FIELD, type ListedField, type ListedFields } from '../projection/listed-fields.ts'
import type { RowList } from '../projection/row-lists.ts'
import { searchedWords } from '../projection/searched-places.ts'

/** What one request may ask for at once. Lengths in code points. */
export const MAX_CONDITIONS = 20
export const MAX_VALUES = 100
const MAX_VALUE_LENGTH = 2_100
export const MAX_SORT_KEYS = 5
export const MAX_WORDS = 8
export const MAX_SEARCH_LENGTH = 200

export interface ListFilters {
  readonly conditions: readonly RowCondition[]
  readonly words: readonly string[]
  readonly sort: readonly SortKey[]
  readonly idDescending: boolean
}

const FILTER = /^filter\[([^[\]]{1,64})\](?:\[([^[\]]{1,16})\])?$/
const WITHOUT_ORDER: readonly Operator[] = ['eq', 'ne', 'in', 'null']
const ORDERED: readonly Operator[] = ['eq', 'ne', 'lt', 'lte', 'gt', 'gte', 'in', 'null']
const OF_TEXT: readonly Operator[] = OPERATORS

/** `undefined` if the list is asked for as it is, by id. Throws `malformed`. */
export function readFilters(context: Context, rows: RowList | undefined): ListFilters | undefined {
  const given = Object.entries(context.req.queries())
  const filters = given.filter(([name]) => name === 'filter' || name.startsWith('filter['))
  const [search, sorting] = [readOnce(context, 'q'), readOnce(context, 'sort')]
  if (filters.length === 0 && search === undefined && sorting === undefined) return undefined
  if (rows === undefined) throw malformed('records of this type have no rows to filter, sort or search by')
  const conditions = filters.flatMap(([name, values]) => values.map((value) => readCondition(rows.fields, name, value)))
  if (conditions.length > MAX_CONDITIONS) throw malformed(`a list takes at most ${MAX_CONDITIONS} filters`)
  const words = search === undefined ? [] : readWords(search, rows)
  return { conditions, words, ...readSort(rows.fields, sorting) }
}

/** A parameter that may be there once, and not without a value. */
export function readOnce(context: Context, name: string): string | undefined {
  const given = context.req.queries(name)
  if (given === undefined) return undefined
  const [value = '', ...more] = given
  if (value === '' || more.length > 0) throw malformed(`${name} must be given once, with a value`)
  return value
}

/** What a field can be asked for. */
export function operatorsOf({ register, type }: ListedField): readonly Operator[] {
  const asText = type === 'text' || type === 'character varying'
  switch (register.kind) {
    case 'string':
    case 'email':
    case 'phone':
    case 'url':
      return OF_TEXT
    case 'enum':
    case 'boolean':
    case 'reference':
      return WITHOUT_ORDER
    default:
      // As text, 9 comes behind 10.
      return asText ? WITHOUT_ORDER : ORDERED
  }
}

/** Whether a list can be sorted by the field. */
export function isSortable(field: ListedField): boolean {
  return !['number', 'money', 'datetime'].includes(field.register.kind) || operatorsOf(field) === ORDERED
}

function readCondition(fields: ListedFields, name: string, value: string): RowCondition {
  const [, fieldName, operatorName = 'eq'] = FILTER.exec(name) ?? []
  if (fieldName === undefined) throw malformed('a filter is filter[FIELD] or filter[FIELD][OPERATOR]')
  const field = fields.get(fieldName)
  if (field === undefined) throw malformed(`lists of this type know no field ${fieldName}`)
  const operator = operatorsOf(field).find((one) => one === operatorName)
  if (operator === undefined) {
    throw malformed(`${fieldName} takes no ${operatorName}, but ${operatorsOf(field).join(', ')}`)
  }
  return { field, operator, values: readValues(field, operator, value) }
}

function readValues(field: ListedField, operator: Operator, text: string): readonly Cell[] {
  const unfit = (): SyncError => malformed(`filter[${field.name}] has a value that does not fit ${nounOf(field.register)}`)
  if (operator === 'null') {
    if (text !== 'true' && text !== 'false') throw malformed(`filter[${field.name}][null] must be true or false`)
    return [text === 'true']
  }
  if (operator === 'like') {
    if (checkText(text, MAX_VALUE_LENGTH) !== undefined) throw unfit()
    return [text]
  }
  const texts = operator === 'in' ? splitList(text) : [text]
  if (texts.length > MAX_VALUES) throw malformed(`filter[${field.name}][in] takes at most ${MAX_VALUES} values`)
  return texts.map((one) => {
    const value = readValue(field.register, one)
    const cell = value === undefined ? undefined : field.encode(value)
    if (cell === undefined) throw unfit()
    return cell
  })
}

/** At commas, but for those behind a backslash, which also stands for itself when doubled. */
function splitList(text: string): readonly string[] {
  const parts = text.match(/(?:\\[\\,]|[^,])+|(?<=^|,)(?=,|$)/gs) ?? ['']
  return parts.map((part) => part.replaceAll(/\\([\\,])/g, '$1'))
}

/** As a record would hold it; `undefined` if it could not. A comparison may name what no field holds, as long as it is of the kind. */
function readValue(register: Register, text: string): Scalar | undefined {
  switch (register.kind) {
    case 'number': {
      const value = /^-?\d{1,40}(\.\d{1,40})?([eE][+-]?\d{1,3})?$/.test(text) ? Number(text) : Number.NaN
      return Number.isFinite(value) ? value : undefined
    }
    case 'boolean':
      return text === 'true' || (text === 'false' ? false : undefined)
    case 'string':
    case 'email':
    case 'phone':
    case 'url':
      return checkText(text, MAX_VALUE_LENGTH) === undefined ? text : undefined
    default:
      return checkRegister(register, text) === undefined ? text : undefined
  }
}

function nounOf(register: Register): string {
  switch (register.kind) {
    case 'enum':
      return `one of ${register.members.join(', ')}`
    case 'date':
      return 'a date, YYYY-MM-DD'
    case 'datetime':
      return 'a time, RFC 3339 in UTC'
    case 'money':
      return 'an amount of money'
    case 'reference':
      return 'an id'
    case 'number':
    case 'boolean':
      return `a ${register.kind}`
    default:
      return `text of at most ${MAX_VALUE_LENGTH} characters`
  }
}

function readWords(search: string, { searched }: RowList): readonly string[] {
  if (!searched) throw malformed('records of this type hold nothing that is searched')
  if (checkText(search, MAX_SEARCH_LENGTH) !== undefined)
    throw malformed(`q takes text of at most ${MAX_SEARCH_LENGTH} characters`)
  const words = searchedWords(search)
  if (words.length === 0) throw malformed('q holds no word')
  if (words.length > MAX_WORDS) throw malformed(`q takes at most ${MAX_WORDS} words`)
  return words
}

/** What comes behind the id orders nothing any more, since no two have the same. */
function readSort(fields: ListedFields, sorting: string | undefined): Pick<ListFilters, 'sort' | 'idDescending'> {
  const sort: SortKey[] = []
  const seen = new Set<string>()
  for (const text of sorting?.split(',') ?? []) {
    const descending = text.startsWith('-')
    const name = descending ? text.slice(1) : text
    const field = fields.get(name)
    if (field === undefined || !isSortable(field)) {
      throw malformed(`lists of this type cannot be sorted by ${name.length > 64 ? 'that' : `"${name}"`}`)
    }
    if (seen.has(name)) throw malformed(`sort names ${name} twice`)
    seen.add(name)
    if (name === ID_FIELD) return { sort, idDescending: descending }
    if (sort.length === MAX_SORT_KEYS) throw malformed(`sort takes at most ${MAX_SORT_KEYS} fields`)
    sort.push({ field, descending })
  }
  return { sort, idDescending: false }
}

function malformed(message: string): SyncError {
  return new SyncError('malformed', message)
}
