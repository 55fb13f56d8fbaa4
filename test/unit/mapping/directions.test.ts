/** Which way values go: what a rule with a direction of its own owns, writes and leaves alone. */
import { parseRecordId, parseTenant } from '@rapport/shared/ids.ts'
import { compileMapping } from '@rapport/shared/mapping/compile.ts'
import { forward } from '@rapport/shared/mapping/forward.ts'
import type { ColumnRule, MainRule, Mapping, Rule } from '@rapport/shared/mapping/mapping.ts'
import type { Row } from '@rapport/shared/mapping/plan.ts'
import { editorOf } from '@rapport/shared/schema/edit.ts'
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { child, nameRule, onThings, shapes, withColumn } from './refusal.ts'
import { mapping, tables, thing } from './things.ts'

const tenant = parseTenant('acme')
const id = parseRecordId('t-1')
if (tenant === undefined || id === undefined) throw new Error('the key of the test is malformed')
const key = { tenant, type: 'thing', id }

const size = { rule: 'field', field: 'size', column: 'size' } as const

function planWith(...rules: Rule[]) {
  const things = { ...tables.things, columns: tables.things.columns.map((one) => ({ ...one, hasDefault: true })) }
  return compileMapping({ ...mapping, rules } as Mapping, thing, [things, ...shapes.filter((one) => one !== tables.things)])
}

function mainRow(...rules: Rule[]): Row {
  const document = new Y.Doc()
  const editor = editorOf(thing, document)
  editor.set('name', 'Ada')
  editor.set('size', 7)
  editor.setCustom('x_a', 1)
  editor.rewrite('summary', 'short')
  return forward(planWith(...rules), { key, sequence: 1, document }).main
}

const names = (columns: readonly { readonly name: string }[]) => columns.map((one) => one.name)

describe('P8: a column', () => {
  const every: readonly (MainRule & { readonly column: string })[] = [
    { rule: 'field', field: 'name', column: 'name' },
    { rule: 'enum', field: 'level', column: 'level' },
    { rule: 'lookup', field: 'boss', column: 'boss_id' },
    { rule: 'text', root: 'summary', column: 'summary' },
    { rule: 'custom', column: 'custom' },
    { rule: 'lifecycle', column: 'deleted_at' },
  ]

  it.each(every)('of the rule $rule is written unless its values only come in, and is nobody’s if it is off', (rule) => {
    for (const direction of [undefined, 'both', 'out', 'in', 'off'] as const) {
      const directed = direction === undefined ? rule : { ...rule, direction }
      const { main } = planWith(size, directed)
      const written = direction !== 'in' && direction !== 'off'
      expect(names(main.columns).includes(rule.column)).toBe(written)
      expect(names(main.inbound)).toEqual(direction === 'in' ? [rule.column] : [])
      expect(Object.hasOwn(mainRow(size, directed), rule.column)).toBe(written)
    }
  })

  it('of a child is written or not, as one of the main table', () => {
    const label: ColumnRule = { rule: 'field', field: 'label', column: 'label', direction: 'in' }
    const [phones] = planWith({ ...child, columns: [label] } as Rule).children
    expect(names(phones?.columns ?? [])).not.toContain('label')
    expect(names(phones?.inbound ?? [])).toEqual(['label'])
  })

  it('may be generated where its values only come in, and NOT NULL for the database to fill', () => {
    const rule = { ...nameRule, direction: 'in' }
    expect(withColumn('name', 'text!*', rule)).toBe('compiled')
    expect(withColumn('name', 'text!=', rule)).toBe('compiled')
  })
})

describe('refused', () => {
  it.each<[string, () => string, string]>([
    [
      'a direction that there is not',
      () => onThings([{ ...nameRule, direction: 'sideways' }]),
      'Mapping things, rule 1 (field): "direction" must be one of both, out, in, off.',
    ],
    [
      'an authority that there is not',
      () => onThings([{ ...nameRule, authority: 'me' }]),
      'Mapping things, rule 1 (field): "authority" must be one of merge, document, target.',
    ],
    [
      'a way back for what has none',
      () => onThings([{ rule: 'text', root: 'notes', column: 'notes', direction: 'both' }]),
      'Mapping things, rule 1 (text): what stands in notes has no way back into the document, so "direction" must be out or off.',
    ],
    [
      'a direction for a constant',
      () => onThings([{ rule: 'const', column: 'kind', value: 'x', direction: 'in' }]),
      'Mapping things, rule 1 (const): "direction" is no property of it.',
    ],
    [
      'a required column that is only read',
      () => withColumn('name', 'text!', { ...nameRule, direction: 'in' }),
      'Mapping things: column name of things is NOT NULL without a default, and no rule fills it.',
    ],
    [
      'a second owner of a column that is only read',
      () =>
        onThings([
          { ...nameRule, direction: 'in' },
          { rule: 'const', column: 'name', value: 'x' },
        ]),
      'Mapping things, rule 2 (const): column name of things belongs to rule 1 (field) already.',
    ],
    [
      'a second way back to one place',
      () =>
        onThings([
          { ...nameRule, direction: 'in' },
          { rule: 'field', field: 'name', column: 'kind' },
        ]),
      'Mapping things, rule 2 (field): fields/name is mapped by rule 1 (field) already, and could not be written back from two places.',
    ],
  ])('%s', (_, attempt, sentence) => {
    expect(attempt()).toBe(sentence)
  })

  it('not: a place that stands in two columns, but comes back from one of them', () => {
    expect(onThings([nameRule, { rule: 'field', field: 'name', column: 'kind', direction: 'out' }])).toBe('compiled')
  })
})
