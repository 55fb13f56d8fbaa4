/** The examples of MAPPING.md, run as they stand there. */
import { readFileSync } from 'node:fs'
import { compileMapping } from '@rapport/shared/mapping/compile.ts'
import { forward } from '@rapport/shared/mapping/forward.ts'
import { inverse } from '@rapport/shared/mapping/inverse.ts'
import type { Guard, Mapping, ParentColumns, Rule } from '@rapport/shared/mapping/mapping.ts'
import type { Cell, Plan, Projection, Row } from '@rapport/shared/mapping/plan.ts'
import type { RowChange } from '@rapport/shared/mapping/row-change.ts'
import { shadowOf } from '@rapport/shared/mapping/shadow.ts'
import type { TableShape } from '@rapport/shared/mapping/table-shape.ts'
import { recordTypes } from '@rapport/shared/records/record-types.ts'
import { writeContent } from '@rapport/shared/schema/edit.ts'
import { entryKey } from '@rapport/shared/schema/layout.ts'
import { readContent } from '@rapport/shared/schema/read-content.ts'
import { own, type RecordType } from '@rapport/shared/schema/record-type.ts'
import { rewriteText } from '@rapport/shared/schema/text-edit.ts'
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { captured, key, NOW, placesOf } from './row-stage.ts'
import { table } from './things.ts'

type Content = Parameters<typeof writeContent<RecordType>>[2]
type Rows = Readonly<Record<string, Row | readonly Row[]>>

interface Statement {
  readonly update?: string
  readonly insert?: string
  readonly delete?: string
  readonly where?: Row
  readonly set?: Row
  readonly values?: Row
}

interface Example {
  readonly recordType?: string
  readonly table?: string
  readonly identity?: ParentColumns
  readonly rules: readonly Rule[]
  readonly guards?: readonly Guard[]
  readonly document: Content
  readonly rows: Rows
  readonly misfits?: Projection['misfits']
  /** Of the main row's columns that are never written. */
  readonly crm?: Row
  /** Fields, texts and columns of entries that others wrote before the server heard of the statements. */
  readonly meanwhile?: Readonly<Record<string, string | Readonly<Record<string, Cell>>>>
  readonly statements: readonly Statement[]
  readonly edits: readonly string[]
  readonly refused?: readonly string[]
  /** What content holds afterwards, among other things. */
  readonly then?: Readonly<Record<string, unknown>>
  readonly rowsThen?: Rows
}

const page = readFileSync(new URL('../../../shared/mapping/MAPPING.md', import.meta.url), 'utf8')
const examples = blocksOf('json').map(([heading, block]): [string, Example] => [heading, JSON.parse(block) as Example])
const tables = blocksOf('sql').flatMap(([, block]) => tablesOf(block))

/** Blocks of code in that language, with the headings above them. */
function blocksOf(language: string): [heading: string, block: string][] {
  const headings = [...page.matchAll(/^#+ (.+)$/gm)]
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))].map(({ 1: block = '', index }) => {
    const heading = headings.findLast((one) => one.index < index)?.[1]
    return [heading ?? '', block]
  })
}

function tablesOf(block: string): TableShape[] {
  return [...block.matchAll(/create table (\w+) \((.*?)primary key \((.*?)\)\n\);/gs)].map(
    ([, name = '', columns = '', keys = '']) => {
      const names = keys.split(', ')
      const others = [...columns.matchAll(/^ {2}(\w+) (.*?),$/gm)].filter(([, column = '']) => !names.includes(column))
      return table(name, names, Object.fromEntries(others.map(([, column = '', type = '']) => [column, type])))
    },
  )
}

function planOf(example: Example): Plan {
  const type = own(recordTypes, example.recordType ?? 'contact')
  if (type === undefined) throw new Error('there is no such record type')
  const mapping: Mapping = {
    id: 'example',
    version: 1,
    recordType: type.name,
    table: example.table ?? 'customers',
    identity: example.identity ?? { tenant: 'tenant', id: 'customer_id' },
    rules: example.rules,
    ...(example.guards && { guards: example.guards }),
  }
  return compileMapping(mapping, type, tables)
}

function projected(plan: Plan, document: Y.Doc): Projection {
  return forward(plan, { key: { ...key, type: plan.type.name }, sequence: 1, document })
}

/** Without the columns that name the record, which the examples leave out. */
function shown(plan: Plan, { main, children }: Projection): Rows {
  const without = (row: Row, names: readonly string[]): Row =>
    Object.fromEntries(Object.entries(row).filter(([name]) => !names.includes(name)))
  const others = plan.children.map((child) => [child.name, (children[child.name] ?? []).map((row) => without(row, child.record))])
  return { [plan.main.name]: without(main, plan.main.record), ...Object.fromEntries(others) }
}

function writeMeanwhile(document: Y.Doc, meanwhile: Example['meanwhile'] = {}): void {
  for (const [root, content] of Object.entries(meanwhile)) {
    if (typeof content === 'string') rewriteText(document.getText(root), content)
    else if (root === 'fields') for (const [name, value] of Object.entries(content)) document.getMap(root).set(name, value)
    else
      for (const [entry, values] of Object.entries(content)) {
        for (const [name, value] of Object.entries(values as Row)) document.getMap(root).set(entryKey(entry, name), value)
      }
  }
}

/** The statement as the database captures it, on the rows as they were projected. */
function changeOf(plan: Plan, { main, children }: Projection, crm: Row, statement: Statement): RowChange {
  const name = statement.update ?? statement.insert ?? statement.delete ?? ''
  const shape = [plan.main, ...plan.children].find((one) => one.name === name)
  if (shape === undefined) throw new Error('there is no such table')
  if (statement.insert !== undefined) return { table: name, operation: 'insert', after: captured(shape, statement.values ?? {}) }
  const where = Object.entries(statement.where ?? {})
  const held = shape === plan.main ? [{ ...main, ...crm }] : (children[name] ?? [])
  const row = held.find((one) => where.every(([column, cell]) => one[column] === cell))
  if (row === undefined) throw new Error('there is no such row')
  const before = captured(shape, row)
  if (statement.delete !== undefined) return { table: name, operation: 'delete', before }
  return { table: name, operation: 'update', before, after: { ...before, ...captured(shape, statement.set ?? {}) } }
}

describe('MAPPING.md', () => {
  it.each(examples)('%s', (_, example) => {
    const plan = planOf(example)
    const document = new Y.Doc()
    writeContent(plan.type, document, example.document)
    const first = projected(plan, document)
    expect(shown(plan, first)).toEqual(example.rows)
    expect(first.misfits).toEqual(example.misfits ?? [])

    writeMeanwhile(document, example.meanwhile)
    const [places, reasons]: [string[], string[]] = [[], []]
    let seen = first
    for (const statement of example.statements) {
      const ground = { key: { ...key, type: plan.type.name }, document, base: shadowOf(seen), now: NOW }
      const result = inverse(plan, ground, changeOf(plan, seen, example.crm ?? {}, statement))
      document.transact(() => {
        for (const edit of result.edits) edit.write(document)
      })
      places.push(...placesOf(result))
      reasons.push(...result.refusals.map(({ reason }) => reason))
      seen = projected(plan, document)
    }
    expect([places, reasons]).toEqual([example.edits, example.refused ?? []])
    if (example.then !== undefined) expect(readContent(plan.type, document)).toMatchObject(example.then)
    if (example.rowsThen !== undefined) expect(shown(plan, projected(plan, document))).toEqual(example.rowsThen)
  })

  const sections: Readonly<Record<Rule['rule'], true>> = {
    child: true,
    computed: true,
    const: true,
    custom: true,
    default: true,
    enum: true,
    field: true,
    lifecycle: true,
    link: true,
    lookup: true,
    members: true,
    merge: true,
    readonly: true,
    slots: true,
    split: true,
    system: true,
    text: true,
  }

  it.each(Object.keys(sections))('has an example of %s under its name', (rule) => {
    const [, example] = examples.find(([heading]) => heading === rule) ?? []
    expect(example?.rules.some((one) => one.rule === rule)).toBe(true)
  })

  it('has an example of each rule in a table that is shown', () => {
    expect(tables.map(({ name, primaryKey }) => [name, primaryKey.length])).toEqual([
      ['customers', 2],
      ['customer_emails', 3],
      ['customer_phones', 3],
      ['customer_addresses', 3],
      ['customer_tags', 3],
      ['deals', 2],
      ['deal_people', 3],
    ])
  })
})
