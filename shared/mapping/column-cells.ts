/**
 * The cells that the registers of one place become, the record's fields or an entry's columns, rule by rule. What fits no declaration
 * or no column counts as empty, and is named.
 */
import type { ReadRegisters } from '../schema/read-content.ts'
import { type Columns, own } from '../schema/record-type.ts'
import type { Scalar } from '../schema/register.ts'
import { checkRegister } from '../schema/value-rules.ts'
import { registerCodec } from './codecs.ts'
import { COMPUTED, PARTS } from './functions.ts'
import type { ColumnRule } from './mapping.ts'
import type { Cell, PlanTable } from './plan.ts'

export type NamedCell = readonly [column: string, cell: Cell]

/** What is found on the way, beside the cells. */
export interface Findings {
  readonly misfits: (readonly string[])[]
  /** See `Bindings`; absent where none are kept. */
  readonly bindings?: Map<string, string>
}

export interface CellReader {
  /** No cell for a rule that does not flow out. `path` is that of the place. */
  cells(rule: ColumnRule, values: ReadRegisters, path: readonly string[], findings: Findings): readonly NamedCell[]
}

/** How the registers of one place stand in one table. */
export function cellReader(registers: Columns, table: PlanTable): CellReader {
  const types = new Map(table.columns.map((column) => [column.name, column.type]))

  /** The value of a register as a cell of the column, if it holds one and both take it. */
  function cellOf(field: string, column: string, as: (value: Scalar) => Scalar, ...[values, path, findings]: Where): Cell {
    const value = own(values, field)
    if (value === undefined) return null
    const register = own(registers, field)
    const fits = register !== undefined && checkRegister(register, value) === undefined
    const cell = fits ? registerCodec(register.kind, types.get(column) ?? '')?.encode(as(value)) : undefined
    if (cell === undefined) findings.misfits.push([...path, field])
    return cell ?? null
  }

  /** The value of a register, if it holds one that fits. */
  function fitting(field: string, ...[values, path, findings]: Where): Scalar | undefined {
    const value = own(values, field)
    const register = own(registers, field)
    if (value === undefined || (register && checkRegister(register, value) === undefined)) return value
    findings.misfits.push([...path, field])
    return undefined
  }

  function textOf(field: string, ...where: Where): string | null {
    return String(fitting(field, ...where) ?? '') || null
  }

  return {
    cells(rule, ...where) {
      switch (rule.rule) {
        case 'const':
          return [[rule.column, rule.value]]
        case 'readonly':
          return []
        case 'enum':
          return [
            [rule.column, cellOf(rule.field, rule.column, (value) => own(rule.values ?? {}, String(value)) ?? value, ...where)],
          ]
        case 'field':
        case 'lookup':
          return [[rule.column, cellOf(rule.field, rule.column, (value) => value, ...where)]]
        case 'default': {
          const cell = cellOf(rule.field, rule.column, (value) => value, ...where)
          return [[rule.column, cell ?? encoded(registers, rule.field, types.get(rule.column), rule.value)]]
        }
        case 'split': {
          const parts = own(PARTS, rule.by)?.split(textOf(rule.field, ...where), rule.columns.length)
          return rule.columns.map((column, index) => [column, parts?.[index] ?? null])
        }
        case 'merge': {
          const parts = rule.fields.map((field) => textOf(field, ...where))
          const { bindings } = where[2]
          for (const [index, part] of parts.entries()) {
            if (part !== null) bindings?.set(partName(rule.column, rule.fields[index]), part)
          }
          return [[rule.column, own(PARTS, rule.by)?.join(parts) ?? null]]
        }
        case 'computed': {
          const made = own(COMPUTED, rule.by)
          // What does not fit is named by the rule that it stands in, if there is one.
          const silent: Where = [where[0], where[1], { misfits: [] }]
          const inputs = rule.fields.map((field) => fitting(field, ...silent))
          const value = made?.compute(inputs, rule.options ?? {})
          if (made === undefined || value === undefined || checkRegister(made.result, value) !== undefined)
            return [[rule.column, null]]
          return [[rule.column, registerCodec(made.result.kind, types.get(rule.column) ?? '')?.encode(value) ?? null]]
        }
        default:
          return rule satisfies never
      }
    },
  }
}

type Where = [values: ReadRegisters, path: readonly string[], findings: Findings]

/** Under which name the bindings keep a part of a merged column. */
export function partName(column: string, field: string | undefined): string {
  return `${column}/${field}`
}

function encoded(registers: Columns, field: string, type: string | undefined, value: Scalar): Cell {
  const register = own(registers, field)
  return (register && registerCodec(register.kind, type ?? '')?.encode(value)) ?? null
}
