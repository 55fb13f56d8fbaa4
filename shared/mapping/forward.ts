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
import { type Columns, CUSTOM_FIELD, own, type RecordType } from '../schema/record-type.ts'
import type { Scalar } from '../schema/register.ts'
import { checkMember } from '../schema/validate-content.ts'
import { checkCustom, checkRegister } from '../schema/value-rules.ts'
import { instantCodec, outboundTextCodec, registerCodec, textCodec } from './codecs.ts'
import { flowsOut } from './flow.ts'
import { type ColumnRule, isTableRule, type MainRule, type TableRule } from './mapping.ts'
import type { Cell, Plan, PlanTable, Projection, Row } from './plan.ts'

export interface Source {
  readonly key: RecordKey
  /** Of the newest entry that the document holds. */
  readonly sequence: number
  readonly document: Y.Doc
}

interface Run extends Source {
  readonly type: RecordType
  readonly misfits: (readonly string[])[]
}

type NamedCell = readonly [column: string, cell: Cell]

export function forward(plan: Plan, source: Source): Projection {
  const run: Run = { ...source, type: plan.type, misfits: [] }
  const { rules, identity } = plan.mapping
  const columns = rules.filter((rule) => !isTableRule(rule)).filter((rule) => flowsOut(rule, plan.type))
  const main = rowOf([...recordCells(identity, run), ...mainCells(columns, plan.main, run)])
  const children = plan.children.map((table): [string, readonly Row[]] => {
    const rule = rules.filter(isTableRule).find((one) => one.table === table.name)
    return [table.name, rule === undefined ? [] : childRows(rule, table, run)]
  })
  return { main, children: Object.fromEntries(children), misfits: run.misfits }
}

function mainCells(rules: readonly MainRule[], table: PlanTable, run: Run): NamedCell[] {
  const fields = readFields(run.type, run.document)
  const meta = readMeta(run.document)
  const field = registerCell(run.type.fields, table)
  return rules.map((rule): NamedCell => {
    switch (rule.rule) {
      case 'text':
        return [rule.column, textCell(rule.root, run)]
      case 'custom':
        return [rule.column, customCell(fields, run)]
      case 'lifecycle':
        return [rule.column, instantCell('deletedAt', meta.deletedAt, run)]
      case 'system':
        if (rule.source === 'sequence') return [rule.column, run.sequence]
        if (rule.source === 'createdAt') return [rule.column, instantCell('createdAt', meta.createdAt, run)]
        return [rule.column, meta.createdBy === null ? null : (outboundTextCodec.encode(meta.createdBy) ?? null)]
      default:
        return [rule.column, field(rule, fields, ['fields'], run)]
    }
  })
}

function childRows(rule: TableRule, table: PlanTable, run: Run): Row[] {
  const root = own(run.type.roots, rule.root)
  const map = run.document.getMap(rule.root)
  const record = recordCells(rule.parent, run)
  if (rule.rule === 'members') {
    if (root?.kind !== 'set') return []
    const members = Object.keys(readMembers(map))
    const valid = members.filter((member) => checkMember(root, member) === undefined)
    const kept = valid.slice(0, root.maxMembers)
    // By the root's name alone: a member that does not fit may be of any length, and hold what no row can.
    if (kept.length < members.length) run.misfits.push([rule.root])
    return kept.map((member) => rowOf([...record, [rule.member, member]]))
  }
  if (root?.kind !== 'collection') return []
  const column = registerCell(root.columns, table)
  const entries = readEntries(root, map)
  if (entries.length > root.maxEntries) run.misfits.push([rule.root])
  const columns = rule.columns.filter((one) => flowsOut(one, run.type))
  return entries.slice(0, root.maxEntries).map(([entry, values], index) => {
    const id = rule.rule === 'child' ? rule.id : rule.other
    const order: NamedCell[] = rule.rule === 'child' && rule.order !== undefined ? [[rule.order, index]] : []
    const cells = columns.map((one): NamedCell => [one.column, column(one, values, [rule.root, entry], run)])
    return rowOf([...record, [id, entry], ...order, ...cells])
  })
}

/** How the registers of one place stand in one table. */
function registerCell(registers: Columns, table: PlanTable) {
  const types = new Map(table.columns.map((column) => [column.name, column.type]))
  return (rule: ColumnRule, values: ReadRegisters, path: readonly string[], run: Run): Cell => {
    if (rule.rule === 'const') return rule.value
    const value = own(values, rule.field)
    if (value === undefined) return null
    const register = own(registers, rule.field)
    const fits = register !== undefined && checkRegister(register, value) === undefined
    const codec = fits ? registerCodec(register.kind, types.get(rule.column) ?? '') : undefined
    const cell = codec?.encode(rule.rule === 'enum' ? (own(rule.values ?? {}, String(value)) ?? value) : value)
    if (cell === undefined) run.misfits.push([...path, rule.field])
    return cell ?? null
  }
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
