/** A record of the test's own type with its rows, as a table would have them, and statements that change these rows. */
import { parseRecordId, parseTenant } from '@rapport/shared/ids.ts'
import { compileMapping } from '@rapport/shared/mapping/compile.ts'
import { forward } from '@rapport/shared/mapping/forward.ts'
import { inverse } from '@rapport/shared/mapping/inverse.ts'
import type { Cell, Plan, PlanTable, Projection, Row, Shadow } from '@rapport/shared/mapping/plan.ts'
import type { RowChange } from '@rapport/shared/mapping/row-change.ts'
import type { Inverse, InverseGround } from '@rapport/shared/mapping/row-edit.ts'
import { editorOf } from '@rapport/shared/schema/edit.ts'
import { expect } from 'vitest'
import * as Y from 'yjs'
import { mapping, tables, thing } from './things.ts'

const tenant = parseTenant('acme')
const id = parseRecordId('t-1')
if (tenant === undefined || id === undefined) throw new Error('the key of the test is malformed')
export const key = { tenant, type: 'thing', id }

export const NOW = Date.parse('2026-07-08T09:10:11Z')

export const thingPlan = compileMapping(mapping, thing, Object.values(tables))

/** A plan of which one rule says more than it did. */
export function planWhere(name: string, more: object): Plan {
  const rules = mapping.rules.map((rule) => ('column' in rule && rule.column === name ? { ...rule, ...more } : rule))
  return compileMapping({ ...mapping, rules } as typeof mapping, thing, Object.values(tables))
}

/** A document with that content. */
export function recorded(write: (editor: ReturnType<typeof editorOf<typeof thing>>) => void): Y.Doc {
  const document = new Y.Doc()
  document.clientID = 1
  write(editorOf(thing, document))
  return document
}

export function projected(plan: Plan, document: Y.Doc): Projection {
  return forward(plan, { key: { ...key, type: plan.type.name }, sequence: 3, document })
}

export function shadowOf({ main, children }: Projection): Shadow {
  return { ...main, ...children }
}

const AS_TEXT: ReadonlySet<string> = new Set(['numeric', 'bigint', 'double precision'])

/** A row as the database captures it, which spells some cells otherwise than they were written. */
export function captured(table: PlanTable, row: Row): Row {
  const types = new Map([...table.columns, ...table.inbound].map((one) => [one.name, one.type]))
  return Object.fromEntries(Object.entries(row).map(([name, cell]) => [name, spelt(cell, types.get(name) ?? '')]))
}

function spelt(cell: Cell, type: string): Cell {
  if (cell === null) return null
  if (type === 'timestamp with time zone') return String(cell).replace(/(\.\d*?)?0*Z$/, (_, decimals = '') => `${decimals}+00:00`)
  if (type === 'numeric' && typeof cell === 'string') {
    const [whole = '', decimals = ''] = cell.split('.')
    return `${whole}.${decimals.padEnd(4, '0')}`
  }
  return AS_TEXT.has(type) ? String(cell) : cell
}

/** An update of the main row, or of one row of a child table, from what the document showed in `seen`. */
export function updateOf(plan: Plan, seen: Y.Doc, change: Row, table = plan.main.name, place = 0): RowChange {
  const { main, children } = projected(plan, seen)
  const shape = [plan.main, ...plan.children].find((one) => one.name === table)
  const row = table === plan.main.name ? main : children[table]?.[place]
  if (shape === undefined || row === undefined) throw new Error('there is no such row')
  const before = captured(shape, row)
  return { table, operation: 'update', before, after: { ...before, ...change } }
}

export function insertOf(table: string, row: Row): RowChange {
  return { table, operation: 'insert', after: row }
}

export function deleteOf(plan: Plan, seen: Y.Doc, table = plan.main.name, place = 0): RowChange {
  const { before = {} } = updateOf(plan, seen, {}, table, place)
  return { table, operation: 'delete', before }
}

/** What the change comes to, with its edits written. */
export function absorb(plan: Plan, document: Y.Doc, change: RowChange, ground: Partial<InverseGround> = {}): Inverse {
  const before = Y.encodeStateAsUpdate(document)
  const result = inverse(plan, { key: { ...key, type: plan.type.name }, document, base: undefined, now: NOW, ...ground }, change)
  expect(Y.encodeStateAsUpdate(document)).toEqual(before)
  document.transact(() => {
    for (const edit of result.edits) edit.write(document)
  })
  return result
}

/** Places of the edits, and of those that had not seen the document. */
export function placesOf({ edits }: Inverse): readonly string[] {
  return edits.map(({ path, unseen }) => path.join('/') + (unseen ? ' unseen' : ''))
}

export function refusalsOf({ refusals }: Inverse): readonly string[] {
  return refusals.map(({ code, path, reason }) => `${path?.join('/') ?? '-'} ${code}: ${reason}`)
}
