/**
 * The laws of writable tables on every rule that there is: over the mappings that ship, and over mappings, record types and documents that
 * nobody wrote by hand. A row is captured from one state of a document, changed, and absorbed by a later one.
 */

import { instantCodec, textCodec } from '@rapport/shared/mapping/codecs.ts'
import { columnCodec, columnType } from '@rapport/shared/mapping/column-codec.ts'
import { directionOf } from '@rapport/shared/mapping/flow.ts'
import { inverse } from '@rapport/shared/mapping/inverse.ts'
import { type ColumnRule, isTableRule, type MainRule } from '@rapport/shared/mapping/mapping.ts'
import type { Cell, Plan, PlanTable, Projection, Row } from '@rapport/shared/mapping/plan.ts'
import type { RowChange, RowOperation } from '@rapport/shared/mapping/row-change.ts'
import type { Inverse } from '@rapport/shared/mapping/row-edit.ts'
import { pathOfKey } from '@rapport/shared/schema/key-rules.ts'
import { materialise, rootKinds } from '@rapport/shared/schema/layout.ts'
import { type Columns, own } from '@rapport/shared/schema/record-type.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { compileShipped } from '../../../drizzle/mappings/mappings.ts'
import { ENTRIES, MEMBERS, type RandomMapping, randomMappings, shown, type Write, writesInto } from './random-mapping.ts'
import { key, NOW, projected, shadowOf } from './row-stage.ts'
import { cellsOf, spellingsOf, valuesOf } from './values.ts'

const shipped = compileShipped().map((plan) => shown(plan, plan))
const mappings = { 'the mappings that ship': fc.constantFrom(...shipped), 'random mappings': randomMappings }

type Draw = <T>(arbitrary: fc.Arbitrary<T>) => T

/** A mapping, a document as the writer's row shows it, and the same document later. */
interface Scene extends RandomMapping {
  readonly draw: Draw
  readonly seen: Y.Doc
  readonly later: Y.Doc
}

function documentOf(...writes: readonly Write[][]): Y.Doc {
  const document = new Y.Doc()
  document.clientID = 1
  for (const write of writes.flat()) write(document)
  return document
}

function law(scenes: fc.Arbitrary<RandomMapping>, moves: boolean, holds: (scene: Scene) => void): void {
  fc.assert(
    fc.property(scenes, fc.gen(), (mapping, gen) => {
      const draw: Draw = (arbitrary) => gen(() => arbitrary)
      const first = draw(writesInto(mapping.plan.type))
      const second = moves ? draw(writesInto(mapping.plan.type)) : []
      holds({ ...mapping, draw, seen: documentOf(first), later: documentOf(first, second) })
    }),
    // Shrinking what is drawn on the way takes more memory than it saves time: the seed is enough.
    { numRuns: 250, endOnFailure: true },
  )
}

function rulesOf(plan: Plan, table: string): readonly (ColumnRule | MainRule)[] {
  if (table === plan.main.name) return plan.mapping.rules.filter((rule) => !isTableRule(rule))
  const rule = plan.mapping.rules.filter(isTableRule).find((one) => one.table === table)
  return rule === undefined || rule.rule === 'members' ? [] : rule.columns
}

function tableOf(plan: Plan, name: string): PlanTable {
  const table = [plan.main, ...plan.children].find((one) => one.name === name)
  if (table === undefined) throw new Error('there is no such table')
  return table
}

function registersOf(plan: Plan, table: string): Columns {
  const rule = plan.mapping.rules.filter(isTableRule).find((one) => one.table === table)
  const root = rule === undefined ? undefined : own(plan.type.roots, rule.root)
  return table === plan.main.name ? plan.type.fields : root?.kind === 'collection' ? root.columns : {}
}

/** Whether two cells are one value to the rule. */
function isSame(plan: Plan, table: string, rule: ColumnRule | MainRule, one: Cell | undefined, other: Cell | undefined): boolean {
  if (rule.rule === 'text') return textCodec.equals(one, other)
  if (rule.rule === 'lifecycle') return instantCodec.equals(one, other)
  if ('field' in rule && 'column' in rule) {
    const register = own(registersOf(plan, table), rule.field)
    const codec = register && columnCodec(rule, register, columnType(tableOf(plan, table), rule.column))
    return codec?.equals(one, other) ?? false
  }
  const plain = (cell: Cell | undefined) => JSON.stringify(cell === undefined || cell === '' ? null : cell)
  return typeof one === 'object' || typeof other === 'object' ? sameNames(one, other) : plain(one) === plain(other)
}

function sameNames(one: Cell | undefined, other: Cell | undefined): boolean {
  const sorted = (cell: Cell | undefined) => JSON.stringify(Object.entries(cell ?? {}).sort())
  return sorted(one) === sorted(other)
}

/** The row as the database captures it: the columns of the mapping, in one of the spellings. */
function captured({ draw, plan }: Scene, table: string, row: Row): Row {
  const { columns, inbound } = tableOf(plan, table)
  return Object.fromEntries(
    [...columns, ...inbound].map(({ name, type }): [string, Cell] => [name, draw(spellingsOf(type)(row[name] ?? null))]),
  )
}

/** A cell that somebody writes into the column of a rule: often one that means something, sometimes not. */
function writtenCells(plan: Plan, table: string, rule: ColumnRule | MainRule): fc.Arbitrary<Cell> {
  if (rule.rule === 'text') return fc.constantFrom<Cell>(null, '', 'one two', 'one Zoë 😀 two', 'x'.repeat(61))
  if (rule.rule === 'custom') {
    const value = fc.oneof(fc.constantFrom('text', true, 'y'.repeat(4001)), fc.integer())
    const named = fc.dictionary(fc.constantFrom('x_a', 'x_b', 'x_c', 'f0', 'Not x'), value)
    return fc.oneof(
      fc.constant(null),
      named.map((one): Cell => Object.fromEntries(Object.entries(one))),
    )
  }
  const type = 'column' in rule ? columnType(tableOf(plan, table), rule.column) : ''
  const any = fc.oneof({ weight: 1, arbitrary: fc.constant(null) }, { weight: 2, arbitrary: cellsOf(type) })
  if (!('field' in rule)) return any
  const register = own(registersOf(plan, table), rule.field)
  const codec = register && columnCodec(rule, register, type)
  if (register === undefined || codec === undefined) return any
  const fitting = valuesOf(register)
    .map((value) => codec.encode(value) ?? null)
    .chain(spellingsOf(type))
  return fc.oneof({ weight: 1, arbitrary: any }, { weight: 3, arbitrary: fitting })
}

/** A change of one row that the writer could have made who saw the document as it was. */
function changeIn(scene: Scene): RowChange {
  const { draw, plan, view, seen } = scene
  const rows = projected(view, seen)
  const name = draw(fc.constantFrom(plan.main.name, plan.main.name, ...plan.children.map((table) => table.name)))
  const rule = plan.mapping.rules.filter(isTableRule).find((one) => one.table === name)
  const held = name === plan.main.name ? [rows.main] : (rows.children[name] ?? [])
  const operations: RowOperation[] = held.length === 0 ? ['insert'] : ['update', 'update', 'update', 'insert', 'delete']
  const operation = draw(fc.constantFrom(...operations))
  const row = held[draw(fc.nat(Math.max(held.length - 1, 0)))] ?? {}
  const before = captured(scene, name, row)
  if (operation === 'delete') return { table: name, operation, before }
  const after: Record<string, Cell> = operation === 'insert' ? {} : { ...before }
  for (const one of draw(fc.subarray([...rulesOf(plan, name)]))) {
    if ('column' in one && directionOf(one, plan.type) !== 'off') after[one.column] = draw(writtenCells(view, name, one))
  }
  if (rule?.rule === 'child' && rule.order !== undefined && draw(fc.boolean()))
    after[rule.order] = draw(fc.constantFrom(null, -1, 0, 1, 2, 9))
  if (operation === 'update') return { table: name, operation, before, after }
  const id = rule?.rule === 'members' ? rule.member : rule?.rule === 'child' ? rule.id : rule?.rule === 'link' ? rule.other : ''
  if (id !== '') after[id] = draw(fc.constantFrom(...(rule?.rule === 'members' ? MEMBERS : ENTRIES)))
  return { table: name, operation, after }
}

function absorbed({ plan, seen, view }: Scene, document: Y.Doc, change: RowChange): Inverse {
  materialise(plan.type, document)
  const base = shadowOf(projected(view, seen))
  const result = inverse(plan, { key: { ...key, type: plan.type.name }, document, base, now: NOW }, change)
  document.transact(() => {
    for (const edit of result.edits) edit.write(document)
  })
  return result
}

/** Every place that holds anything, by its path as text. */
function placesIn(plan: Plan, document: Y.Doc): ReadonlyMap<string, unknown> {
  const places = new Map<string, unknown>()
  for (const [root, kind] of rootKinds(plan.type)) {
    if (kind === 'text') places.set(root, document.getText(root).toString())
    else if (kind === 'xml') places.set(root, document.getXmlFragment(root).toString())
    else for (const [name, held] of document.getMap(root)) places.set(pathOfKey(plan.type, root, name).join('/'), held)
  }
  return places
}

function changedPlaces(plan: Plan, before: ReadonlyMap<string, unknown>, document: Y.Doc): readonly string[] {
  const after = placesIn(plan, document)
  const names = new Set([...before.keys(), ...after.keys()])
  return [...names].filter((name) => (before.get(name) ?? null) !== (after.get(name) ?? null)).sort()
}

const pathsOf = ({ edits }: Inverse): readonly string[] => edits.map(({ path }) => path.join('/'))

function keyOf(plan: Plan, { table, before, after }: RowChange): string {
  const id = tableOf(plan, table).key.at(-1) ?? ''
  return String((after ?? before)?.[id])
}

function rowIn(plan: Plan, projection: Projection, change: RowChange): Row | undefined {
  if (change.table === plan.main.name) return projection.main
  const id = tableOf(plan, change.table).key.at(-1) ?? ''
  return projection.children[change.table]?.find((row) => row[id] === keyOf(plan, change))
}

/** Whether the record, or the entry, holds anything, or did before somebody emptied it. */
function wasWritten(plan: Plan, document: Y.Doc, change: RowChange): boolean {
  if (change.table === plan.main.name) return document.store.clients.size > 0
  const rule = plan.mapping.rules.filter(isTableRule).find((one) => one.table === change.table)
  const entry = keyOf(plan, change)
  const names = [...document.getMap(rule?.root ?? '').keys()]
  return names.some((name) => name.startsWith(`${entry}/`) && name !== `${entry}/deleted`)
}

/** The column that says where a row of the table stands, if it has one. */
const orderOf = (plan: Plan, table: string): string | undefined => {
  const rule = plan.mapping.rules.filter(isTableRule).find((one) => one.table === table)
  return rule?.rule === 'child' ? rule.order : undefined
}

describe.each(Object.entries(mappings))('P7: %s', (_, scenes) => {
  it('GetPut: a row that did not change is no edit, whatever became of its record, and however it is spelt', () => {
    law(scenes, true, (scene) => {
      const rows = projected(scene.view, scene.seen)
      const tables = [[scene.plan.main.name, [rows.main]] as const, ...Object.entries(rows.children)]
      for (const [table, held] of tables) {
        for (const row of held) {
          const change: RowChange = {
            table,
            operation: 'update',
            before: captured(scene, table, row),
            after: captured(scene, table, row),
          }
          if (scene.later.store.clients.size === 0 || rowIn(scene.view, projected(scene.view, scene.later), change) === undefined)
            continue
          expect(absorbed(scene, scene.later, change)).toEqual({ edits: [], refusals: [] })
        }
      }
    })
  })

  it('PutGet: the record shows what its row was changed to, but for the columns that were refused, and nothing else changed', () => {
    law(scenes, true, (scene) => {
      const { plan, view, later } = scene
      const change = changeIn(scene)
      const isKnown = wasWritten(plan, later, change)
      const was = projected(view, later)
      const result = absorbed(scene, later, change)
      const is = projected(view, later)
      const refused = new Set(result.refusals.map(({ column }) => column))
      if (change.table !== plan.main.name) expect({ ...is.main, sequence: 0 }).toEqual({ ...was.main, sequence: 0 })
      for (const { name } of plan.children) if (name !== change.table) expect(is.children[name]).toEqual(was.children[name])
      if (change.operation === 'delete') {
        if (change.table !== plan.main.name) expect(rowIn(view, is, change)).toBeUndefined()
        return
      }
      if (result.edits.length === 0) return expect(is).toEqual(was)
      const row = rowIn(view, is, change)
      // Of a collection with more entries than it may have, rows show the first ones; an entry that was emptied stands last.
      if (row === undefined && is.misfits.some((path) => path.length === 1)) return
      // Of an entry that was deleted meanwhile there is no row to compare with.
      if (row === undefined) return expect(rowIn(view, was, change)).toBeUndefined()
      const old = rowIn(view, was, change)
      const begins = change.operation === 'insert' || !isKnown
      const before = begins ? {} : change.before
      for (const rule of rulesOf(plan, change.table)) {
        if (!('column' in rule) || rule.rule === 'system' || rule.rule === 'const' || rule.rule === 'custom') continue
        const { column } = rule
        const same = (one: Cell | undefined, other: Cell | undefined): boolean => isSame(view, change.table, rule, one, other)
        const direction = directionOf(rule, plan.type)
        const asked = !same(before?.[column], change.after?.[column]) && direction !== 'off'
        const merged = rule.rule === 'text' && rule.authority !== 'target' && !same(before?.[column], old?.[column])
        const isRestored = rule.rule === 'lifecycle' && change.operation === 'insert'
        const twice = rule.rule === 'lifecycle' && (old?.[column] ?? null) !== null && (before?.[column] ?? null) === null
        if (merged || isRestored || twice) continue
        const wanted = asked && !refused.has(column) ? change.after?.[column] : old === undefined ? row[column] : old[column]
        expect([column, wanted, row[column], same(wanted, row[column])]).toEqual([column, wanted, row[column], true])
      }
    })
  })

  it('locality: an edit writes its own place, and there is none of a column that did not change', () => {
    law(scenes, true, (scene) => {
      const { plan, later } = scene
      const change = changeIn(scene)
      materialise(plan.type, later)
      const before = placesIn(plan, later)
      const existed = later.store.clients.size > 0
      const result = absorbed(scene, later, change)
      const paths = [...pathsOf(result)].sort()
      expect(new Set(paths).size).toBe(paths.length)
      // A record begins with a note of its own that it is not deleted, which is as good as none.
      expect(changedPlaces(plan, before, later)).toEqual(
        paths.filter((path) => existed || path !== 'meta/deletedAt' || later.getMap('meta').get('deletedAt') !== null),
      )
      if (change.operation !== 'update' || !existed) return
      const changed = rulesOf(plan, change.table).flatMap((rule) => {
        if (!('column' in rule) || JSON.stringify(change.before?.[rule.column]) === JSON.stringify(change.after?.[rule.column]))
          return []
        return 'field' in rule
          ? [rule.field]
          : rule.rule === 'text'
            ? [rule.root]
            : rule.rule === 'lifecycle'
              ? ['deletedAt']
              : ['x_a', 'x_b', 'x_c']
      })
      const order = orderOf(plan, change.table)
      const whole = rowIn(scene.view, projected(scene.view, scene.seen), change) === undefined
      for (const path of paths) {
        const last = path.split('/').at(-1) ?? ''
        if (last !== 'order' && !whole && before.has(path)) expect(changed).toContain(last)
        if (last === 'order' && order !== undefined)
          expect(change.before?.[order] !== change.after?.[order] || !before.has(path)).toBe(true)
      }
    })
  })

  it('says nothing twice: a statement that comes ten times is absorbed once', () => {
    law(scenes, true, (scene) => {
      const { plan, view, seen, later } = scene
      const change = changeIn(scene)
      const old = projected(view, later).main
      absorbed(scene, later, change)
      const texts = rulesOf(plan, change.table).filter((rule) => rule.rule === 'text')
      // Texts that were merged show more than the writer's, and his words once more would be new ones.
      if (texts.some(({ column }) => !textCodec.equals(projected(view, seen).main[column], old[column]))) return
      for (let echo = 0; echo < 10; echo += 1) expect(pathsOf(absorbed(scene, later, change))).toEqual([])
    })
  })

  it('says nothing that the record says already', () => {
    law(scenes, true, (scene) => {
      const { plan, view, later } = scene
      const { main } = projected(view, later)
      if (later.store.clients.size === 0) return
      const after = captured(scene, plan.main.name, main)
      const before: Record<string, Cell> = { ...after }
      for (const rule of rulesOf(plan, plan.main.name)) {
        if ('column' in rule) before[rule.column] = scene.draw(writtenCells(view, plan.main.name, rule))
      }
      expect(absorbed(scene, later, { table: plan.main.name, operation: 'update', before, after })).toEqual({
        edits: [],
        refusals: [],
      })
    })
  })

  it('P10: never throws, whatever stands in a row, changes nothing by itself, and names no value in a reason', () => {
    law(scenes, true, (scene) => {
      const { plan, view, draw, later } = scene
      const change = changeIn(scene)
      const strange = fc.oneof(fc.jsonValue(), fc.constant('a SECRET'), fc.constant({ x_a: 'a SECRET', 'a SECRET': 1 }))
      const strangely = (row: Row | undefined): Row =>
        Object.fromEntries(Object.keys(row ?? {}).map((name) => [name, draw(strange) as Cell]))
      const { columns } = tableOf(view, change.table)
      const named = Object.fromEntries(columns.map(({ name }): [string, Cell] => [name, null]))
      const odd: RowChange = { ...change, before: strangely(change.before ?? named), after: strangely(change.after ?? named) }
      materialise(plan.type, later)
      const state = Y.encodeStateAsUpdate(later)
      const { refusals } = inverse(
        plan,
        { key: { ...key, type: plan.type.name }, document: later, base: undefined, now: NOW },
        odd,
      )
      expect(Y.encodeStateAsUpdate(later)).toEqual(state)
      for (const { reason } of refusals) expect(reason).not.toContain('SECRET')
      absorbed(scene, later, odd)
    })
  })
})
