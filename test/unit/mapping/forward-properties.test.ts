/** Documents as a hostile or broken client could write them, through raw Yjs and over the wire, and the rows they become. */
import { parseRecordId, parseTenant } from '@rapport/shared/ids.ts'
import { compileMapping } from '@rapport/shared/mapping/compile.ts'
import { forward } from '@rapport/shared/mapping/forward.ts'
import { tableSource } from '@rapport/shared/mapping/mapping.ts'
import type { Cell, Plan, PlanTable, Projection, Row } from '@rapport/shared/mapping/plan.ts'
import { readContent } from '@rapport/shared/schema/read-content.ts'
import { own } from '@rapport/shared/schema/record-type.ts'
import type { Register } from '@rapport/shared/schema/register.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { compileShipped } from '../../../drizzle/mappings/mappings.ts'
import { personPlan, phoneSlots } from './people.ts'
import { mapping, tables, thing } from './things.ts'

const tenant = parseTenant('acme')
const id = parseRecordId('r-1')
if (tenant === undefined || id === undefined) throw new Error('the key of the test is malformed')

/** Integer columns of every width, so that numbers overflow. */
const narrow = {
  ...tables.things,
  columns: tables.things.columns.map((one) => (one.name === 'size' ? { ...one, type: 'smallint' } : one)),
}
/** What takes texts apart, computes, and shows entries in columns. */
const shaping = personPlan([
  { rule: 'split', field: 'fullName', columns: ['first_name', 'middle_name', 'last_name'], by: 'words@1' },
  { rule: 'merge', fields: ['firstName', 'lastName'], column: 'name', by: 'commas@1', ambiguous: 'parse' },
  { rule: 'default', field: 'points', column: 'points', value: 7 },
  { rule: 'computed', column: 'weighted', by: 'percentage@1', fields: ['amount', 'probability'] },
  { rule: 'computed', column: 'salutation', by: 'words@1', fields: ['salutation', 'stage'] },
  phoneSlots,
])
const plans = [...compileShipped(), compileMapping(mapping, thing, [narrow, tables.phones, tables.tags, tables.peers]), shaping]

/** One write into a root map, or into a text. */
type Write = readonly [root: string, key: string, value: unknown]

const hostile = fc.oneof(
  fc.anything({ maxDepth: 2 }).filter((value) => !['function', 'symbol', 'bigint'].includes(typeof value)),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -0, 2 ** 31, 2 ** 63, 1e300, 5e-324, undefined, null, 1n, true),
  fc.constantFrom('a\0b', 'lone \ud800', '\udc00', '', ' ', 'x'.repeat(70_000), '0000-01-01', '9999-12-31', '-0', '1e5', '١'),
  fc.constantFrom(
    () => new Uint8Array([1, 2]),
    () => new Y.Map([['nested', new Y.Array()]]),
    () => new Y.XmlElement('p'),
    () => new Y.Text('text'),
    () => new Y.Doc(),
  ),
  fc.constant(JSON.parse('{"__proto__": {"polluted": true}}') as object),
)

function valid(register: Register): fc.Arbitrary<unknown> {
  switch (register.kind) {
    case 'boolean':
      return fc.boolean()
    case 'number':
      return fc.oneof(fc.integer(), fc.double(), fc.integer({ min: 0, max: 100 }))
    case 'enum':
      return fc.constantFrom(...register.members)
    case 'reference':
      return fc.stringMatching(/^[A-Za-z0-9_-]{1,128}$/)
    case 'string':
      return fc.string({ unit: 'grapheme', maxLength: 12 })
    case 'date':
      return fc.constantFrom('0001-01-01', '2024-02-29', '2026-07-08', '9999-12-31')
    case 'datetime':
      return fc.constantFrom('0001-01-01T00:00:00Z', '2026-07-08T09:10:11.123456Z', '9999-12-31T23:59:59.999999Z')
    case 'money':
      return fc.constantFrom('0', '-0.00', '1250.00', '999999999999999.9999', '-1.5')
    case 'email':
      return fc.constantFrom('ada@example.com', 'x.y+z@sub.example.org')
    case 'phone':
      return fc.constantFrom('+44 20 7946 0018', '(030) 901820 ext. 5')
    case 'url':
      return fc.constantFrom('https://example.com/?q=1', 'HTTP://example.org')
    default:
      return register satisfies never
  }
}

const entryIds = ['e1', 'e2', '10', '2', 'b_-', '__proto__', 'constructor', 'not an id', '']

/** Writes at every place that the plan's type declares, and at many that it does not. */
function writesFor(plan: Plan): fc.Arbitrary<Write[]> {
  const places: (readonly [root: string, key: string, register: Register | undefined])[] = []
  for (const [field, register] of Object.entries(plan.type.fields)) places.push(['fields', field, register])
  for (const key of ['x_a', 'x_b', 'x_', 'shoeSize', '__proto__', 'toString']) places.push(['fields', key, undefined])
  for (const [name, root] of Object.entries(plan.type.roots)) {
    if (root.kind === 'set')
      for (const member of ['vip', '7', ' ', 'a\0', '__proto__', 'é']) places.push([name, member, undefined])
    if (root.kind !== 'collection') continue
    for (const entry of entryIds) {
      for (const [column, register] of Object.entries(root.columns)) places.push([name, `${entry}/${column}`, register])
      for (const column of ['order', 'order', 'deleted', 'nothing']) places.push([name, `${entry}/${column}`, undefined])
    }
  }
  for (const key of ['createdAt', 'createdBy', 'deletedAt', 'schemaVersion']) places.push(['meta', key, undefined])
  for (const root of ['summary', 'notes', 'strange']) places.push([root, 'key', undefined])
  const write = fc.constantFrom(...places).chain(([root, key, register]): fc.Arbitrary<Write> => {
    const likely = register === undefined ? fc.constantFrom('a', 'b', 'V', '1', true, 7, '2026-01-02T03:04:05Z') : valid(register)
    return fc.tuple(
      fc.constant(root),
      fc.constant(key),
      fc.oneof({ weight: 2, arbitrary: likely }, { weight: 1, arbitrary: hostile }),
    )
  })
  const typed = fc.tuple(fc.constantFrom('summary', 'notes'), fc.constant('+'), fc.string({ unit: 'binary', maxLength: 8 }))
  return fc.array(fc.oneof({ weight: 8, arbitrary: write }, { weight: 1, arbitrary: typed as fc.Arbitrary<Write> }), {
    maxLength: 60,
  })
}

const planned = fc.constantFrom(...plans).chain((plan) => fc.tuple(fc.constant(plan), writesFor(plan)))

/** What an author who wrote all that would send. */
function updateOf(writes: readonly Write[], client: number): Uint8Array {
  const author = new Y.Doc()
  author.clientID = client
  for (const [root, key, value] of writes) {
    if (key !== '+') author.getMap(`${root}`).set(key, typeof value === 'function' ? value() : value)
  }
  const second = new Y.Doc()
  second.clientID = client + 1000
  for (const [root, key, value] of writes) {
    if (key !== '+') continue
    if (root === 'summary') second.getText(root).insert(0, String(value))
    else {
      const paragraph = new Y.XmlElement('paragraph')
      second.getXmlFragment(root).insert(0, [paragraph])
      paragraph.insert(0, [new Y.XmlText(String(value))])
    }
  }
  return Y.mergeUpdates([Y.encodeStateAsUpdate(author), Y.encodeStateAsUpdate(second)])
}

function received(...updates: readonly Uint8Array[]): Y.Doc {
  const document = new Y.Doc()
  for (const update of updates) Y.applyUpdate(document, update)
  return document
}

function project(plan: Plan, document: Y.Doc): Projection {
  if (tenant === undefined || id === undefined) throw new Error('unreachable')
  return forward(plan, { key: { tenant, type: plan.type.name, id }, sequence: 3, document })
}

const INTEGERS: Readonly<Record<string, number>> = { smallint: 2 ** 15, integer: 2 ** 31, bigint: 2 ** 53 }

function storable(text: unknown): boolean {
  return typeof text === 'string' && text.isWellFormed() && !text.includes('\0')
}

/** Whether Postgres takes the cell for a column of that type, by the rules of its documentation. */
function suits(cell: Cell | undefined, type: string): boolean {
  if (cell === undefined) return false
  if (cell === null) return true
  const limit = INTEGERS[type]
  if (limit !== undefined) return Number.isInteger(cell) && Number(cell) >= -limit && Number(cell) < limit
  if (type === 'text') return storable(cell)
  if (type === 'boolean') return typeof cell === 'boolean'
  if (type === 'double precision') return typeof cell === 'number' && Number.isFinite(cell)
  if (type === 'numeric') return typeof cell === 'string' && /^-?\d{1,15}(\.\d{1,4})?$/.test(cell)
  if (type === 'date') return typeof cell === 'string' && /^\d{4}-\d\d-\d\d$/.test(cell) && !cell.startsWith('0000')
  if (type === 'timestamp with time zone') {
    return (
      typeof cell === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$/.test(cell) && !Number.isNaN(Date.parse(cell))
    )
  }
  if (type !== 'jsonb' || typeof cell !== 'object') return false
  return Object.entries(cell).every(
    ([name, value]) => /^x_[a-z0-9_]{1,60}$/.test(name) && (typeof value !== 'string' || storable(value)),
  )
}

function checkRow(row: Row, table: PlanTable): void {
  expect(Object.keys(row).sort()).toEqual(table.columns.map((column) => column.name).sort())
  for (const { name, type } of table.columns)
    expect([name, type, row[name], suits(row[name], type)]).toEqual([name, type, row[name], true])
}

/** What the declaration of the table's root allows. */
function mostRows(plan: Plan, table: PlanTable): number {
  const source = plan.mapping.rules.flatMap((rule) => tableSource(rule) ?? []).find(({ rule }) => rule.table === table.name)
  const root = own(plan.type.roots, source?.rule.root ?? '')
  if (root?.kind === 'set') return root.maxMembers
  return root?.kind === 'collection' ? root.maxEntries : 0
}

/** Ids of entries by order, then id. */
function inOrder(entries: Readonly<Record<string, Readonly<Record<string, unknown>>>>): readonly string[] {
  const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)
  const orderOf = (id: string): string => String(entries[id]?.order ?? '')
  return Object.keys(entries).sort((one, other) => compare(orderOf(one), orderOf(other)) || compare(one, other))
}

describe('P6, P10: rows of any document', () => {
  it('have exactly the columns of the plan, with cells that Postgres takes, in JSON that jsonb takes', () => {
    fc.assert(
      fc.property(planned, ([plan, writes]) => {
        const document = received(updateOf(writes, 1))
        const projection = project(plan, document)
        checkRow(projection.main, plan.main)
        expect(Object.keys(projection.children)).toEqual(plan.children.map((table) => table.name))
        for (const table of plan.children) {
          const rows = projection.children[table.name] ?? []
          for (const row of rows) checkRow(row, table)
          const keys = rows.map((row) => JSON.stringify(table.key.map((column) => row[column])))
          expect(new Set(keys).size).toBe(rows.length)
          expect(rows.length).toBeLessThanOrEqual(mostRows(plan, table))
        }
        expect(JSON.parse(JSON.stringify(projection))).toEqual(projection)
        expect(projection.misfits.flat().every(storable)).toBe(true)
        expect(({} as Record<string, unknown>).polluted).toBeUndefined()
      }),
      { numRuns: 600 },
    )
  })

  it('are the same each time, change nothing in the document, and are the same on every replica with that content', () => {
    fc.assert(
      fc.property(planned, fc.nat(60), ([plan, writes], cut) => {
        const first = updateOf(writes.slice(0, cut), 1)
        const second = updateOf(writes.slice(cut), 2)
        const [one, other] = [received(first, second), received(second, first)]
        const before = Y.encodeStateAsUpdate(one)
        const projection = project(plan, one)
        expect(project(plan, one)).toEqual(projection)
        expect(Y.encodeStateAsUpdate(one)).toEqual(before)
        expect(JSON.stringify(project(plan, other))).toBe(JSON.stringify(projection))
        expect(JSON.stringify(project(plan, received(Y.encodeStateAsUpdate(one))))).toBe(JSON.stringify(projection))
      }),
      { numRuns: 300 },
    )
  })

  it('hold every value that fits, and name every one that does not', () => {
    fc.assert(
      fc.property(planned, ([plan, writes]) => {
        const document = received(updateOf(writes, 1))
        const { main, children, misfits } = project(plan, document)
        const named = new Set(misfits.map((path) => JSON.stringify(path)))
        const content = readContent(plan.type, document)
        for (const rule of plan.mapping.rules) {
          if (rule.rule === 'field' || rule.rule === 'enum' || rule.rule === 'lookup') {
            const held = Object.hasOwn(content.fields, rule.field)
            expect(main[rule.column] !== null).toBe(held && !named.has(JSON.stringify(['fields', rule.field])))
          }
          if (rule.rule !== 'child') continue
          const entries = content[rule.root] as Readonly<Record<string, Readonly<Record<string, unknown>>>>
          const rows = children[rule.table] ?? []
          const most = own(plan.type.roots, rule.root)
          if (most?.kind !== 'collection') throw new Error('a child is no collection')
          expect(rows.map((row) => row[rule.id])).toEqual(inOrder(entries).slice(0, most.maxEntries))
          expect(named.has(JSON.stringify([rule.root]))).toBe(Object.keys(entries).length > most.maxEntries)
          for (const row of rows) {
            const entry = entries[String(row[rule.id])] ?? {}
            for (const one of rule.columns) {
              if (one.rule !== 'field' && one.rule !== 'enum' && one.rule !== 'lookup') continue
              const misfit = named.has(JSON.stringify([rule.root, row[rule.id], one.field]))
              expect(row[one.column] !== null).toBe(Object.hasOwn(entry, one.field) && !misfit)
            }
          }
        }
      }),
      { numRuns: 300 },
    )
  })

  it('leave deleted entries out, and count the others from 0 in their order', () => {
    fc.assert(
      fc.property(planned, ([plan, writes]) => {
        const document = received(updateOf(writes, 1))
        const { children } = project(plan, document)
        for (const rule of plan.mapping.rules) {
          if (rule.rule !== 'child' && rule.rule !== 'link') continue
          const map = document.getMap(rule.root)
          const rows = children[rule.table] ?? []
          const idColumn = rule.rule === 'child' ? rule.id : rule.other
          const ids = rows.map((row) => String(row[idColumn]))
          for (const one of ids) expect(map.get(`${one}/deleted`)).not.toBe(true)
          const orders = ids.map((one) => map.get(`${one}/order`)).map((order) => (typeof order === 'string' ? order : ''))
          expect(orders).toEqual([...orders].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)))
          const { order } = rule.rule === 'child' ? rule : {}
          if (order !== undefined) expect(rows.map((row) => row[order])).toEqual(rows.map((_, index) => index))
        }
      }),
      { numRuns: 300 },
    )
  })
})
