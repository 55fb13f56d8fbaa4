/** Attempts to compile what should be refused, and what the refusal says. */
import { SyncError } from '@rapport/shared/errors.ts'
import { compileMapping } from '@rapport/shared/mapping/compile.ts'
import type { Mapping } from '@rapport/shared/mapping/mapping.ts'
import type { TableShape } from '@rapport/shared/mapping/table-shape.ts'
import { expect } from 'vitest'
import { column, mapping, tables, thing } from './things.ts'

export const shapes = Object.values(tables)
export const [nameRule, sizeRule] = mapping.rules

/** The sentences of the one error that the compiler throws; `compiled` if it throws none. */
export function refusal(compile: () => unknown): string {
  try {
    compile()
  } catch (error) {
    expect(error).toBeInstanceOf(SyncError)
    expect(error).toMatchObject({ code: 'configuration' })
    return error instanceof SyncError ? error.message : ''
  }
  return 'compiled'
}

/** With nothing but the given rules, on the main table as it is where no rule is missed. */
export function onThings(rules: readonly unknown[], changes: Partial<TableShape> = {}): string {
  const things = { ...tables.things, columns: tables.things.columns.map((one) => ({ ...one, hasDefault: true })), ...changes }
  const others = shapes.filter((one) => one.name !== 'things')
  return refusal(() => compileMapping({ ...mapping, rules } as Mapping, thing, [things, ...others]))
}

/** With the main table's column declared otherwise. */
export function withColumn(name: string, declaration: string, ...rules: readonly unknown[]): string {
  const columns = tables.things.columns.filter((one) => one.name !== name).map((one) => ({ ...one, hasDefault: true }))
  return onThings(rules, { columns: [...columns, column(name, declaration)] })
}

/** With one table replaced. */
export function withTable(changed: TableShape): string {
  const others = shapes.filter((one) => one.name !== changed.name)
  return refusal(() => compileMapping(mapping, thing, [...others, changed]))
}

export const child = { ...mapping.rules[16], columns: [] }
export const members = mapping.rules[17]
export const link = { ...mapping.rules[18], columns: [] }
export const level = { rule: 'enum', field: 'level', column: 'level' }
