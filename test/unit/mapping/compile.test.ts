import { compileMapping, compileMappings } from '@rapport/shared/mapping/compile.ts'
import type { Mapping } from '@rapport/shared/mapping/mapping.ts'
import { describe, expect, it } from 'vitest'
import { child, level, members, nameRule, refusal, shapes, withColumn, withTable } from './refusal.ts'
import { column, mapping, table, tables, thing } from './things.ts'

describe('a mapping that is right', () => {
  it('becomes a plan that owns exactly the columns of its rules, keys first', () => {
    const plan = compileMapping(mapping, thing, shapes)
    expect(plan.mapping).toBe(mapping)
    expect(plan.type).toBe(thing)
    expect(plan.main).toEqual({
      name: 'things',
      record: ['tenant', 'id'],
      key: ['tenant', 'id'],
      columns: tables.things.columns.map(({ name, type }) => ({ name, type })).sort(byRule),
      inbound: [],
    })
    expect(plan.children.map(({ name, key, columns }) => [name, key, columns.map((one) => one.name)])).toEqual([
      ['thing_phones', ['tenant', 'thing_id', 'id'], ['tenant', 'thing_id', 'id', 'sort_order', 'label', 'main']],
      ['thing_tags', ['tenant', 'thing_id', 'tag'], ['tenant', 'thing_id', 'tag']],
      ['thing_peers', ['tenant', 'thing_id', 'peer_id'], ['tenant', 'thing_id', 'peer_id', 'role']],
    ])
  })

  it('may leave columns to others, also required ones that have a default or are generated', () => {
    const columns = [...tables.things.columns, column('score', 'integer'), column('rank', 'integer!='), column('full', 'text!*')]
    const plan = compileMapping(mapping, thing, [{ ...tables.things, columns }, ...shapes.slice(1)])
    expect(plan.main.columns.map((one) => one.name)).not.toEqual(expect.arrayContaining(['score']))
    expect(plan.main.columns).toHaveLength(tables.things.columns.length)
  })

  it('may keep a UNIQUE with the record in it, and a deferrable foreign key', () => {
    const uniques = [['tenant', 'name', 'id']]
    const foreignKeys = [{ columns: ['boss_id'], deferrable: true }]
    expect(withTable({ ...tables.things, uniques, foreignKeys })).toBe('compiled')
  })

  it.each([
    ['born', 'text'],
    ['born', 'character varying(10)'],
    ['price', 'numeric'],
    ['price', 'text'],
    ['size', 'integer'],
    ['size', 'smallint'],
    ['size', 'bigint'],
    ['size', 'numeric'],
    ['seen', 'timestamp with time zone(6)'],
    ['name', 'character varying(200)'],
    ['name', 'character varying'],
  ])('a column for %s may be %s', (name, declaration) => {
    expect(withColumn(name, declaration, { rule: 'field', field: name, column: name })).toBe('compiled')
  })

  function byRule(one: { name: string }, other: { name: string }): number {
    const order = ['tenant', 'id', ...mapping.rules.flatMap((rule) => ('column' in rule ? [rule.column] : []))]
    return order.indexOf(one.name) - order.indexOf(other.name)
  }
})

describe('refused, because it has not the form of a mapping', () => {
  it.each<[string, unknown, string]>([
    ['no object', null, 'Mapping number 1: it must be an object.'],
    ['a version of 0', { ...mapping, version: 0 }, 'Mapping things: "version" must be a positive integer.'],
    ['a version in between', { ...mapping, version: 1.5 }, 'Mapping things: "version" must be a positive integer.'],
    ['a version as text', { ...mapping, version: '1' }, 'Mapping things: "version" must be a positive integer.'],
    [
      'an id with blanks',
      { ...mapping, id: 'the things' },
      'Mapping the things: "id" must be 1 to 128 letters, digits, - and _.',
    ],
    ['no id', { ...mapping, id: undefined }, 'Mapping number 1: "id" must be 1 to 128 letters, digits, - and _.'],
    ['no rules', { ...mapping, rules: undefined }, 'Mapping things: "rules" must be a list.'],
    [
      'half an identity',
      { ...mapping, identity: { tenant: 'tenant' } },
      'Mapping things: "identity" must be an object with two names, tenant and id.',
    ],
    ['a property too many', { ...mapping, tabel: 'things' }, 'Mapping things: "tabel" is no property of it.'],
    [
      'an unknown rule',
      { ...mapping, rules: [{ rule: 'filed', field: 'name', column: 'name' }] },
      'Mapping things, rule 1 (filed): "rule" must be one of field, enum, lookup, default, readonly, split, merge, computed, const, text, custom, system, lifecycle, slots, child, members, link.',
    ],
    [
      'a rule by an inherited name',
      { ...mapping, rules: [{ rule: 'constructor' }] },
      'Mapping things, rule 1 (constructor): "rule" must be one of field, enum, lookup, default, readonly, split, merge, computed, const, text, custom, system, lifecycle, slots, child, members, link.',
    ],
    [
      'a rule that is no object',
      { ...mapping, rules: ['field'] },
      'Mapping things, rule 1: "rule" must be one of field, enum, lookup, default, readonly, split, merge, computed, const, text, custom, system, lifecycle, slots, child, members, link.',
    ],
    [
      'a table within a table',
      { ...mapping, rules: [{ ...child, columns: [child] }] },
      'Mapping things, rule 1 (child), column 1 (child): "rule" must be one of field, enum, lookup, default, readonly, split, merge, computed, const.',
    ],
    [
      'a rule without a column',
      { ...mapping, rules: [{ rule: 'custom' }] },
      'Mapping things, rule 1 (custom): "column" must be a name.',
    ],
    [
      'a misspelt optional property',
      { ...mapping, rules: [{ ...child, order: undefined, oder: 'sort_order' }] },
      'Mapping things, rule 1 (child): "oder" is no property of it.',
    ],
    [
      'an unknown source',
      { ...mapping, rules: [{ rule: 'system', source: 'updatedAt', column: 'seen' }] },
      'Mapping things, rule 1 (system): "source" must be one of sequence, createdAt, createdBy.',
    ],
    [
      'enum values that are no texts',
      { ...mapping, rules: [{ ...level, values: { low: 1 } }] },
      'Mapping things, rule 1 (enum): "values" must be an object of strings.',
    ],
    [
      'a constant that is a list',
      { ...mapping, rules: [{ rule: 'const', column: 'kind', value: [] }] },
      'Mapping things, rule 1 (const): "value" must be a string, a number or a boolean.',
    ],
  ])('%s', (_, given, sentence) => {
    expect(refusal(() => compileMapping(given as Mapping, thing, shapes))).toBe(sentence)
  })
})

describe('several mappings', () => {
  it('of one record type may stand side by side in tables of their own', () => {
    const second = { ...mapping, id: 'names', table: 'names', rules: [nameRule] } as Mapping
    const names = table('names', ['tenant', 'id'], { name: 'text' })
    const plans = compileMappings([mapping, second], { thing }, [...shapes, names])
    expect(plans.map((plan) => plan.mapping.id)).toEqual(['things', 'names'])
  })

  it('are refused in one error with a sentence for every problem of any of them', () => {
    const second = { ...mapping, version: -1 }
    const third = { ...mapping, table: 'others', rules: [] }
    const fourth = { ...mapping, id: 'persons', recordType: 'person' }
    const fifth = { ...mapping, id: 'heirs', recordType: 'constructor' }
    const sixth = { ...mapping, id: 'doubles', rules: [members] } as Mapping
    const things = { ...tables.things, columns: tables.things.columns.map((one) => ({ ...one, hasDefault: true })) }
    const shapesThere = [things, ...shapes.slice(1), table('others', ['tenant', 'id'], {})]
    const given = [mapping, second, third, fourth, fifth, sixth]
    expect(refusal(() => compileMappings(given, { thing }, shapesThere))).toBe(
      [
        'Mapping things: "version" must be a positive integer.',
        'Mapping things: another mapping has the same id.',
        'Mapping persons: there is no record type person.',
        'Mapping heirs: there is no record type constructor.',
        'Mapping doubles: table things belongs to mapping things already.',
        'Mapping doubles, rule 1 (members): table thing_tags belongs to mapping things, rule 18 (members) already.',
      ].join(' '),
    )
  })
})
