import { describe, expect, it } from 'vitest'
import { personRefusal, phoneSlots } from './people.ts'

const split = { rule: 'split', field: 'fullName', columns: ['first_name', 'last_name'], by: 'words@1' }
const merge = { rule: 'merge', fields: ['firstName', 'lastName'], column: 'name', by: 'words@1', ambiguous: 'parse' }
const stages = { rule: 'enum', field: 'stage', column: 'stage', values: { discovery: 'Open', qualified: 'Open', won: 'Won' } }
const weighted = { rule: 'computed', column: 'weighted', by: 'percentage@1', fields: ['amount', 'probability'] }
const guard = { when: [{ by: 'empty@1', fields: ['currency'] }], severity: 'warn', message: 'No currency.' }
const amount = { rule: 'field', field: 'amount', column: 'amount' }
const [work] = phoneSlots.slots
const { overflow } = phoneSlots

describe('a rule is refused with its place, its kind and the reason', () => {
  it.each<[string, readonly unknown[], string]>([
    [
      'a split of a field that is not there',
      [{ ...split, field: 'name' }],
      'rule 1 (split): the record type person has no field name.',
    ],
    [
      'a split of a number',
      [{ ...split, field: 'points' }],
      'rule 1 (split): points is of the kind number, and only text has parts.',
    ],
    [
      'a split by an unknown function',
      [{ ...split, by: 'words@2' }],
      'rule 1 (split): there is no function words@2 that takes texts apart.',
    ],
    [
      'a split by what every object inherits',
      [{ ...split, by: 'toString' }],
      'rule 1 (split): there is no function toString that takes texts apart.',
    ],
    ['a split into one column', [{ ...split, columns: ['name'] }], 'rule 1 (split): it takes two parts or more.'],
    [
      'a split into the same column twice',
      [{ ...split, columns: ['name', 'name'] }],
      'rule 1 (split): "columns" must be a list of names, each once.',
    ],
    [
      'a split into a column that another rule owns',
      [split, { rule: 'const', column: 'last_name', value: 'x' }],
      'rule 2 (const): column last_name of people belongs to rule 1 (split) already.',
    ],
    [
      'a split into a column without room',
      [{ ...split, columns: ['first_name', 'short'] }],
      'rule 1 (split): column short of people is character varying(5), which cannot hold text of 100 characters.',
    ],
    [
      'a split into a column that needs a value',
      [{ ...split, columns: ['needed', 'name'] }],
      'rule 1 (split): column needed of people is NOT NULL, but a part that is not there is NULL.',
    ],
    [
      'a split field in a column of its own, too',
      [split, { rule: 'field', field: 'fullName', column: 'name' }],
      'rule 2 (field): fields/fullName is mapped by rule 1 (split) already, and could not be written back from two places.',
    ],
    [
      'a merge without a word on what is ambiguous',
      [{ ...merge, ambiguous: undefined }],
      'rule 1 (merge): "ambiguous" must be one of parse, refuse.',
    ],
    [
      'a merge of a field that another rule writes back',
      [{ rule: 'field', field: 'lastName', column: 'last_name' }, merge],
      'rule 2 (merge): fields/lastName is mapped by rule 1 (field) already, and could not be written back from two places.',
    ],
    [
      'a merge into a column without room',
      [{ ...merge, column: 'customer_number' }],
      'rule 1 (merge): column customer_number of people is character varying(10), which cannot hold text of 81 characters.',
    ],
    [
      'a lossy enum without an inverse',
      [stages],
      'rule 1 (enum): "values" gives discovery and qualified the same value, so that rows would not tell them apart, and "inverse" does not say which of them it becomes.',
    ],
    [
      'an inverse to a member of another value',
      [{ ...stages, inverse: { Open: 'won' } }],
      'rule 1 (enum): "inverse" gives won for another value than its own.',
    ],
    [
      'an inverse to what is no member',
      [{ ...stages, inverse: { Open: 'lost' } }],
      'rule 1 (enum): "inverse" names lost, which the enum does not have.',
    ],
    [
      'unknown values that become what is no member',
      [{ rule: 'enum', field: 'stage', column: 'stage', unknown: { member: 'lost' } }],
      'rule 1 (enum): "unknown" names lost, which the enum does not have.',
    ],
    [
      'another word for unknown values',
      [{ rule: 'enum', field: 'stage', column: 'stage', unknown: 'pass' }],
      'rule 1 (enum): "unknown" must be "refuse", or an object with a name, member.',
    ],
    [
      'a default that the field cannot hold',
      [{ rule: 'default', field: 'points', column: 'points', value: 1001 }],
      'rule 1 (default): "value" is nothing that points can hold.',
    ],
    [
      'a computed column that comes back',
      [{ ...weighted, direction: 'both' }],
      'rule 1 (computed): "direction" is no property of it.',
    ],
    [
      'an unknown function that computes',
      [{ ...weighted, by: 'sum@1' }],
      'rule 1 (computed): there is no function sum@1 that computes.',
    ],
    [
      'a function of other fields',
      [{ ...weighted, fields: ['amount', 'stage'] }],
      'rule 1 (computed): percentage@1 does not suit: it takes an amount of money and a number.',
    ],
    [
      'a function with options that it does not take',
      [{ ...weighted, options: { round: true } }],
      'rule 1 (computed): percentage@1 does not suit: "options" has round, which it does not take.',
    ],
    [
      'a choice without numbers',
      [{ rule: 'computed', column: 'probability', by: 'choice@1', fields: ['stage'] }],
      'rule 1 (computed): choice@1 does not suit: "options" must have values, an object of numbers.',
    ],
    [
      'a result of another type',
      [
        { ...weighted, column: 'name' },
        { ...weighted, column: 'points' },
      ],
      'rule 2 (computed): column points of people is integer, which cannot hold an amount of money.',
    ],
    [
      'a column that is read, and needs a value that nobody writes',
      [{ rule: 'readonly', field: 'stage', column: 'points' }],
      'rule 1 (readonly): column points of people is integer, which cannot hold the value of an enum.',
    ],
  ])('%s', (_, rules, sentences) => {
    expect(personRefusal(rules)).toContain(`Mapping people, ${sentences}`)
  })
})

describe('slots are refused', () => {
  it.each<[string, Readonly<Record<string, unknown>>, string]>([
    [
      'without overflow',
      { overflow: undefined },
      'rule 1 (slots): "overflow" must be refuse, or an object with a column or a table.',
    ],
    ['of a root that is not there', { root: 'phone' }, 'rule 1 (slots): the record type person has no root phone.'],
    ['of a set', { root: 'tags' }, 'rule 1 (slots): tags is of the kind set, which takes the rule members.'],
    ['without a slot', { slots: [] }, 'rule 1 (slots): "slots" must have a slot.'],
    [
      'by a column that is no text',
      { by: 'primary' },
      'rule 1 (slots): "by" must be a column of the entries of phones that holds text or an enum.',
    ],
    [
      'with a mark that is no boolean',
      { first: 'label' },
      'rule 1 (slots): "first" must be a boolean column of the entries of phones.',
    ],
    [
      'of a value of nothing',
      { by: undefined, slots: [work] },
      'rule 1 (slots), slot 1: "value" needs a "by" that it is the value of.',
    ],
    ['without columns', { slots: [{ columns: [] }] }, 'rule 1 (slots), slot 1: it shows no column of its entry.'],
    [
      'with a column of an entry that is not there',
      { slots: [{ columns: [{ rule: 'field', field: 'name', column: 'name' }] }] },
      'rule 1 (slots), slot 1, column 1 (field): an entry of phones has no field name.',
    ],
    [
      'two in the same column',
      { slots: [work, work] },
      'rule 1 (slots), slot 2, column 1 (field): column phone_work of people belongs to rule 1 (slots), slot 1, column 1 (field) already.',
    ],
    [
      'with a column that needs a value',
      { slots: [{ columns: [{ rule: 'field', field: 'number', column: 'needed' }] }] },
      'rule 1 (slots), slot 1, column 1 (field): column needed of people is NOT NULL, but a slot without an entry is NULL.',
    ],
    [
      'with an overflow into text',
      { overflow: { column: 'name' } },
      'rule 1 (slots): column name of people is text, which cannot hold entries.',
    ],
    [
      'with an overflow into the main table',
      { overflow: { ...overflow, table: 'people' } },
      'rule 1 (slots): table people is the main table of the mapping, and its rows cannot be their own parents.',
    ],
    [
      'with an overflow that is no rule',
      { overflow: { ...overflow, order: 'sort' } },
      'rule 1 (slots), overflow: "order" is no property of it.',
    ],
    [
      'with an overflow whose column is not there',
      { overflow: { ...overflow, columns: [{ rule: 'field', field: 'number', column: 'nr' }] } },
      'rule 1 (slots), overflow, column 1 (field): table person_phones has no column nr.',
    ],
  ])('%s', (_, changes, sentences) => {
    expect(personRefusal([{ ...phoneSlots, ...changes }])).toContain(`Mapping people, ${sentences}`)
  })

  it('beside a child of the same collection', () => {
    const { table, parent, id, columns } = overflow
    const child = { rule: 'child', root: 'phones', table, parent, id, columns }
    expect(personRefusal([{ ...phoneSlots, overflow: { column: 'phones_more' } }, child])).toBe(
      'Mapping people, rule 2 (child): phones is mapped by rule 1 (slots), slot 1, column 1 (field) already, and could not be written back from two places.',
    )
  })

  it('of a member that the enum does not have', () => {
    const slots = [{ value: 'holiday', columns: [{ rule: 'field', field: 'city', column: 'address' }] }]
    expect(personRefusal([{ rule: 'slots', root: 'addresses', by: 'kind', slots, overflow: 'refuse' }])).toBe(
      'Mapping people, rule 1 (slots), slot 1: "value" is no member of kind.',
    )
  })
})

describe('a guard is refused', () => {
  it.each<[string, Readonly<Record<string, unknown>>, string]>([
    ['without a condition', { when: [] }, '"when" must have a condition.'],
    ['with an unknown condition', { when: [{ by: 'blank@1', fields: ['currency'] }] }, 'there is no condition blank@1.'],
    ['with an unknown field', { when: [{ by: 'empty@1', fields: ['price'] }] }, 'the record type person has no field price.'],
    [
      'with a limit for text',
      { when: [{ by: 'above@1', fields: ['currency'], options: { limit: 1 } }] },
      'above@1 does not suit: it takes numbers and amounts of money.',
    ],
    [
      'with a limit that is none',
      { when: [{ by: 'above@1', fields: ['amount'] }] },
      'above@1 does not suit: "options" must have limit, a number.',
    ],
    ['with another severity', { severity: 'fatal' }, '"severity" must be one of block, quarantine, warn.'],
    ['that quarantines nothing', { severity: 'quarantine' }, '"columns" must name what is withheld.'],
    ['that warns and withholds', { columns: ['amount'] }, '"columns" is for the severity quarantine, not for warn.'],
    [
      'that withholds a column of nobody',
      { severity: 'quarantine', columns: ['name'] },
      'column name of people is filled by no rule of this mapping.',
    ],
    [
      'that withholds the key',
      { severity: 'quarantine', columns: ['id'] },
      'column id of people is filled by no rule of this mapping.',
    ],
    [
      'that withholds what may not be NULL',
      { severity: 'quarantine', columns: ['needed'] },
      'column needed of people is NOT NULL and cannot be withheld.',
    ],
  ])('%s', (_, changes, sentence) => {
    const rules = [amount, { rule: 'default', field: 'stage', column: 'needed', value: 'won' }]
    expect(personRefusal(rules, [{ ...guard, ...changes }])).toContain(`Mapping people, guard 1: ${sentence}`)
  })
})
