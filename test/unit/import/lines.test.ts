/** Bytes into text: whatever the encoding, the line ends and the pieces in which they come, the entries are the same. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LineSplitter, MAX_LINE_BYTES } from '../../../server/import/lines.ts'
import { parseMapping } from '../../../server/import/mapping-file.ts'
import type { Choice } from '../../../server/import/reading.ts'
import { fixture, itemsOf, read } from './drafted.ts'

const FIXTURES = [
  'google.csv',
  'google-old.csv',
  'outlook.csv',
  'outlook-web.csv',
  'hubspot-contacts.csv',
  'hubspot-companies.csv',
  'apple-google-3.vcf',
  'standard-4.vcf',
  'other.csv',
] as const

/** Every character of the fixtures is in it. */
function windows1252(text: string): Buffer {
  return Buffer.from(text.replaceAll('€', '\x80'), 'latin1')
}

function utf16(text: string, order: 'le' | 'be'): Buffer {
  const bytes = Buffer.from(`\uFEFF${text}`, 'utf16le')
  return order === 'le' ? bytes : bytes.swap16()
}

function choiceFor(name: string): Choice {
  return name === 'other.csv' ? { mapping: parseMapping(fixture('other.mapping.json').toString()) } : {}
}

describe('encodings', () => {
  test.each(FIXTURES)('%s says the same in each of them', (name) => {
    const text = fixture(name).toString()
    const choice = choiceFor(name)
    const plain = read(text, choice)
    const legacy = /[^\0-\x7F]/.test(text) ? 'windows-1252' : 'utf-8'
    const variants = [
      [`\uFEFF${text}`, 'utf-8'],
      [utf16(text, 'le'), 'utf-16le'],
      [utf16(text, 'be'), 'utf-16be'],
      [windows1252(text), legacy],
    ] as const
    for (const [content, encoding] of variants) {
      const { records, skipped, reading } = read(content, choice)
      expect(reading.encoding().name).toBe(encoding)
      expect([records, skipped]).toEqual([plain.records, plain.skipped])
    }
  })

  test('one line that is not UTF-8 garbles only itself', () => {
    const header = 'First Name,Last Name,E-mail Address\n'
    const lines = ['Jürgen,Groß,j@x.example\n', 'Zoë,Bär,z@x.example\n', 'Ann,Lee,a@x.example\n']
    const bytes = Buffer.concat([
      Buffer.from(header + lines[0]),
      windows1252(lines[1] ?? ''),
      Buffer.from((lines[2] ?? '') + (lines[0] ?? '')),
    ])
    const { records, reading } = read(bytes)
    expect(records.map(({ fields }) => fields.firstName)).toEqual(['Jürgen', 'Zoë', 'Ann', 'Jürgen'])
    expect(reading.encoding()).toEqual({ name: 'utf-8', utf8Lines: 2, legacyLines: 1 })
  })

  test('a card that an old program folded in the middle of a character is put together again', () => {
    const bytes = Buffer.from('BEGIN:VCARD\nVERSION:3.0\nN:Müller;Jürgen\nEND:VCARD\n')
    const at = bytes.indexOf(0xc3) + 1
    const folded = Buffer.concat([bytes.subarray(0, at), Buffer.from('\r\n '), bytes.subarray(at)])
    expect(read(folded).records).toMatchObject([{ fields: { lastName: 'Müller', firstName: 'Jürgen' } }])
  })
})

describe('lines', () => {
  test.each(FIXTURES)('%s says the same with each kind of line end', (name) => {
    const text = fixture(name).toString()
    const plain = read(text, choiceFor(name))
    for (const end of ['\r\n', '\r']) {
      const { records, skipped } = read(text.replaceAll('\n', end), choiceFor(name))
      expect([records, skipped]).toEqual([plain.records, plain.skipped])
    }
    expect(read(text.trimEnd(), choiceFor(name)).records).toEqual(plain.records)
  })

  test.each(FIXTURES)('%s says the same in whatever pieces it comes', (name) => {
    const choice = choiceFor(name)
    const text = fixture(name).toString()
    const whole = [fixture(name), Buffer.from(text.replaceAll('\n', '\r\n')), utf16(text, 'be'), windows1252(text)].map(
      (bytes) => ({ bytes, items: itemsOf(bytes, choice).items }),
    )
    fc.assert(
      fc.property(
        fc.constantFrom(...whole),
        fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1 }),
        ({ bytes, items }, sizes) => {
          expect(itemsOf(bytes, choice, sizes).items).toEqual(items)
        },
      ),
      { numRuns: 40 },
    )
  })

  test('a line without an end takes no more memory than the longest that is read', () => {
    const splitter = new LineSplitter()
    const piece = Buffer.alloc(1024 * 1024, 'a')
    for (let sent = 0; sent <= MAX_LINE_BYTES; sent += piece.length) expect(splitter.push(piece)).toEqual([])
    const [line, ...more] = splitter.push(Buffer.from('b\nnext\n'))
    expect([line?.number, line?.bytes.length, line?.cut]).toEqual([1, MAX_LINE_BYTES, true])
    expect(more.map(({ number, bytes, cut }) => [number, bytes.toString(), cut])).toEqual([[2, 'next', false]])
  })
})
