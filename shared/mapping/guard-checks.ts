/** Whether the guards of a mapping name what is there, and withhold only what a row can do without. */
import { own, type RecordType } from '../schema/record-type.ts'
import { CONDITIONS } from './functions.ts'
import type { Guard } from './mapping.ts'
import type { Report } from './mapping-form.ts'
import type { PlanTable } from './plan.ts'
import type { TableShape } from './table-shape.ts'

/** `main` is missing where the mapping has no main table. */
export function checkGuards(
  guards: readonly Guard[],
  type: RecordType,
  main: PlanTable | undefined,
  tables: readonly TableShape[],
  report: Report,
): void {
  for (const [index, guard] of guards.entries()) {
    const by = guardName(index)
    for (const condition of guard.when) checkCondition(condition, type, by, report)
    const { severity, columns = [] } = guard
    if (severity !== 'quarantine' && columns.length > 0)
      report(by, `"columns" is for the severity quarantine, not for ${severity}`)
    if (severity === 'quarantine' && columns.length === 0) report(by, '"columns" must name what is withheld')
    if (main === undefined) continue
    const shape = tables.find(({ name }) => name === main.name)
    for (const column of columns) {
      const isOwned = main.columns.some(({ name }) => name === column) && !main.key.includes(column)
      if (!isOwned) report(by, `column ${column} of ${main.name} is filled by no rule of this mapping`)
      else if (shape?.columns.find(({ name }) => name === column)?.notNull === true) {
        report(by, `column ${column} of ${main.name} is NOT NULL and cannot be withheld`)
      }
    }
  }
}

/** How messages name a guard: by its place, counted from 1. */
export function guardName(index: number): string {
  return `guard ${index + 1}`
}

function checkCondition(
  { by: name, fields, options = {} }: Guard['when'][number],
  type: RecordType,
  by: string,
  report: Report,
): void {
  const condition = own(CONDITIONS, name)
  if (condition === undefined) report(by, `there is no condition ${name}`)
  const kinds = fields.map((field) => {
    const register = own(type.fields, field)
    if (register === undefined) report(by, `the record type ${type.name} has no field ${field}`)
    return register?.kind
  })
  const known = kinds.filter((kind) => kind !== undefined)
  const problem = known.length === kinds.length ? condition?.fits(known, options) : undefined
  if (problem !== undefined) report(by, `${name} does not suit: ${problem}`)
}
