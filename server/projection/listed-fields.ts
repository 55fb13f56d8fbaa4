/**
 * By which fields the rows of a plan can be filtered and sorted: its main table's columns that hold one field each, under the name
 * that the field has in a record. This is the only way from a name in a request to a name in SQL: what is not in here is in no statement.
 */
import { registerCodec } from '@rapport/shared/mapping/codecs.ts'
import type { MainRule } from '@rapport/shared/mapping/mapping.ts'
import { isTableRule } from '@rapport/shared/mapping/mapping.ts'
import type { Cell, Plan } from '@rapport/shared/mapping/plan.ts'
import { own, type RecordType } from '@rapport/shared/schema/record-type.ts'
import type { Register, Scalar } from '@rapport/shared/schema/register.ts'

export interface ListedField {
  /** As a record shows it. */
  readonly name: string
  readonly column: string
  /** Of the column, as in its table's shape. */
  readonly type: string
  /** What its values look like in a record. */
  readonly register: Register
  /** What stands in the column for a value that the register takes; `undefined` if nothing can. */
  readonly encode: (value: Scalar) => Cell | undefined
}

export type ListedFields = ReadonlyMap<string, ListedField>

/** A record's id, under this name whatever its type declares. */
export const ID_FIELD = 'id'

const ID: Register = { kind: 'reference', to: '' }
const INSTANT: Register = { kind: 'datetime' }
const SUBJECT: Register = { kind: 'string', maxLength: 255 }
const SEQUENCE: Register = { kind: 'number', integer: true, minimum: 0 }

interface Source {
  readonly name: string
  readonly register: Register
  readonly values?: Readonly<Record<string, string>>
}

export function listedFields({ mapping, main, type }: Plan): ListedFields {
  const columns = new Map(main.columns.map((column) => [column.name, column.type]))
  const listed = new Map<string, ListedField>()
  const add = (column: string, { name, register, values = {} }: Source): void => {
    const columnType = columns.get(column)
    const codec = columnType === undefined ? undefined : registerCodec(register.kind, columnType)
    if (columnType === undefined || codec === undefined || listed.has(name)) return
    const encode = (value: Scalar): Cell | undefined => codec.encode(own(values, String(value)) ?? value)
    listed.set(name, { name, column, type: columnType, register, encode })
  }
  add(main.record[1], { name: ID_FIELD, register: ID })
  for (const rule of mapping.rules) {
    const source = isTableRule(rule) ? undefined : sourceOf(rule, type)
    if (source !== undefined && !isTableRule(rule) && 'column' in rule) add(rule.column, source)
  }
  return listed
}

/** What a rule puts into its column, if that is one value as it is. */
function sourceOf(rule: MainRule, { fields }: RecordType): Source | undefined {
  switch (rule.rule) {
    case 'field':
    case 'lookup':
    case 'enum': {
      const register = own(fields, rule.field)
      if (register === undefined) return undefined
      return { name: rule.field, register, ...(rule.rule === 'enum' && rule.values && { values: rule.values }) }
    }
    case 'system':
      if (rule.source === 'sequence') return { name: 'sequence', register: SEQUENCE }
      return { name: rule.source, register: rule.source === 'createdAt' ? INSTANT : SUBJECT }
    case 'lifecycle':
      return { name: 'deletedAt', register: INSTANT }
    default:
      return undefined
  }
}
