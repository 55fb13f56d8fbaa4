/** Mapping files: what is wrong with one is said before anything is read, in one sentence. */
import { SyncError } from '@rapport/shared/errors.ts'
import { describe, expect, test } from 'vitest'
import { parseMapping } from '../../../server/import/mapping-file.ts'
import { read } from './drafted.ts'

const PLACES =
  'places are like fields.title, fields.x_score, emails[work].address, phones[mobile].number, addresses[home].city, account.name, name, tags, summary, id and ignore'

describe('refused', () => {
  test.each<[string, unknown, string]>([
    ['no object', [], 'The mapping file must be a JSON object.'],
    ['an unknown key', { colums: {} }, 'The mapping file has “colums”, but knows only type, columns, others, dates, source.'],
    ['no columns', {}, 'The “columns” of the mapping file must be a JSON object.'],
    [
      'a type that is not imported',
      { type: 'opportunity', columns: {} },
      'The mapping file has a wrong “type”: it must be one of contact, account.',
    ],
    [
      'an order of dates',
      { dates: 'dmy', columns: {} },
      'The mapping file has a wrong “dates”: it must be one of day-first, month-first.',
    ],
    ['a source', { source: 7, columns: {} }, 'The mapping file has a “source” that is no text.'],
    [
      'others',
      { others: 'drop', columns: {} },
      'The mapping file has a wrong “others”: it must be one of custom, summary, ignore.',
    ],
    ...(
      [
        'fields.titel',
        'title',
        'fields.account',
        'fields.x_Score',
        'account.parent',
        'emails.address',
        'emails[work].number',
        'activities[1].subject',
        '',
        'fields.__proto__',
      ] as const
    ).map((to): [string, unknown, string] => [
      `the place “${to}”`,
      { columns: { A: to } },
      `The mapping file sends the column “A” to “${to}”, which is no place in a record of type contact; ${PLACES}.`,
    ]),
    [
      'a place of contacts for accounts',
      { type: 'account', columns: { A: 'account.name' } },
      `The mapping file sends the column “A” to “account.name”, which is no place in a record of type account; ${PLACES.replace('title', 'industry').replace('account.name, ', '')}.`,
    ],
    ['no place', { columns: { A: 7 } }, 'The column “A” of the mapping file must be a JSON object.'],
    ['a column without a name', { columns: { ' ': 'name' } }, 'The mapping file has a column without a name.'],
    [
      'an unknown key of a column',
      { columns: { A: { to: 'name', vals: {} } } },
      'The mapping file has “vals” at the column “A”, which knows only to, values, as, split.',
    ],
    [
      '“as” where the field has a kind',
      { columns: { A: { to: 'fields.title', as: 'number' } } },
      'The mapping file has “as” at the column “A”, which is for custom fields only.',
    ],
    [
      'an unknown “as”',
      { columns: { A: { to: 'fields.x_a', as: 'date' } } },
      'The mapping file has a wrong “as of the column “A””: it must be one of text, number, boolean.',
    ],
    [
      'an empty “split”',
      { columns: { A: { to: 'tags', split: '' } } },
      'The mapping file has a “split” at the column “A” that is no text.',
    ],
    [
      'a value that the field does not know',
      { columns: { A: { to: 'fields.stage', values: { Kunde: 'client' } } } },
      'The mapping file turns a value of the column “A” into “client”, which is not one of lead, qualified, customer, former.',
    ],
    [
      'values that are no text',
      { columns: { A: { to: 'fields.stage', values: { Kunde: 1 } } } },
      'The mapping file has “values” at the column “A” that are no text.',
    ],
    [
      'nobody to make records of',
      { columns: { A: 'summary', B: 'fields.title' } },
      'The mapping file gives no column for a name, an e-mail address, a telephone number or account.name.',
    ],
    [
      'companies without a name',
      { type: 'account', columns: { A: 'fields.website' } },
      'The mapping file gives no column for fields.name.',
    ],
  ])('%s', (_, mapping, sentence) => {
    expect(() => parseMapping(JSON.stringify(mapping))).toThrow(new SyncError('invalid', sentence))
  })

  test('a file that is not JSON', () => {
    expect(() => parseMapping('{')).toThrow(new SyncError('invalid', 'The mapping file is not JSON.'))
  })

  test('a column that the table does not have', () => {
    const mapping = parseMapping(JSON.stringify({ columns: { Nmae: 'name' } }))
    expect(() => read('Name,Ort\nAnn Lee,Köln\n', { mapping })).toThrow(
      new SyncError('invalid', 'The mapping file names a column “Nmae”, which the file does not have.'),
    )
  })
})

describe('columns that it does not name', () => {
  test.each([
    ['custom', { fields: { firstName: 'Ann', x_ort: 'Köln', x_column_3: 'x' } }],
    ['summary', { fields: { firstName: 'Ann' }, summary: 'Köln\n\nx' }],
    ['ignore', { fields: { firstName: 'Ann' } }],
  ])('%s', (others, expected) => {
    const mapping = parseMapping(JSON.stringify({ others, columns: { Name: 'name' } }))
    expect(read('Name,Ort,\nAnn,Köln,x\n', { mapping }).records).toEqual([{ line: 2, type: 'contact', ...expected }])
  })
})

test('accounts', () => {
  const mapping = parseMapping(
    JSON.stringify({ type: 'account', columns: { Firma: 'name', Tel: 'phones[main].number', Leute: 'fields.employees' } }),
  )
  expect(read('Firma;Tel;Leute\nBär GmbH;0221 5550100;12\n', { mapping }).records).toEqual([
    {
      line: 2,
      type: 'account',
      fields: { name: 'Bär GmbH', employees: 12 },
      phones: [{ label: 'main', number: '0221 5550100' }],
    },
  ])
})
