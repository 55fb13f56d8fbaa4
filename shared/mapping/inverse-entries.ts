/**
 * Rows of entries on their way back: a collection's child table, or a join table. A new row is a new entry or brings a deleted one back
 * with all that was written into it; a row that is gone marks its entry deleted; a change of a row whose entry was deleted meanwhile is
 * written into the entry, and shows if somebody restores it.
 */

import type * as Y from 'yjs'
import { entryKey, parseEntryId } from '../schema/layout.ts'
import { type ReadRegisters, readEntries, scalarOf } from '../schema/read-content.ts'
import { type CollectionRoot, own } from '../schema/record-type.ts'
import { textOf } from './cell-text.ts'
import type { ColumnsPlace } from './columns-place.ts'
import { columnInverse } from './inverse-columns.ts'
import { columnOfField, type TableRule } from './mapping.ts'
import type { Bindings, Row } from './plan.ts'
import { refusalOf } from './refusal-reasons.ts'
import { edited, type Inverse, type RowEdit, type RowMerge, type RowRefusal, refused, together, UNTOUCHED } from './row-edit.ts'
import { movesTo, type OrderColumns, type Placed, rowSequence, wishesOf } from './row-order.ts'

type EntryRule = Extract<TableRule, { readonly rule: 'child' | 'link' }>

/** `bindings`: those of a slot that shows the entry; child rows have none. */
type RowOrSlotMerge = RowMerge & { readonly bindings?: Bindings }

interface EntryMerge extends RowOrSlotMerge {
  readonly rule: EntryRule
  readonly root: CollectionRoot
  readonly map: Y.Map<unknown>
  readonly entry: string
}

export function entryInverse(merge: RowOrSlotMerge, rule: EntryRule): Inverse {
  const root = own(merge.plan.type.roots, rule.root)
  if (root?.kind !== 'collection') return UNTOUCHED
  const id = idColumn(rule)
  const entry = parseEntryId(textOf((merge.change.operation === 'delete' ? merge.before : merge.after)[id]))
  if (entry === undefined) return refused(refusalOf(id, undefined, 'shape', 'is not 1 to 128 letters, digits, - and _'))
  const map = merge.document.getMap(rule.root)
  const one: EntryMerge = { ...merge, rule, root, map, entry }
  const isShown = isThere(one) && !isDeleted(one)
  switch (merge.change.operation) {
    case 'delete':
      return isShown ? edited(keyEdit(one, 'deleted', true)) : UNTOUCHED
    case 'insert':
      return isShown ? columnsOf(one) : beginning(one)
    case 'update':
      return isKnown(one) ? staying(one, changing(one)) : beginning(one)
    default:
      return merge.change.operation satisfies never
  }
}

/** An entry exists as long as it has any value or an order. */
function isThere(merge: EntryMerge): boolean {
  return namesOf(merge).some((name) => holds(merge, name))
}

/** As records are read: an order is a string, and anything else is none. */
function holds({ map, entry }: EntryMerge, name: string): boolean {
  const value = map.get(entryKey(entry, name))
  return name === 'order' ? typeof value === 'string' : scalarOf(value) !== undefined
}

/** Whether there is, or ever was, anything in it. */
function isKnown(merge: EntryMerge): boolean {
  return namesOf(merge).some((name) => merge.map.has(entryKey(merge.entry, name)))
}

function namesOf({ root }: EntryMerge): readonly string[] {
  return ['order', ...Object.keys(root.columns)]
}

function isDeleted({ map, entry }: EntryMerge): boolean {
  return map.get(entryKey(entry, 'deleted')) === true
}

/** Of an entry that the record does not show. What its row does not say stays as it was when the entry was deleted. */
function beginning(merge: EntryMerge): Inverse {
  const { root, map, entry, rule } = merge
  const entries = readEntries(root, map, true)
  const shown = entries.filter(([id]) => map.get(entryKey(id, 'deleted')) !== true).length
  if (shown >= root.maxEntries) return refused(refusalOf(idColumn(rule), [rule.root, entry], 'length', tooMany(merge)))
  // Whether or not the database knows a row from before: the record has nothing to compare it with.
  const { edits, refusals } = columnsOf({ ...merge, before: {} })
  const missing = missingIn(merge, edits, refusals)
  if (missing !== undefined) return refused(...refusals, ...missing)
  // A row of which nothing fits would be an entry without anything in it.
  const isEmpty = edits.length === 0 && refusals.length > 0 && rule.rule === 'child' && !isThere(merge)
  if (isEmpty) return refused(...refusals)
  const lifted = isDeleted(merge) ? [keyEdit(merge, 'deleted', null)] : []
  return { edits: [...lifted, ...namingEdits(merge), ...placing(merge, entries), ...edits], refusals }
}

/** An entry that was emptied has a place again with its first value, and not before. */
function changing(merge: EntryMerge): Inverse {
  const columns = columnsOf(merge)
  const isThereAgain = columns.edits.length > 0 && !isThere(merge)
  return together([columns, reordering(merge, isThereAgain)])
}

/** A row whose last value is cleared is still a row. */
function staying(merge: EntryMerge, inverse: Inverse): Inverse {
  const { root, map, entry, rule, after } = merge
  const isLeft = namesOf(merge).some((name) => {
    const isEdited = inverse.edits.some(({ path }) => path[1] === entry && path[2] === name)
    if (!isEdited) return holds(merge, name)
    const cleared = rule.columns.some(
      (one) => 'field' in one && one.field === name && 'column' in one && (after[one.column] ?? null) === null,
    )
    return !cleared
  })
  if (isLeft || !isThere(merge)) return inverse
  return { ...inverse, edits: [...inverse.edits, ...lastPlace(merge, readEntries(root, map, true))] }
}

function tooMany({ root, rule }: EntryMerge): string {
  return `would be one more than the ${root.maxEntries} that ${rule.root} may have`
}

function namingEdits(merge: EntryMerge): RowEdit[] {
  const { root, map, entry } = merge
  if (root.keyedBy === undefined || map.get(entryKey(entry, root.keyedBy)) === entry) return []
  return [keyEdit(merge, root.keyedBy, entry)]
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
    const column = columnOfField(rule.columns, name) ?? idColumn(rule)
    return refusalOf(
      column,
      [rule.root, entry, name],
      'kind',
      `may not be empty: no entry of ${rule.root} begins without ${name}`,
    )
  })
}

function columnsOf(merge: EntryMerge): Inverse {
  const { rule, root, entry } = merge
  const key = (name: string) => entryKey(entry, name)
  const place: ColumnsPlace = {
    registers: root.columns,
    root: rule.root,
    key,
    path: [rule.root, entry],
    bindings: merge.bindings ?? {},
  }
  return together(rule.columns.map((column) => columnInverse(merge, column, place)))
}

function keyEdit({ rule, entry }: EntryMerge, column: string, value: string | boolean | null): RowEdit {
  return {
    path: [rule.root, entry, column],
    unseen: false,
    write: (document) => document.getMap(rule.root).set(entryKey(entry, column), value),
  }
}

/** Where a new entry stands, or one that comes back and says where. */
function placing(merge: EntryMerge, entries: readonly (readonly [string, ReadRegisters])[]): RowEdit[] {
  const { entry, rule, change, after } = merge
  const columns = orderColumns(rule)
  const wish = columns && wishesOf(columns, [{ table: change.table, operation: 'insert', after }]).get(entry)
  if (columns === undefined || wish === undefined || wish.place === Number.POSITIVE_INFINITY) {
    return isThere(merge) ? [] : lastPlace(merge, entries)
  }
  // Others of the batch have a place among the rows, and move by themselves.
  const sequence = rowSequence(columns, rowsOf(merge, columns, entries), wishesOf(columns, batchOf(merge)))
  return orderEdits(merge, movesTo(placedWith(merge, entries), sequence, new Map([[entry, wish]])))
}

function lastPlace(merge: EntryMerge, entries: readonly (readonly [string, ReadRegisters])[]): RowEdit[] {
  const wish = { place: Number.POSITIVE_INFINITY, tie: 1 as const }
  return orderEdits(merge, movesTo(placedWith(merge, entries), [merge.entry], new Map([[merge.entry, wish]])))
}

/** A new entry stands last, without a key. */
function placedWith({ entry }: EntryMerge, entries: readonly (readonly [string, ReadRegisters])[]): readonly Placed[] {
  const placed = placedOf(entries)
  return placed.some(([id]) => id === entry) ? placed : [...placed, [entry, undefined]]
}

/** The order of rows is settled with the last of them that says something of it. */
function reordering(merge: EntryMerge, isThereAgain: boolean): Inverse {
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
  const placed = isThereAgain ? placedWith(merge, entries) : placedOf(entries)
  return edited(...orderEdits(merge, movesTo(placed, rowSequence(columns, rowsOf(merge, columns, shown), wishes), wishes)))
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
