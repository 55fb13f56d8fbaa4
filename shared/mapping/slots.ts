/**
 * Which entry of a collection stands in which slot, and which in none: a pure function of the entries, the same on every replica. Order
 * among entries plays no part, so that moving one moves no value to another column.
 */
import type { ReadRegisters } from '../schema/read-content.ts'
import { type CollectionRoot, own } from '../schema/record-type.ts'
import type { Scalar } from '../schema/register.ts'
import { checkRegister } from '../schema/value-rules.ts'
import type { Slot, SlotsRule } from './mapping.ts'

export type ReadEntry = readonly [id: string, values: ReadRegisters]

export interface Assignment {
  /** As many as there are slots. */
  readonly shown: readonly (ReadEntry | undefined)[]
  /** In the order given. */
  readonly rest: readonly ReadEntry[]
}

export function assignSlots(rule: SlotsRule, entries: readonly ReadEntry[]): Assignment {
  const waiting = [...entries].sort((one, other) => rank(rule, one) - rank(rule, other) || (one[0] < other[0] ? -1 : 1))
  const shown = new Map<Slot, ReadEntry>()
  const isPicky = ({ value }: Slot): boolean => value !== undefined
  for (const slot of [...rule.slots.filter(isPicky), ...rule.slots.filter((one) => !isPicky(one))]) {
    const found = waiting.findIndex((entry) => suits(rule, slot, entry))
    const [entry] = found === -1 ? [] : waiting.splice(found, 1)
    if (entry !== undefined) shown.set(slot, entry)
  }
  const rest = new Set(waiting)
  return { shown: rule.slots.map((slot) => shown.get(slot)), rest: entries.filter((entry) => rest.has(entry)) }
}

/** What an entry without a slot holds that fits its declaration, as it stands in a jsonb column. */
export function fittingValues({ columns }: CollectionRoot, values: ReadRegisters): ReadRegisters {
  const fits = ([name, value]: [string, Scalar]): boolean => {
    const register = own(columns, name)
    return register !== undefined && checkRegister(register, value) === undefined
  }
  return Object.fromEntries(Object.entries(values).filter(fits))
}

/** What bindings call the slot: no other slot has that column. */
export function slotName(slot: Slot): string {
  return slotColumns(slot)[0] ?? ''
}

/** The columns of the main table that the slot fills or reads. */
export function slotColumns(slot: Slot): readonly string[] {
  return slot.columns.flatMap((rule) => (rule.rule === 'split' ? rule.columns : [rule.column]))
}

function rank({ first }: SlotsRule, [, values]: ReadEntry): number {
  return first !== undefined && own(values, first) === true ? 0 : 1
}

function suits({ by }: SlotsRule, { value }: Slot, [, values]: ReadEntry): boolean {
  return value === undefined || (by !== undefined && own(values, by) === value)
}
