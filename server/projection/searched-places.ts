/**
 * What a search looks at, and for what. Searched are a plan's names (fields whose name ends in `name`), its e-mail addresses, wherever
 * in its tables they stand, and its texts; looked for are words, each by its beginning. What a word is, is decided by one function of
 * the database, `rapport.search_words`, and here by `searchedWords`, which must cut alike.
 */
import type { ColumnRule, Rule } from '@rapport/shared/mapping/mapping.ts'
import { isTableRule } from '@rapport/shared/mapping/mapping.ts'
import type { Plan, PlanTable } from '@rapport/shared/mapping/plan.ts'
import { type Columns, own, type RecordType } from '@rapport/shared/schema/record-type.ts'

export interface SearchedPlace {
  readonly table: PlanTable
  /** The columns of one row that are searched together, in the order in which an index must name them. */
  readonly columns: readonly string[]
}

/** Blanks and ASCII punctuation, as the database has it. What else parts words it decides alike for texts and for queries. */
const BETWEEN_WORDS = /[\s!-/:-@[-`{-~]+/u

/** The main table first. */
export function searchedPlaces({ mapping, type, main, children }: Plan): readonly SearchedPlace[] {
  const places: SearchedPlace[] = []
  const add = (table: PlanTable, columns: readonly string[]): void => {
    if (columns.length > 0) places.push({ table, columns })
  }
  const ranked = mapping.rules.flatMap((rule) => rank(rule, type)).sort((one, other) => one.rank - other.rank)
  add(
    main,
    ranked.map(({ column }) => column),
  )
  for (const rule of mapping.rules) {
    if (rule.rule !== 'child' && rule.rule !== 'link') continue
    const table = children.find(({ name }) => name === rule.table)
    const root = own(type.roots, rule.root)
    if (table === undefined || root?.kind !== 'collection') continue
    add(
      table,
      rule.columns.flatMap((column) => ('column' in column && holdsEmail(column, root.columns) ? [column.column] : [])),
    )
  }
  return places
}

/** Names before texts, which may be so long that only their beginning is looked at. */
function rank(rule: Rule, { fields, roots }: RecordType): readonly { readonly rank: number; readonly column: string }[] {
  if (isTableRule(rule)) return []
  if (rule.rule === 'text') return own(roots, rule.root)?.kind === 'text' ? [{ rank: 2, column: rule.column }] : []
  if (rule.rule !== 'field') return []
  const kind = own(fields, rule.field)?.kind
  if (kind === 'email') return [{ rank: 1, column: rule.column }]
  return kind === 'string' && /name$/i.test(rule.field) ? [{ rank: 0, column: rule.column }] : []
}

function holdsEmail(rule: ColumnRule, columns: Columns): boolean {
  return rule.rule === 'field' && own(columns, rule.field)?.kind === 'email'
}

/** The words of a text, each once. */
export function searchedWords(text: string): readonly string[] {
  return [...new Set(text.split(BETWEEN_WORDS).filter((word) => word !== ''))]
}

/**
 * A query that a text answers if one of its words begins so, whatever the case. A database may know the case of ASCII letters alone;
 * so a word is also looked for as people write one.
 */
export function prefixQuery(word: string): string {
  const [first = '', ...rest] = word
  const lower = word.toLowerCase()
  const spellings = new Set([lower, word.toUpperCase(), first.toUpperCase() + rest.join('').toLowerCase(), word])
  return [...spellings].map((spelling) => `'${spelling}':*`).join(' | ')
}
