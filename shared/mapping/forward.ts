/**
 * A record's document as rows (P6): a pure function of the plan, the record's name and sequence, and what the document holds. Never
 * throws: a document holds whatever a client wrote, and what fits no declaration or no column reads as NULL and is named. No table gets
 * more rows of a record than its root may have members or entries, so that no record is work without end.
 */
import type * as Y from 'yjs'
import type { RecordKey } from '../ids.ts'
import { readMeta } from '../schema/layout.ts'
import { plainTextOf } from '../schema/plain-text.ts'
import { type ReadRegisters, readEntries, readFields, readMembers } from '../schema/read-content.ts'
import { type CollectionRoot, CUSTOM_FIELD, own, type RecordType } from '../schema/record-type.ts'
import type { Scalar } from '../schema/register.ts'
import { checkMember } from '../schema/validate-content.ts'
import { checkCustom } from '../schema/value-rules.ts'
import { instantCodec, outboundTextCodec, textCodec } from './codecs.ts'
import { cellReader, type NamedCell } from './column-cells.ts'
import { flowsOut } from './flow.ts'
import { judge } from './guards.ts'
import { isTableRule, type MainRule, type SlotsRule, type TableSource, tableSource } from './mapping.ts'
import type { Cell, CellObject, Plan, PlanTable, Projection, Row } from './plan.ts'
import { assignSlots, fittingValues, type ReadEntry, slotColumns, slotName } from './slots.ts'

export interface Source {
  readonly key: RecordKey
  /** Of the newest entry that the document holds. */
  readonly sequence: number
  readonly document: Y.Doc
}

interface Run extends Source {
  readonly type: RecordType
  readonly misfits: (readonly string[])[]
  readonly bindings: Map<string, string>
  /** Why the rows may not be written. */
  readonly blocks: string[]
}

export function forward(plan: Plan, source: Source): Projection {
  const run: Run = { ...source, type: plan.type, misfits: [], bindings: new Map(), blocks: [] }
  const { rules, identity } = plan.mapping
  const columns = rules.filter((rule) => !isTableRule(rule)).filter((rule) => flowsOut(rule, plan.type))
  const main = [...recordCells(identity, run), ...mainCells(columns, plan.main, run)]
  const sources = rules.flatMap((rule) => tableSource(rule) ?? [])
  const children = plan.children.map((table): [string, readonly Row[]] => {
    const filling = sources.find(({ rule }) => rule.table === table.name)
    return [table.name, filling === undefined ? [] : childRows(filling, table, run)]
  })
  const { blocked = run.blocks[0], withheld, messages } = judge(plan, source.document)
  return {
    main: rowOf(main.map(([column, cell]) => [column, withheld.has(column) ? null : cell])),
    children: Object.fromEntries(children),
    misfits: [...run.misfits, ...messages.map((message) => ['guards', message])],
    ...(run.bindings.size > 0 && { bindings: Object.fromEntries(run.bindings) }),
    ...(blocked !== undefined && { blocked }),
  }
}

function mainCells(rules: readonly MainRule[], table: PlanTable, run: Run): readonly NamedCell[] {
  const fields = readFields(run.type, run.document)
  const meta = readMeta(run.document)
  const place = cellReader(run.type.fields, table)
  return rules.flatMap((rule): readonly NamedCell[] => {
    switch (rule.rule) {
      case 'text':
        return [[rule.column, textCell(rule.root, run)]]
      case 'custom':
        return [[rule.column, customCell(fields, run)]]
      case 'lifecycle':
        return [[rule.column, instantCell('deletedAt', meta.deletedAt, run)]]
      case 'system':
        if (rule.source === 'sequence') return [[rule.column, run.sequence]]
        if (rule.source === 'createdAt') return [[rule.column, instantCell('createdAt', meta.createdAt, run)]]
        return [[rule.column, meta.createdBy === null ? null : (outboundTextCodec.encode(meta.createdBy) ?? null)]]
      case 'slots':
        return slotCells(rule, table, run)
      default:
        return place.cells(rule, fields, ['fields'], run)
    }
  })
}

function slotCells(rule: SlotsRule, table: PlanTable, run: Run): readonly NamedCell[] {
  const root = own(run.type.roots, rule.root)
  if (root?.kind !== 'collection') return []
  const place = cellReader(root.columns, table)
  const { shown, rest } = assignSlots(rule, keptEntries(rule.root, root, run))
  const cells = rule.slots.flatMap((slot, index): readonly NamedCell[] => {
    const entry = shown[index]
    const columns = slot.columns.filter((one) => flowsOut(one, run.type))
    if (entry === undefined) return slotColumns({ columns }).map((column) => [column, null])
    run.bindings.set(slotName(slot), entry[0])
    return columns.flatMap((one) => place.cells(one, entry[1], [rule.root, entry[0]], run))
  })
  if (rule.overflow === 'refuse' && rest.length > 0)
    run.blocks.push(`There are more entries in ${rule.root} than slots for them.`)
  if (rule.overflow === 'refuse' || !('column' in rule.overflow)) return cells
  return [...cells, [rule.overflow.column, overflowCell(rule.root, root, rest, run)]]
}

/** All that the entries hold, by their ids. */
function overflowCell(name: string, root: CollectionRoot, entries: readonly ReadEntry[], run: Run): CellObject {
  return Object.fromEntries(
    entries.map(([entry, values]) => {
      const held = fittingValues(root, values)
      for (const column of Object.keys(values)) {
        if (own(held, column) === undefined && column !== 'order') run.misfits.push([name, entry, column])
      }
      return [entry, held]
    }),
  )
}

/** As many as the root may have. */
function keptEntries(name: string, root: CollectionRoot, run: Run): readonly ReadEntry[] {
  const entries = readEntries(root, run.document.getMap(name))
  if (entries.length > root.maxEntries) run.misfits.push([name])
  return entries.slice(0, root.maxEntries)
}

function childRows({ rule, slots }: TableSource, table: PlanTable, run: Run): Row[] {
  const root = own(run.type.roots, rule.root)
  const record = recordCells(rule.parent, run)
  if (rule.rule === 'members') {
    if (root?.kind !== 'set') return []
    const members = Object.keys(readMembers(run.document.getMap(rule.root)))
    const valid = members.filter((member) => checkMember(root, member) === undefined)
    const kept = valid.slice(0, root.maxMembers)
    // By the root's name alone: a member that does not fit may be of any length, and hold what no row can.
    if (kept.length < members.length) run.misfits.push([rule.root])
    return kept.map((member) => rowOf([...record, [rule.member, member]]))
  }
  if (root?.kind !== 'collection') return []
  const place = cellReader(root.columns, table)
  const kept = keptEntries(rule.root, root, run)
  const entries = slots === undefined ? kept : assignSlots(slots, kept).rest
  const columns = rule.columns.filter((one) => flowsOut(one, run.type))
  return entries.map(([entry, values], index) => {
    const id = rule.rule === 'child' ? rule.id : rule.other
    const order: NamedCell[] = rule.rule === 'child' && rule.order !== undefined ? [[rule.order, index]] : []
    const cells = columns.flatMap((one) => place.cells(one, values, [rule.root, entry], { misfits: run.misfits }))
    return rowOf([...record, [id, entry], ...order, ...cells])
  })
}

function textCell(name: string, run: Run): Cell {
  const formatted = own(run.type.roots, name)?.kind === 'richText'
  const cell = formatted
    ? outboundTextCodec.encode(plainTextOf(run.document.getXmlFragment(name)))
    : textCodec.encode(run.document.getText(name).toString())
  return cell ?? null
}

function customCell(fields: ReadRegisters, run: Run): Cell {
  const held: [string, Scalar][] = []
  for (const [name, value] of Object.entries(fields)) {
    if (!CUSTOM_FIELD.test(name) || own(run.type.fields, name) !== undefined) continue
    if (checkCustom(value) === undefined) held.push([name, value])
    else run.misfits.push(['fields', name])
  }
  return Object.fromEntries(held)
}

function instantCell(name: 'createdAt' | 'deletedAt', time: number | null, run: Run): Cell {
  const cell = time === null ? undefined : instantCodec.encode(time)
  const held = run.document.getMap('meta').get(name) ?? null
  if (cell === undefined && held !== null) run.misfits.push(['meta', name])
  return cell ?? null
}

function recordCells(columns: { readonly tenant: string; readonly id: string }, run: Run): NamedCell[] {
  return [
    [columns.tenant, run.key.tenant],
    [columns.id, run.key.id],
  ]
}

/** A column may have any name; built from entries, one that names a prototype is a column like others. */
function rowOf(cells: readonly NamedCell[]): Row {
  return Object.fromEntries(cells)
}
