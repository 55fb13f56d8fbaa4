/** Nothing that a file says is lost, and whatever it says, what is made of it fits its record type. */
import { recordTypeOf } from '@rapport/shared/records/record-types.ts'
import { validateContent } from '@rapport/shared/schema/validate-content.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseMapping } from '../../../server/import/mapping-file.ts'
import { read } from './drafted.ts'

const HEADERS = [
  'First Name',
  'Last Name',
  'Company',
  'Job Title',
  'E-mail Address',
  'E-mail 2 Address',
  'Business Phone',
  'Mobile Phone',
  'Business Street',
  'Business Street 2',
  'Business City',
  'Birthday',
  'Web Page',
  'Personal Web Page',
  'Categories',
  'Notes',
  'Hobby',
] as const

function row(values: readonly string[]): string {
  return values.map((value) => `"${value.replaceAll('"', '""')}"`).join(',')
}

describe('limits', () => {
  test('custom fields beyond what a record holds, and values too long for one, go into the summary', () => {
    const names = Array.from({ length: 105 }, (_, index) => `Extra ${index}`)
    const long = 'x'.repeat(4_001)
    const text = [
      row(['First Name', 'Last Name', 'E-mail Address', ...names]),
      row(['Ann', '', '', long, ...names.slice(1)]),
    ].join('\n')
    const [record] = read(text).records
    expect(Object.keys(record?.fields ?? {}).filter((name) => name.startsWith('x_'))).toHaveLength(100)
    expect(record?.summary).toBe(
      [`Extra 0: ${long}`, ...names.slice(101).map((name) => `${name}: ${name}`)].map((line) => `Imported: ${line}`).join('\n'),
    )
    expect(record?.moved).toHaveLength(5)
  })

  test('a summary too long for its record is cut off, and that is said', () => {
    const text = [row(['First Name', 'Last Name', 'E-mail Address', 'Notes']), row(['Ann', '', '', '😀'.repeat(100_001)])].join(
      '\n',
    )
    const [record] = read(text).records
    expect(record?.summary).toBe('😀'.repeat(100_000))
    expect(record?.moved).toEqual([{ column: 'summary', reason: 'it is longer than 100000 characters and was cut off' }])
  })

  test('headers that make the same name, or none, still have a custom field each', () => {
    const text = 'First Name,Last Name,E-mail Address,Größe,Grosse,grösse!,電話,,\nAnn,,,a,b,c,d,e,f\n'
    expect(read(text).records[0]?.fields).toEqual({
      firstName: 'Ann',
      x_grosse: 'a',
      x_grosse_2: 'b',
      x_grosse_3: 'c',
      x_column_7: 'd',
      x_column_8: 'e',
      x_column_9: 'f',
    })
  })
})

test('a custom field of Google is named by its label, and keeps a label that makes no name', () => {
  const header =
    'First Name,Last Name,E-mail 1 - Value,Custom Field 1 - Label,Custom Field 1 - Value,Custom Field 10 - Label,Custom Field 10 - Value'
  expect(read(`${header}\nAnn,,,Shoe size,39,身長,170\nBob,,,,39,,\n`).records.map(({ fields }) => fields)).toEqual([
    { firstName: 'Ann', x_shoe_size: '39', x_custom_field_10_value: '身長: 170' },
    { firstName: 'Bob', x_custom_field_1_value: '39' },
  ])
})

test('what is said of a company without a name, and a second name in one piece, become custom fields', () => {
  const columns = { Name: 'name', Alias: 'name', Firm: 'account.name', Site: 'account.website' }
  const mapping = parseMapping(JSON.stringify({ columns }))
  expect(read('Name,Alias,Firm,Site\nAnn Lee,Annie,,x.example\nBob,BOB,Acme,x.example\n', { mapping }).records).toEqual([
    { line: 2, type: 'contact', fields: { firstName: 'Ann', lastName: 'Lee', x_alias: 'Annie', x_site: 'x.example' } },
    { line: 3, type: 'contact', fields: { firstName: 'Bob' }, company: { name: 'Acme', website: 'https://x.example' } },
  ])
})

test('several numbers in one value become several entries, unless one of them is none', () => {
  const text = [
    row(HEADERS.slice(0, 8)),
    row(['Ann', '', '', '', '', '', '030 123456; 030 123457', '0171 123456, or ring twice']),
  ].join('\n')
  expect(read(text).records[0]).toMatchObject({
    phones: [
      { label: 'work', number: '030 123456' },
      { label: 'work', number: '030 123457' },
    ],
    summary: 'Imported: phone: 0171 123456, or ring twice',
  })
})

test('whatever a file says, every word of it is in the record, which fits its type', () => {
  const word = fc.oneof(
    fc.constantFrom(
      'Ann',
      'ann@x.example',
      '+49 30 123456',
      'call reception',
      '3/4/1980',
      '1980-04-03',
      'x.example',
      'a; b',
      '😀',
    ),
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    fc.string({ unit: fc.constantFrom('x', ' ', '\n', ';', ',', ':'), maxLength: 300 }),
  )
  fc.assert(
    fc.property(fc.array(word, { minLength: HEADERS.length, maxLength: HEADERS.length }), (values) => {
      const { entries, skipped } = read(`${row(HEADERS)}\n${row(values)}\n`)
      const [entry] = entries
      if (entry === undefined) {
        // Nobody: no name, company, address or number, or nothing at all.
        expect(skipped.length).toBeLessThanOrEqual(1)
        return
      }
      const type = recordTypeOf(entry.draft.recordType)
      if (type === undefined) throw new Error('no such type')
      expect(validateContent(type, entry.draft.content)).toEqual([])
      const kept = fold(JSON.stringify([entry.draft.content, entry.draft.company]).replaceAll(/\\[nrt]/g, ' '))
      for (const [index, value] of values.entries()) {
        if (HEADERS[index] === 'Birthday') continue
        for (const part of fold(value).match(/[\p{L}\p{N}]+/gu) ?? []) expect(kept).toContain(part)
      }
    }),
    { numRuns: 500 },
  )
})

test('values of columns that a mapping file ignores are the only ones that are left out', () => {
  const mapping = parseMapping(JSON.stringify({ columns: { Name: 'name', Geheim: 'ignore' } }))
  expect(read('Name,Geheim\nAnn,secret\n', { mapping }).records).toEqual([
    { line: 2, type: 'contact', fields: { firstName: 'Ann' } },
  ])
})

function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase()
}
