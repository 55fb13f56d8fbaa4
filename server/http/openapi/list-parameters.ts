/** The parameters of a type's list, by what its rows can be asked. */
import { type JsonSchema, registerSchema } from '@rapport/shared/schema/json-schema.ts'
import type { RecordType } from '@rapport/shared/schema/record-type.ts'
import type { Operator } from '../../projection/list-statement.ts'
import { ID_FIELD, type ListedField } from '../../projection/listed-fields.ts'
import type { RowList } from '../../projection/row-lists.ts'
import { isSortable, MAX_SEARCH_LENGTH, MAX_SORT_KEYS, MAX_VALUES, MAX_WORDS, operatorsOf } from '../list-filters.ts'
import { type Json, query } from './parts.ts'

const MEANINGS: Readonly<Record<Operator, string>> = {
  eq: 'equal to this',
  ne: 'another than this, or empty',
  lt: 'less than this',
  lte: 'this or less',
  gt: 'greater than this',
  gte: 'this or greater',
  in: 'one of these; a comma within a value stands behind a backslash',
  like: 'beginning with this, letter by letter',
  null: 'empty (`true`) or not (`false`)',
}

export function listParameters(type: RecordType, rows: RowList | undefined): readonly Json[] {
  const names = [...Object.keys(type.fields), 'fields', ...Object.keys(type.roots)]
  const thinned = query(
    'fields',
    'What is wanted of the content: fields, custom ones too (`x_…`), and whole roots.',
    {
      ...{ type: 'array', items: { anyOf: [{ enum: [...new Set(names)] }, { type: 'string', pattern: '^x_[a-z0-9_]{1,60}$' }] } },
      minItems: 1,
    },
    { style: 'form', explode: false },
  )
  if (rows === undefined) return [thinned]
  const filters = [...rows.fields.values()].flatMap((field) => operatorsOf(field).map((operator) => filter(field, operator)))
  return [thinned, sort(rows), ...(rows.searched ? [search()] : []), ...filters]
}

function search(): Json {
  const description = `Words of names, e-mail addresses and texts, by their beginnings, whatever the case; all of at most ${MAX_WORDS} must be there.`
  return query('q', description, { type: 'string', minLength: 1, maxLength: MAX_SEARCH_LENGTH })
}

function sort({ fields }: RowList): Json {
  const names = [...fields.values()].filter(isSortable).flatMap(({ name }) => [name, `-${name}`])
  const schema = { type: 'array', items: { enum: names }, minItems: 1, maxItems: MAX_SORT_KEYS + 1, uniqueItems: true }
  const description = `Ascending, or with a dash descending. An empty field counts as greater than any value; behind all stands ${ID_FIELD}.`
  return query('sort', description, schema, { style: 'form', explode: false })
}

function filter(field: ListedField, operator: Operator): Json {
  const name = operator === 'eq' ? `filter[${field.name}]` : `filter[${field.name}][${operator}]`
  return query(name, `Records whose rows have \`${field.name}\` ${MEANINGS[operator]}.`, valueSchema(field, operator), {
    ...(operator === 'in' && { style: 'form', explode: false }),
  })
}

function valueSchema(field: ListedField, operator: Operator): JsonSchema {
  if (operator === 'null') return { type: 'boolean' }
  // What is looked for need not fit the field: no address may begin with another.
  const kinds = ['string', 'email', 'phone', 'url']
  const value = kinds.includes(field.register.kind) ? { type: 'string' } : registerSchema({ ...field.register, required: true })
  return operator === 'in' ? { type: 'array', items: value, minItems: 1, maxItems: MAX_VALUES } : value
}
