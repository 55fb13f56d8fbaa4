/**
 * Which entry of a collection stands in which slot, and which in none: a pure function of the entries, the same on every replica. Order
 * among entries plays no part, so that moving one moves no value to another column.
 */
import type { ReadRegisters } from '../schema/read-content.ts'
import { own } from '../schema/record-type.ts'
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
  const shown = rule.slots.map((slot) => {
    const found = waiting.findIndex((entry) => suits(rule, slot, entry))
    return found === -1 ? undefined : waiting.splice(found, 1)[0]
  })
  const rest = new Set(waiting)
  return { shown, rest: entries.filter((entry) => rest.has(entry)) }
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
