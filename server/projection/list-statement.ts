/**
 * The SQL of one page of a list: ids of main rows that meet conditions, in an order, behind a place in it. Names come from the plan and
 * are quoted, values are parameters. A page begins where the one before ended, by the values that its last row had, so rows that come,
 * go and move meanwhile shift nobody.
 *
 * An empty column counts as greater than every value, as indexes have it.
 */
import type { Cell, Plan } from '@rapport/shared/mapping/plan.ts'
import type { ListedField } from './listed-fields.ts'
import { prefixQuery, type SearchedPlace } from './searched-places.ts'
import { quoted, tableName } from './table-statements.ts'

export const OPERATORS = ['eq', 'ne', 'lt', 'lte', 'gt', 'gte', 'in', 'like', 'null'] as const
export type Operator = (typeof OPERATORS)[number]

/** `values`: one; for `in` any number, for `null` a boolean, for `like` what the column begins with. */
export interface RowCondition {
  readonly field: ListedField
  readonly operator: Operator
  readonly values: readonly Cell[]
}

export interface SortKey {
  readonly field: ListedField
  readonly descending: boolean
}

/** Whose records somebody may open, as the column of the owner tells. */
export interface Sight {
  readonly column: string
  readonly sub: string
  readonly teams: readonly string[]
  readonly opens: { readonly owner: boolean; readonly team: boolean; readonly anyone: boolean }
}

/** A place in the order: what the sort keys were there, as the statement told them, and the id. */
export interface RowPlace<Id extends string = string> {
  readonly keys: readonly (string | null)[]
  readonly id: Id
}

export interface RowQuery {
  readonly tenant: string
  readonly conditions: readonly RowCondition[]
  /** All of which a record must hold. */
  readonly words: readonly string[]
  /** Before the id, which is always the last key. */
  readonly sort: readonly SortKey[]
  readonly idDescending: boolean
  /** Whether rows of deleted records belong to it. */
  readonly deleted: boolean
  readonly sight?: Sight | undefined
  readonly after?: RowPlace | undefined
  readonly limit: number
}

interface ListStatement {
  readonly text: string
  readonly values: readonly (string | number)[]
}

const COMPARISONS = { eq: '=', lt: '<', lte: '<=', gt: '>', gte: '>=' } as const
const TEXT_TYPES: ReadonlySet<string> = new Set(['text', 'character varying', 'character'])

/** Answers with `id`, and `k0`, `k1` … for the sort keys. */
export function listStatement(plan: Plan, searched: readonly SearchedPlace[], query: RowQuery): ListStatement {
  const values: (string | number)[] = []
  const bind = (value: string | number): string => `$${values.push(value)}`
  const [tenantColumn, idColumn] = plan.main.record
  const tenant = `${bind(query.tenant)}::text`
  const id = column(idColumn)
  const deletedAt = lifecycleColumn(plan)
  const where = [
    `${column(tenantColumn)} = ${tenant}`,
    // What no record can be called stands there only until what the CRM wrote is looked at.
    `${id} ~ '^[A-Za-z0-9_-]{1,128}$'`,
    ...(query.deleted || deletedAt === undefined ? [] : [`${column(deletedAt)} is null`]),
    ...(query.sight === undefined ? [] : [seen(query.sight, bind)]),
    ...query.conditions.map((condition) => met(condition, bind)),
    ...query.words.map((word) => `${id} in (${holders(searched, tenant, bind(prefixQuery(word)))})`),
  ]
  const limit = `${bind(query.limit)}::int`
  const order = query.sort.map(({ descending }, index) => `s${index}${descending ? ' desc' : ''}`)
  order.push(query.idDescending ? 'id desc' : 'id')
  const selected = [`${id} as id`, ...query.sort.map(({ field }, index) => `${column(field.column)} as s${index}`)]
  const part = (more: readonly string[]): string =>
    `(select ${selected.join(', ')}\n from ${tableName(plan.main)} as t\n where ${[...where, ...more].join('\n and ')}\n order by ${order.join(', ')} limit ${limit})`
  const parts = behind(query, id, bind).map(part)
  const keys = query.sort.map((_, index) => `to_json(s${index}) #>> '{}' as k${index}`)
  const text = `select ${['id', ...keys].join(', ')}\nfrom (${parts.join('\nunion all\n')}) as found\norder by ${order.join(', ')} limit ${limit}`
  return { text, values }
}

type Bind = (value: string | number) => string

function column(name: string): string {
  return `t.${quoted(name)}`
}

function lifecycleColumn({ mapping }: Plan): string | undefined {
  const [first] = mapping.rules.flatMap((rule) => (rule.rule === 'lifecycle' ? [rule.column] : []))
  return first
}

function met({ field, operator, values }: RowCondition, bind: Bind): string {
  const held = column(field.column)
  const [value = null] = values
  switch (operator) {
    case 'null':
      return `${held} is ${value === true ? '' : 'not '}null`
    case 'in':
      return `${held} = any (array(select jsonb_array_elements_text(${bind(JSON.stringify(values.map(String)))}::text::jsonb)::${typeOf(field)}))`
    case 'like':
      return `${held} like ${bind(`${String(value).replaceAll(/[\\%_]/g, '\\$&')}%`)}::text`
    case 'ne':
      return `${held} is distinct from ${typed(field, String(value), bind)}`
    default:
      return `${held} ${COMPARISONS[operator]} ${typed(field, String(value), bind)}`
  }
}

/** Somebody's own, their teams', everybody's: what is not to be opened is not counted, sorted or told of either. */
function seen({ column: owner, sub, teams, opens }: Sight, bind: Bind): string {
  const held = column(owner)
  const ofTeams = `${held} in (select jsonb_array_elements_text(${bind(JSON.stringify(teams))}::text::jsonb))`
  return `case when ${held} is null or ${held} = '' then ${opens.anyone} when ${held} = ${bind(sub)}::text then ${opens.owner} when ${ofTeams} then ${opens.team} else ${opens.anyone} end`
}

/** The ids of records in any of whose places the word is. */
function holders(searched: readonly SearchedPlace[], tenant: string, query: string): string {
  const places = searched.map(({ table, columns }) => {
    const [tenantColumn, idColumn] = table.record
    return `select p.${quoted(idColumn)} from ${tableName(table)} as p where p.${quoted(tenantColumn)} = ${tenant} and ${wordsOf('p', columns)} @@ to_tsquery('simple', ${query}::text)`
  })
  return places.length === 0 ? 'select null::text' : places.join(' union all ')
}

/** As the indexes of `drizzle/schema` have it, or they are of no use. */
function wordsOf(alias: string, columns: readonly string[]): string {
  return `rapport.search_words(${columns.map((name) => `coalesce(${alias}.${quoted(name)}, '')`).join(" || ' ' || ")})`
}

/**
 * The rows behind a place, as one or two stretches of an index on the first key: those with a value, and those without. Each stretch
 * is a list of conditions.
 */
function behind({ after, sort, idDescending }: RowQuery, id: string, bind: Bind): readonly (readonly string[])[] {
  if (after === undefined) return [[]]
  const rest = (index: number): string => {
    const key = sort[index]
    if (key === undefined) return `${id} ${idDescending ? '<' : '>'} ${bind(after.id)}::text`
    const [held, value] = [column(key.field.column), after.keys[index] ?? null]
    const next = rest(index + 1)
    if (value === null) return `(${key.descending ? `${held} is not null or ` : ''}(${held} is null and ${next}))`
    const placed = typed(key.field, value, bind)
    const beyond = key.descending ? `${held} < ${placed}` : `${held} > ${placed} or ${held} is null`
    return `(${beyond} or (${held} = ${placed} and ${next}))`
  }
  const [first] = sort
  if (first === undefined) return [[rest(0)]]
  const [held, value] = [column(first.field.column), after.keys[0] ?? null]
  if (value === null) {
    const empty = [`${held} is null`, rest(1)]
    return first.descending ? [empty, [`${held} is not null`]] : [empty]
  }
  const placed = typed(first.field, value, bind)
  const [beyond, from] = first.descending ? ['<', '<='] : ['>', '>=']
  const valued = [`${held} ${from} ${placed}`, `(${held} ${beyond} ${placed} or ${rest(1)})`]
  return first.descending ? [valued] : [valued, [`${held} is null`]]
}

/** A parameter is declared as text: the driver would send a number as it sees fit. */
function typed(field: ListedField, value: string, bind: Bind): string {
  return TEXT_TYPES.has(field.type) ? `${bind(value)}::text` : `${bind(value)}::text::${typeOf(field)}`
}

function typeOf({ type }: ListedField): string {
  return TEXT_TYPES.has(type) ? 'text' : type
}
