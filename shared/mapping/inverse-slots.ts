/**
 * Slots on their way back. A slot stands for the entry that it showed when the row was last written, not for the one that suits best now:
 * emptying it deletes just that entry, and a new value goes to that entry, wherever others have moved it since. A slot that was empty
 * becomes a new entry. What stood in none is left alone.
 */

import { uuidv7 } from '../ids.ts'
import { readEntries } from '../schema/read-content.ts'
import { type CollectionRoot, own } from '../schema/record-type.ts'
import type { Register } from '../schema/register.ts'
import { cellReader } from './column-cells.ts'
import { entryInverse } from './inverse-entries.ts'
import type { ChildRule, ColumnRule, Slot, SlotsRule } from './mapping.ts'
import type { Cell, CellObject, PlanTable, Row } from './plan.ts'
import { refusalOf } from './refusal-reasons.ts'
import type { RowOperation } from './row-change.ts'
import { type Inverse, type RowMerge, refused, together, UNTOUCHED } from './row-edit.ts'
import { bindingsOf } from './shadow.ts'
import { assignSlots, fittingValues, type ReadEntry, slotColumns, slotName } from './slots.ts'

interface SlotsMerge extends RowMerge {
  readonly rule: SlotsRule
  readonly root: CollectionRoot
}

/** Columns that a row of a slot has beside its own: the entry's id, and what the discriminator says. No table has any by these names. */
const ID = ''
const VALUE = '\0'

export function slotsInverse(merge: RowMerge, rule: SlotsRule): Inverse {
  const root = own(merge.plan.type.roots, rule.root)
  if (root?.kind !== 'collection') return UNTOUCHED
  const one: SlotsMerge = { ...merge, rule, root }
  const entries = readEntries(root, merge.document.getMap(rule.root)).slice(0, root.maxEntries)
  const { shown, rest } = assignSlots(rule, entries)
  const parts = rule.slots.map((slot, index) => slotInverse(one, slot, shown[index]))
  const taken = rule.slots.map((slot, index) => entryInRow(one, slot, shown[index]))
  return together([...parts, overflowInverse(one, entries, rest, new Set(taken))])
}

function slotInverse(merge: SlotsMerge, slot: Slot, shown: ReadEntry | undefined): Inverse {
  const { before, after } = merge
  const said = saidColumns(slot)
  const columns = slotColumns(slot)
  if (columns.every((column) => sameCell(before[column], after[column]))) return UNTOUCHED
  const [wasEmpty, isEmpty] = [isBlank(before, said), isBlank(after, said)]
  const ours = rowOf(merge, slot, shown)
  // Emptied on both sides: whatever stood there went somewhere else, and is not meant.
  if (isEmpty && (wasEmpty || isBlank(ours, said))) return UNTOUCHED
  if (!isEmpty && said.every((column) => sameCell(after[column], ours[column]))) return UNTOUCHED
  const bound = boundEntry(merge, slot, shown, ours)
  // Whoever moved the entry to the others did not delete it.
  if (bound !== undefined && isEmpty && overflowOf(merge, merge.after)?.has(bound)) return UNTOUCHED
  if (bound !== undefined) return entryChange(merge, slot, isEmpty ? 'delete' : 'update', bound)
  if (wasEmpty) return entryChange(merge, slot, 'insert', freshEntry(merge, slotName(slot)))
  const changed = said.filter((column) => !sameCell(before[column], after[column]))
  return refused(
    ...changed.map((column) => refusalOf(column, [merge.rule.root], 'ambiguous', 'shows an entry that is not known any more')),
  )
}

/** The entry that the slot shows in the row as its writer left it. */
function entryInRow(merge: SlotsMerge, slot: Slot, shown: ReadEntry | undefined): string | undefined {
  const said = saidColumns(slot)
  if (isBlank(merge.after, said)) return undefined
  const ours = rowOf(merge, slot, shown)
  return said.every((column) => sameCell(merge.after[column], ours[column])) ? shown?.[0] : boundEntry(merge, slot, shown, ours)
}

/** The entry that the slot stands for in the row as its writer saw it; `undefined` if there is none. */
function boundEntry(merge: SlotsMerge, slot: Slot, shown: ReadEntry | undefined, ours: Row): string | undefined {
  const { before, base } = merge
  const columns = saidColumns(slot)
  const seen = (row: Readonly<Record<string, unknown>>) =>
    columns.every((column) => sameCell(row[column] as Cell | undefined, before[column]))
  const written = own(bindingsOf(base), slotName(slot))
  const isThere = written !== undefined && merge.document.getMap(merge.rule.root).get(`${written}/deleted`) !== true
  if (written !== undefined && base !== undefined && seen(base) && (isThere || !isBlank(before, columns))) return written
  // An earlier change of the same row, which is in the document already, has put another entry there.
  if (shown !== undefined && seen(ours)) return shown[0]
  return isBlank(before, columns) ? undefined : written
}

/** As a change of a row that shows the entry alone. */
function entryChange(merge: SlotsMerge, slot: Slot, operation: RowOperation, entry: string): Inverse {
  const { rule, plan } = merge
  const columns: ColumnRule[] = [...slot.columns]
  const isNew = operation === 'insert'
  const register = rule.by === undefined ? undefined : own(merge.root.columns, rule.by)
  if (isNew && rule.by !== undefined && slot.value !== undefined && register !== undefined)
    columns.push(asItIs(rule.by, register, VALUE))
  const table: PlanTable = { ...merge.table, columns: [...merge.table.columns, { name: VALUE, type: 'text' }] }
  const child: ChildRule = { rule: 'child', root: rule.root, table: table.name, parent: plan.mapping.identity, id: ID, columns }
  const before: Row = isNew ? {} : { ...merge.before, [ID]: entry }
  const after: Row = { ...merge.after, [ID]: entry, ...(slot.value !== undefined && { [VALUE]: slot.value }) }
  const change = { table: table.name, operation, before, after }
  return entryInverse({ ...merge, table, change, before, after, bindings: bindingsOf(merge.base) }, child)
}

/**
 * Entries in a jsonb column, each as a row of its own; of all `entries`, `ours` are those that the document has no slot for, and `taken`
 * those that the row shows in a slot.
 */
function overflowInverse(
  merge: SlotsMerge,
  entries: readonly ReadEntry[],
  ours: readonly ReadEntry[],
  taken: ReadonlySet<string | undefined>,
): Inverse {
  const { rule, root } = merge
  if (rule.overflow === 'refuse' || !('column' in rule.overflow)) return UNTOUCHED
  const { column } = rule.overflow
  const [base, theirs] = [overflowOf(merge, merge.before), overflowOf(merge, merge.after)]
  if (theirs === undefined) return refused(refusalOf(column, [rule.root], 'kind', 'is not an object of entries'))
  const registers = Object.entries(root.columns)
  const isSame = (one: Row, other: Row): boolean => registers.every(([name]) => sameCell(one[name], other[name]))
  const isSaid = ([id, held]: ReadEntry): boolean => isSame(fittingValues(root, held), theirs.get(id) ?? {})
  if (theirs.size === ours.length && ours.every((entry) => theirs.has(entry[0]) && isSaid(entry))) return UNTOUCHED
  const columns = registers.map(([name, register]) => asItIs(name, register, name))
  const table: PlanTable = {
    ...merge.table,
    columns: registers.map(([name, { kind }]) => ({ name, type: JSON_TYPES[kind] ?? 'text' })),
  }
  const child: ChildRule = {
    rule: 'child',
    root: rule.root,
    table: table.name,
    parent: merge.plan.mapping.identity,
    id: ID,
    columns,
  }
  // What the writer saw in a slot he knows as it is.
  const inSlots = new Set(Object.values(bindingsOf(merge.base)))
  const left = new Map(
    entries.filter(([id]) => inSlots.has(id)).map(([id, held]): [string, Row] => [id, fittingValues(root, held)]),
  )
  const parts = [...new Set([...(base ?? new Map<string, Row>()).keys(), ...theirs.keys()])].map((entry): Inverse => {
    const [held, given] = [base?.get(entry) ?? left.get(entry), theirs.get(entry)]
    if (held && given && isSame(held, given)) return UNTOUCHED
    if (given && taken.has(entry)) {
      return refused(refusalOf('id', [rule.root, entry], 'ambiguous', 'is that of an entry in a slot of the same row'))
    }
    const operation: RowOperation = given === undefined ? 'delete' : held === undefined ? 'insert' : 'update'
    const [before, after]: Row[] = [
      { ...held, [ID]: entry },
      { ...given, [ID]: entry },
    ]
    const change = { table: table.name, operation, ...(held && { before }), ...(given && { after }) }
    return entryInverse({ ...merge, table, change, before: before ?? {}, after: after ?? {} }, child)
  })
  const { edits, refusals } = together(parts)
  // Whoever wrote the row knows one column.
  return {
    edits,
    refusals: refusals.map((refusal) => ({ ...refusal, column, reason: `${column} holds an entry whose ${refusal.reason}` })),
  }
}

/** JSON itself tells numbers and booleans from texts. */
const JSON_TYPES: Readonly<Partial<Record<Register['kind'], string>>> = { number: 'double precision', boolean: 'boolean' }

function asItIs(field: string, { kind }: Register, column: string): ColumnRule {
  return { rule: kind === 'enum' ? 'enum' : kind === 'reference' ? 'lookup' : 'field', field, column }
}

/** Entries in the jsonb column of a row, if there is one, by id; `undefined` where it holds anything else. NULL is no entry. */
function overflowOf({ rule: { overflow } }: SlotsMerge, row: Row): ReadonlyMap<string, Row> | undefined {
  const cell = overflow !== 'refuse' && 'column' in overflow ? row[overflow.column] : null
  if (cell === null || cell === undefined) return new Map()
  if (typeof cell !== 'object' || Array.isArray(cell)) return undefined
  const entries = Object.entries(cell as CellObject)
  if (!entries.every(([, held]) => typeof held === 'object' && held !== null && !Array.isArray(held))) return undefined
  return new Map(entries as [string, Row][])
}

/** What the slot's columns show of the entry now. */
function rowOf(merge: SlotsMerge, slot: Slot, entry: ReadEntry | undefined): Row {
  if (entry === undefined) return {}
  const reader = cellReader(merge.root.columns, merge.table)
  return Object.fromEntries(slot.columns.flatMap((rule) => reader.cells(rule, entry[1], [], { misfits: [] })))
}

/** Columns that say something of an entry; what fills itself says nothing. */
function saidColumns(slot: Slot): readonly string[] {
  const said = slot.columns.filter(({ rule }) => rule !== 'const' && rule !== 'computed' && rule !== 'default')
  return slotColumns({ columns: said })
}

function isBlank(row: Row, columns: readonly string[]): boolean {
  return columns.every((column) => (row[column] ?? null) === null)
}

/** Spelling apart: what is spelt otherwise is looked at again by its rule. */
function sameCell(one: Cell | undefined, other: Cell | undefined): boolean {
  const [left = null, right = null] = [one, other]
  if (left === null || right === null) return left === right
  if (typeof left === 'object' || typeof right === 'object') return JSON.stringify(left) === JSON.stringify(right)
  return String(left) === String(right)
}

/** An id that the collection does not have. The same change always draws the same, so that inverting it twice is no second entry. */
function freshEntry({ key, now, document, rule }: SlotsMerge, name: string): string {
  const map = document.getMap(rule.root)
  const used = new Set([...map.keys()].map((one) => one.slice(0, one.indexOf('/'))))
  let drawn = seedOf(`${key.tenant}/${key.type}/${key.id}/${rule.root}/${name}`)
  const random32 = (): number => {
    drawn = Math.imul(drawn ^ (drawn >>> 15), 0x2c1b3c6d) + 0x9e3779b9
    return (drawn ^ (drawn >>> 13)) >>> 0
  }
  let id: string = uuidv7({ now: () => now, random32 })
  while (used.has(id)) id = uuidv7({ now: () => now, random32 })
  return id
}

/** FNV-1a, 32 bits. */
function seedOf(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return hash
}
