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
import { assignSlots, type ReadEntry, slotColumns, slotName } from './slots.ts'

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
  const { shown } = assignSlots(rule, entries)
  const parts = rule.slots.map((slot, index) => slotInverse(one, slot, shown[index]))
  return together([...parts, overflowInverse(one)])
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
  if (bound !== undefined) return entryChange(merge, slot, isEmpty ? 'delete' : 'update', bound)
  if (wasEmpty) return entryChange(merge, slot, 'insert', freshEntry(merge, slotName(slot)))
  const changed = said.filter((column) => !sameCell(before[column], after[column]))
  return refused(
    ...changed.map((column) => refusalOf(column, [merge.rule.root], 'ambiguous', 'shows an entry that is not known any more')),
  )
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

/** Entries in a jsonb column, each as a row of its own. */
function overflowInverse(merge: SlotsMerge): Inverse {
  const { rule, root } = merge
  if (rule.overflow === 'refuse' || !('column' in rule.overflow)) return UNTOUCHED
  const { column } = rule.overflow
  const [base, theirs] = [entriesIn(merge.before[column]), entriesIn(merge.after[column])]
  if (theirs === undefined) return refused(refusalOf(column, [rule.root], 'kind', 'is not an object of entries'))
  const registers = Object.entries(root.columns)
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
  const parts = [...new Set([...(base ?? new Map<string, Row>()).keys(), ...theirs.keys()])].map((entry): Inverse => {
    const [held, given] = [base?.get(entry), theirs.get(entry)]
    if (held && given && registers.every(([name]) => sameCell(held[name], given[name]))) return UNTOUCHED
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
    refusals: refusals.map((refusal) => ({ ...refusal, column, reason: `${column} holds an entry in which ${refusal.reason}` })),
  }
}

/** JSON itself tells numbers and booleans from texts. */
const JSON_TYPES: Readonly<Partial<Record<Register['kind'], string>>> = { number: 'double precision', boolean: 'boolean' }

function asItIs(field: string, { kind }: Register, column: string): ColumnRule {
  return { rule: kind === 'enum' ? 'enum' : kind === 'reference' ? 'lookup' : 'field', field, column }
}

/** By id; `undefined` where the cell holds anything else. NULL is no entry. */
function entriesIn(cell: Cell | undefined): ReadonlyMap<string, Row> | undefined {
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
  return left === right || (left !== null && right !== null && String(left) === String(right))
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
