/**
 * The columns of a table, each with its place. A format is a list of rules in order of preference: of two columns that go to one
 * place, the one whose rule comes first is asked first. A column that no rule knows becomes a custom field named after it.
 */

import { SyncError } from '@rapport/shared/errors.ts'
import type { Assignment, Fact, Reading } from './source.ts'
import { type ImportedType, isCustomField, parseTarget, type Target } from './target.ts'

/** One rule of a format: which columns, by the key of their header, and where they go. */
export interface ColumnRule extends Reading {
  readonly header: string | RegExp
  /** As in a mapping file; `$1` is what the first group of `header` matched. */
  readonly to: string
  /** A value that every entry has unless somebody chose another; it says nothing. Folded. */
  readonly unless?: string
}

export interface Format {
  readonly name: string
  /** Whose ids its tables carry; `name` unless told otherwise. */
  readonly source?: string
  readonly recordType: ImportedType
  readonly rules: readonly ColumnRule[]
  /** Columns that are pairs, a label chosen by the user and its value, by the keys of both: custom fields named by the label. */
  readonly labelled?: RegExp
  /** Where columns go that no rule knows; custom fields, unless a mapping file says otherwise. */
  readonly others?: 'custom' | 'summary' | 'ignore'
}

interface Column extends Reading {
  readonly index: number
  readonly header: string
  readonly target: Target
  readonly spare: `x_${string}`
  readonly unless?: string
  /** The column that holds the name of this one's custom field. */
  readonly label?: number
}

/** A header without what programs and languages write differently: case, blanks, punctuation. */
export function headerKey(header: string): string {
  return header.toLowerCase().replaceAll(/[^\p{L}\p{N}]+/gu, '')
}

const MAX_CUSTOM_NAME = 60

/** `undefined` for a name of which no letter or digit is left. */
export function customName(name: string): `x_${string}` | undefined {
  const plain = name.normalize('NFKD').replaceAll(/\p{M}/gu, '').replaceAll('ß', 'ss').replaceAll(/['’]/g, '').toLowerCase()
  const snake = plain.replaceAll(/[^a-z0-9]+/g, '_').replaceAll(/^_+|_+$/g, '')
  const custom = `x_${snake.slice(0, MAX_CUSTOM_NAME)}`
  return snake !== '' && isCustomField(custom) ? custom : undefined
}

export class Columns {
  readonly #columns: readonly Column[]
  readonly #headers: readonly string[]

  constructor(headers: readonly string[], format: Format) {
    this.#headers = headers.map((header, index) => header.trim() || `column ${index + 1}`)
    this.#columns = arrange(this.#headers, format)
  }

  facts(values: readonly string[]): Fact[] {
    return values.flatMap((value, index) => (value.trim() === '' ? [] : [{ column: this.#headers[index] ?? '', value }]))
  }

  assignments(values: readonly string[]): Assignment[] {
    const assignments: Assignment[] = []
    for (const { index, header: column, unless, label, ...place } of this.#columns) {
      const value = values[index] ?? ''
      if (value.trim() === '' || value.trim().toLowerCase() === unless) continue
      assignments.push({ ...place, column, value, ...(label !== undefined && labelled(values[label]?.trim() ?? '', value)) })
    }
    return assignments
  }
}

/** A label that makes no name of a field stays in front of its value. */
function labelled(label: string, value: string): Partial<Assignment> {
  const name = customName(label)
  if (name !== undefined) return { target: { type: 'custom', name } }
  return label === '' ? {} : { value: `${label}: ${value}` }
}

function arrange(headers: readonly string[], format: Format): Column[] {
  const keys = headers.map(headerKey)
  const spares = spareNames(headers)
  const left = new Set(headers.keys())
  const columns: Column[] = []
  const add = (index: number, target: Target, more: Partial<Column> = {}): void => {
    left.delete(index)
    columns.push({ index, header: headers[index] ?? '', target, spare: spares[index] ?? `x_column_${index + 1}`, ...more })
  }
  for (const { header, to, ...more } of format.rules) {
    for (const index of [...left]) {
      const key = keys[index] ?? ''
      if (key === header) add(index, targetOf(to, format.recordType), more)
      const match = typeof header === 'string' ? null : header.exec(key)
      if (match !== null) add(index, targetOf(to.replaceAll('$1', match[1] ?? ''), format.recordType), more)
    }
  }
  for (const index of [...left]) {
    const [, pair] = format.labelled?.exec(keys[index] ?? '') ?? []
    const label = pair === undefined ? -1 : keys.findIndex((key) => key === `${pair}label` || key === `${pair}type`)
    if (label < 0) continue
    add(index, { type: 'custom', name: spares[index] ?? 'x_label' }, { label })
    if (left.has(label)) add(label, { type: 'ignore' })
  }
  for (const index of left) add(index, otherTarget(spares[index] ?? 'x_', format.others))
  return columns
}

function otherTarget(spare: `x_${string}`, others: Format['others'] = 'custom'): Target {
  return others === 'custom' ? { type: 'custom', name: spare } : { type: others }
}

function targetOf(text: string, type: ImportedType): Target {
  const target = parseTarget(text, type)
  if (target === undefined) throw new SyncError('internal', 'a format names a place that records do not have')
  return target
}

/** A custom field for each column, no two alike. */
function spareNames(headers: readonly string[]): `x_${string}`[] {
  const taken = new Set<string>()
  return headers.map((header, index) => {
    const wanted = customName(header) ?? `x_column_${index + 1}`
    let name: `x_${string}` = wanted
    for (let more = 2; taken.has(name); more += 1) name = `${wanted.slice(0, MAX_CUSTOM_NAME - 2)}_${more}` as `x_${string}`
    taken.add(name)
    return name
  })
}
