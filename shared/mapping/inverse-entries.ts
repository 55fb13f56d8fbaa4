/**
 * Rows of entries on their way back: a collection's child table, or a join table. A new row is a new entry or brings a deleted one back
 * with all that was written into it; a row that is gone marks its entry deleted; a change of a row whose entry was deleted meanwhile is
 * written into the entry, and shows if somebody restores it.
 */
import type * as Y from 'yjs'
import { entryKey, parseEntryId } from '../schema/layout.ts'
import { type ReadRegisters, readEntries, scalarOf } from '../schema/read-content.ts'
import { type CollectionRoot, own } from '../schema/record-type.ts'
import { constInverse, registerInverse } from './inverse-registers.ts'
import type { ColumnRule, TableRule } from './mapping.ts'
import type { Row } from './plan.ts'
import { refusalOf } from './refusal-reasons.ts'
import { edited, type Inverse, type RowEdit, type RowMerge, type RowRefusal, refused, together, UNTOUCHED } from './row-edit.ts'
import { movesTo, type OrderColumns, type Placed, rowSequence, wishesOf } from './row-order.ts'

type EntryRule = Extract<TableRule, { readonly rule: 'child' | 'link' }>

interface EntryMerge extends RowMerge {
  readonly rule: EntryRule
  readonly root: CollectionRoot
  readonly map: Y.Map<unknown>
  readonly entry: string
}

export function entryInverse(merge: RowMerge, rule: EntryRule): Inverse {
  const root = own(merge.plan.type.roots, rule.root)
  if (root?.kind !== 'collection') return UNTOUCHED
  const id = idColumn(rule)
  const entry = parseEntryId(String((merge.change.operation === 'delete' ? merge.before : merge.after)[id] ?? ''))
  if (entry === undefined) return refused(refusalOf(id, undefined, 'shape', 'is not 1 to 128 letters, digits, - and _'))
  const map = merge.document.getMap(rule.root)
  const one: EntryMerge = { ...merge, rule, root, map, entry }
  const isDeleted = map.get(entryKey(entry, 'deleted')) === true
  if (!isThere(one)) return merge.change.operation === 'delete' ? UNTOUCHED : beginning(one, false)
  if (merge.change.operation === 'delete') return isDeleted ? UNTOUCHED : edited(keyEdit(one, 'deleted', true))
  if (merge.change.operation === 'insert') return isDeleted ? beginning(one, true) : together([columnsOf(one), reordering(one)])
  return together([columnsOf(one), reordering(one)])
}

/** An entry exists as long as it has any value or an order. */
function isThere({ root, map, entry }: EntryMerge): boolean {
  const held = ['order', ...Object.keys(root.columns)].map((column) => map.get(entryKey(entry, column)))
  return held.some((value) => scalarOf(value) !== undefined)
}

/** Of an entry that the record does not show. What its row does not say stays as it was when the entry was deleted. */
function beginning(merge: EntryMerge, comesBack: boolean): Inverse {
  const { root, map, entry, rule } = merge
  const entries = readEntries(root, map, true)
  const shown = entries.filter(([id]) => map.get(entryKey(id, 'deleted')) !== true).length
  if (shown >= root.maxEntries) return refused(refusalOf(idColumn(rule), [rule.root, entry], 'length', tooMany(merge)))
  // Whether or not the database knows a row from before: the record has nothing to compare it with.
  const { edits, refusals } = columnsOf({ ...merge, before: {} })
  const missing = missingIn(merge, edits, refusals)
  if (missing !== undefined) return refused(...refusals, ...missing)
  // A row of which nothing fits would be an entry without anything in it.
  const isEmpty = edits.length === 0 && refusals.length > 0 && rule.rule === 'child' && !comesBack
  if (isEmpty) return refused(...refusals)
  const first = comesBack ? [keyEdit(merge, 'deleted', null)] : namingEdits(merge)
  return { edits: [...first, ...placing(merge, entries, comesBack), ...edits], refusals }
}

function tooMany({ root, rule }: EntryMerge): string {
  return `would be one more than the ${root.maxEntries} that ${rule.root} may have`
}

function namingEdits(merge: EntryMerge): RowEdit[] {
  const { keyedBy } = merge.root
  return keyedBy === undefined ? [] : [keyEdit(merge, keyedBy, merge.entry)]
}

/** Columns that an entry may not be without, and would be; `undefined` if there are none. */
function missingIn(merge: EntryMerge, edits: readonly RowEdit[], refusals: readonly RowRefusal[]): RowRefusal[] | undefined {
  const { root, map, entry, rule } = merge
  const missing = Object.keys(root.columns).filter((name) => {
    const isGiven = name === root.keyedBy || edits.some(({ path }) => path[2] === name)
    return root.columns[name]?.required && !isGiven && scalarOf(map.get(entryKey(entry, name))) === undefined
  })
  if (missing.length === 0) return undefined
  const unnamed = missing.filter((name) => !refusals.some(({ path }) => path?.[2] === name))
  return unnamed.map((name) => {
    const column = rule.columns.find((one) => 'field' in one && one.field === name)?.column ?? idColumn(rule)
    return refusalOf(
      column,
      [rule.root, entry, name],
      'kind',
      `may not be empty: no entry of ${rule.root} begins without ${name}`,
    )
  })
}

function columnsOf(merge: EntryMerge): Inverse {
  return together(merge.rule.columns.map((column) => columnInverse(merge, column)))
}

function columnInverse(merge: EntryMerge, rule: ColumnRule): Inverse {
  const { entry } = merge
  const root = merge.rule.root
  switch (rule.rule) {
    case 'const':
      return constInverse(merge, rule)
    case 'field':
    case 'enum':
    case 'lookup': {
      const register = own(merge.root.columns, rule.field)
      if (register === undefined) return UNTOUCHED
      return registerInverse(merge, rule, { register, root, key: entryKey(entry, rule.field), path: [root, entry, rule.field] })
    }
    default:
      return rule satisfies never
  }
}

function keyEdit({ rule, entry }: EntryMerge, column: string, value: string | boolean | null): RowEdit {
  return {
    path: [rule.root, entry, column],
    unseen: false,
    write: (document) => document.getMap(rule.root).set(entryKey(entry, column), value),
  }
}

/** Where a new entry stands, or one that comes back and says where. */
function placing(merge: EntryMerge, entries: readonly (readonly [string, ReadRegisters])[], comesBack: boolean): RowEdit[] {
  const { entry, rule, change } = merge
  const columns = orderColumns(rule)
  const wishes =
    columns === undefined ? new Map() : wishesOf(columns, [{ table: change.table, operation: 'insert', after: merge.after }])
  const wish = wishes.get(entry)
  const isSaid = wish !== undefined && wish.place !== Number.POSITIVE_INFINITY
  if (comesBack && !isSaid) return []
  const placed = placedOf(entries)
  const all = comesBack ? placed : [...placed, [entry, undefined] as const]
  if (columns === undefined || !isSaid) {
    const last = new Map([[entry, { place: Number.POSITIVE_INFINITY, tie: 1 as const }]])
    return orderEdits(merge, movesTo(all, [entry], last))
  }
  // Others of the batch have a place among the rows, and move by themselves.
  const others = wishesOf(columns, batchOf(merge))
  return orderEdits(merge, movesTo(all, rowSequence(columns, rowsOf(merge, columns, entries), others), new Map([[entry, wish]])))
}

/** The order of rows is settled with the last of them that says something of it. */
function reordering(merge: EntryMerge): Inverse {
  const columns = orderColumns(merge.rule)
  if (columns === undefined) return UNTOUCHED
  const batch = batchOf(merge)
  const { order } = columns
  const last = batch.findLast(
    ({ table, before, after }) =>
      table === columns.table && after !== undefined && before !== undefined && before[order] !== after[order],
  )
  if (last !== merge.change) return UNTOUCHED
  const entries = readEntries(merge.root, merge.map, true)
  const shown = entries.filter(([id]) => merge.map.get(entryKey(id, 'deleted')) !== true)
  const wishes = wishesOf(columns, batch)
  const asAsked = [...wishes].every(([entry, { place }]) => shown[place]?.[0] === entry)
  if (asAsked) return UNTOUCHED
  return edited(
    ...orderEdits(merge, movesTo(placedOf(entries), rowSequence(columns, rowsOf(merge, columns, shown), wishes), wishes)),
  )
}

function orderEdits(merge: EntryMerge, moves: ReadonlyMap<string, string>): RowEdit[] {
  return [...moves].map(([entry, order]) => keyEdit({ ...merge, entry }, 'order', order))
}

function orderColumns(rule: EntryRule): OrderColumns | undefined {
  if (rule.rule !== 'child' || rule.order === undefined) return undefined
  return { table: rule.table, id: rule.id, order: rule.order }
}

function batchOf({ batch, change }: RowMerge) {
  return batch?.includes(change) ? batch : [change]
}

/** The rows as their writer saw them, or as the document has them where none were ever written. */
function rowsOf(
  { base, rule }: EntryMerge,
  columns: OrderColumns,
  entries: readonly (readonly [string, ReadRegisters])[],
): readonly Row[] {
  const held = base?.[rule.table]
  if (Array.isArray(held)) return held
  return entries.map(([id], index) => ({ [columns.id]: id, [columns.order]: index }))
}

function placedOf(entries: readonly (readonly [string, ReadRegisters])[]): readonly Placed[] {
  return entries.map(([id, { order }]): Placed => [id, typeof order === 'string' ? order : undefined])
}

function idColumn(rule: EntryRule): string {
  return rule.rule === 'child' ? rule.id : rule.other
}
