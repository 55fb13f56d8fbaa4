import { describe, expect, it } from 'vitest'
import { child, level, link, members, nameRule, onThings, withColumn } from './refusal.ts'

describe('a rule is refused with its place, its kind and the reason', () => {
  it.each<[string, () => string, string]>([
    [
      'a field that the record type does not have',
      () => onThings([{ rule: 'field', field: 'colour', column: 'name' }]),
      'Mapping things, rule 1 (field): the record type thing has no field colour.',
    ],
    [
      'a field whose name every object inherits',
      () => onThings([{ rule: 'field', field: 'constructor', column: 'name' }]),
      'Mapping things, rule 1 (field): the record type thing has no field constructor.',
    ],
    [
      'a root that the record type does not have',
      () => onThings([{ rule: 'text', root: 'fields', column: 'name' }]),
      'Mapping things, rule 1 (text): the record type thing has no root fields.',
    ],
    [
      'a column that the entries do not have',
      () => onThings([{ ...child, columns: [{ rule: 'field', field: 'number', column: 'label' }] }]),
      'Mapping things, rule 1 (child), column 1 (field): an entry of phones has no field number.',
    ],
    [
      'enum on another register',
      () => onThings([{ rule: 'enum', field: 'name', column: 'name' }]),
      'Mapping things, rule 1 (enum): name is of the kind string, which takes the rule field.',
    ],
    [
      'field on an enum',
      () => onThings([{ rule: 'field', field: 'level', column: 'level' }]),
      'Mapping things, rule 1 (field): level is of the kind enum, which takes the rule enum.',
    ],
    [
      'lookup on what refers to nothing',
      () => onThings([{ rule: 'lookup', field: 'size', column: 'size' }]),
      'Mapping things, rule 1 (lookup): size is of the kind number, which takes the rule field.',
    ],
    [
      'field on a reference',
      () => onThings([{ rule: 'field', field: 'boss', column: 'boss_id' }]),
      'Mapping things, rule 1 (field): boss is of the kind reference, which takes the rule lookup.',
    ],
    [
      'text on a set',
      () => onThings([{ rule: 'text', root: 'tags', column: 'name' }]),
      'Mapping things, rule 1 (text): tags is of the kind set, which takes the rule members.',
    ],
    [
      'child on a text',
      () => onThings([{ ...child, root: 'summary' }]),
      'Mapping things, rule 1 (child): summary is of the kind text, which takes the rule text.',
    ],
    [
      'members on a collection',
      () => onThings([{ ...members, root: 'phones' }]),
      'Mapping things, rule 1 (members): phones is of the kind collection, which takes the rule child.',
    ],
    [
      'link on entries with ids of their own',
      () => onThings([{ ...link, root: 'phones' }]),
      'Mapping things, rule 1 (link): the entries of phones are not named after other records, so they take the rule child.',
    ],
    [
      'link on a rich text',
      () => onThings([{ ...link, root: 'notes' }]),
      'Mapping things, rule 1 (link): notes is of the kind richText, which takes the rule text.',
    ],
    [
      'a table that is not there',
      () => onThings([{ ...members, table: 'thing_labels' }]),
      'Mapping things, rule 1 (members): there is no table thing_labels.',
    ],
    [
      'a column that is not there',
      () => onThings([{ rule: 'field', field: 'name', column: 'nom' }]),
      'Mapping things, rule 1 (field): table things has no column nom.',
    ],
    [
      'a second owner of a column',
      () => onThings([nameRule, { rule: 'const', column: 'name', value: 'x' }]),
      'Mapping things, rule 2 (const): column name of things belongs to rule 1 (field) already.',
    ],
    [
      'a second owner of a column of the key',
      () => onThings([{ rule: 'const', column: 'id', value: 'x' }]),
      'Mapping things, rule 1 (const): column id of things belongs to identity already.',
    ],
    [
      'a second owner of a column of a child',
      () => onThings([{ ...child, columns: [{ rule: 'field', field: 'label', column: 'sort_order' }] }]),
      'Mapping things, rule 1 (child), column 1 (field): column sort_order of thing_phones belongs to rule 1 (child) already.',
    ],
    [
      'a field in two columns',
      () => onThings([nameRule, { rule: 'field', field: 'name', column: 'kind' }]),
      'Mapping things, rule 2 (field): fields/name is mapped by rule 1 (field) already, and could not be written back from two places.',
    ],
    [
      'an entry id in two columns of a join table',
      () => onThings([{ ...link, columns: [{ rule: 'lookup', field: 'peer', column: 'role' }] }]),
      'Mapping things, rule 1 (link), column 1 (lookup): peers/peer is mapped by rule 1 (link) already, and could not be written back from two places.',
    ],
    [
      'enum values that miss a member',
      () => onThings([{ ...level, values: { low: 'L', constructor: 'M' } }]),
      'Mapping things, rule 1 (enum): "values" has none for middle, high. Mapping things, rule 1 (enum): "values" names constructor, which the enum does not have.',
    ],
    [
      'enum values that mean two members',
      () => onThings([{ ...level, values: { low: 'L', middle: 'H', high: 'H' } }]),
      'Mapping things, rule 1 (enum): "values" gives middle and high the same value, so that rows would not tell them apart, and "inverse" does not say which of them it becomes.',
    ],
    [
      'enum values that no row can hold',
      () => onThings([{ ...level, values: { low: 'L', middle: 'M', high: 'H\0' } }]),
      'Mapping things, rule 1 (enum): "values" gives high a text that Postgres cannot store.',
    ],
    [
      'enum values that are too long',
      () => withColumn('level', 'character varying(3)', { ...level, values: { low: 'L', middle: 'M', high: 'HIGH' } }),
      'Mapping things, rule 1 (enum): column level of things is character varying(3), which cannot hold the value of an enum.',
    ],
    [
      'a constant of another type',
      () => onThings([{ rule: 'const', column: 'done', value: 'yes' }]),
      'Mapping things, rule 1 (const): column done of things is boolean, which cannot hold the constant.',
    ],
    [
      'a constant that is too large',
      () => withColumn('size', 'smallint', { rule: 'const', column: 'size', value: 32_768 }),
      'Mapping things, rule 1 (const): column size of things is smallint, which cannot hold the constant.',
    ],
    [
      'a constant that is too long',
      () => withColumn('kind', 'character varying(3)', { rule: 'const', column: 'kind', value: 'four' }),
      'Mapping things, rule 1 (const): column kind of things is character varying(3), which cannot hold the constant.',
    ],
    [
      'a constant that no row can hold',
      () => onThings([{ rule: 'const', column: 'kind', value: 'a\ud800' }]),
      'Mapping things, rule 1 (const): column kind of things is text, which cannot hold the constant.',
    ],
  ])('%s', (_, attempt, sentence) => {
    expect(attempt()).toBe(sentence)
  })
})
