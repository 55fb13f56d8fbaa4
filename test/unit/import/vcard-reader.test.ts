/** Cards: each is cut out and read by itself, and one that is broken costs no other. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { read } from './drafted.ts'

function card(...lines: string[]): string {
  return ['BEGIN:VCARD', 'VERSION:3.0', ...lines, 'END:VCARD', ''].join('\n')
}

const ANN = card('N:Lee;Ann')

describe('broken cards', () => {
  test.each([
    ['of version 2.1', ANN.replace('3.0', '2.1'), 5, 'it is a vCard 2.1, which is not supported; export as vCard 3.0 or 4.0'],
    ['of a version that does not exist', ANN.replace('3.0', '5'), 5, 'its VERSION is neither 3.0 nor 4.0'],
    ['with a line that is no property', card('N:Lee;Ann', 'secret secret'), 5, 'line 8, in this card, cannot be read'],
    ['with a quote open in a parameter', card('TEL;TYPE="work:secret'), 5, 'line 7, in this card, cannot be read'],
    ['without an end', 'BEGIN:VCARD\nVERSION:3.0\nN:Lee;secret\n', 5, 'the card has no END:VCARD'],
    ['that nobody is on', card('NOTE:secret'), 5, 'it has no name and no e-mail address, telephone number or company'],
    ['that is a group', card('KIND:group', 'FN:secret'), 5, 'it is a group of cards, not a person'],
  ])('%s', (_, broken, line, reason) => {
    const { records, skipped } = read(ANN + broken + ANN)
    expect(skipped).toEqual([{ line, reason }])
    expect(records.map(({ fields }) => fields)).toEqual([
      { firstName: 'Ann', lastName: 'Lee' },
      { firstName: 'Ann', lastName: 'Lee' },
    ])
    expect(JSON.stringify(skipped)).not.toContain('secret')
  })

  test('without an end, at the end of the file', () => {
    expect(read(`${ANN}BEGIN:VCARD\nN:Lee;Bob\n`)).toMatchObject({
      records: [{ line: 1 }],
      skipped: [{ line: 5, reason: 'the card has no END:VCARD' }],
    })
  })

  test('what stands between cards is named once', () => {
    expect(read(`${ANN}\nsecret\nsecret\n\n${ANN}\n\n`)).toMatchObject({
      records: [{ line: 1 }, { line: 9 }],
      skipped: [{ line: 6, reason: 'this stands outside of any card' }],
    })
  })
})

test('a version that is said late, in lower case or not at all is understood', () => {
  const late = 'begin:vcard\nfn:Ann Lee\nbday:19840229\nversion:4.0\nend:vcard\n'
  const missing = 'BEGIN:VCARD\nFN:Ann Lee\nBDAY:1984-02-29\nEND:VCARD\n'
  const fields = { firstName: 'Ann', lastName: 'Lee', birthday: '1984-02-29' }
  expect(read(late + missing).records).toMatchObject([{ fields }, { fields }])
})

test('a picture of any size takes no memory and is counted', () => {
  const picture = Array.from({ length: 40_000 }, () => ` ${'A'.repeat(74)}`).join('\n')
  const { records, skipped, reading } = read(card('N:Lee;Ann', 'item1.PHOTO;ENCODING=b;TYPE=JPEG:', picture, 'TITLE:Boss'))
  expect(skipped).toEqual([])
  expect(records).toMatchObject([{ fields: { firstName: 'Ann', title: 'Boss' } }])
  expect(reading.dropped()).toBe(1)
})

test('a card that never seems to end is given up, and the next one read', () => {
  const note = Array.from({ length: 20_000 }, () => ` ${'a'.repeat(74)}`).join('\n')
  const { records, skipped } = read(card('N:Lee;Ann', 'NOTE:', note) + ANN)
  expect(skipped).toEqual([{ line: 1, reason: 'the card is longer than any that can be read' }])
  expect(records).toMatchObject([{ line: 20_006 }])
})

test('what a name in one piece says beyond its parts is kept, and nothing twice', () => {
  expect(read(card('N:Lee;Ann;;Dr.;', 'FN:Dr. Ann Lee')).records[0]?.fields).not.toHaveProperty('x_full_name')
  expect(read(card('N:Lee;Ann;;;', 'FN:Ann Lee (Acme)')).records[0]?.fields).toMatchObject({ x_full_name: 'Ann Lee (Acme)' })
})

test('however a property is folded, it says the same', () => {
  const text = card('N:Müller;Jürgen', 'NOTE:first\\, second\\; third\\nfourth 😀', 'EMAIL;TYPE=WORK:j@x.example')
  const [expected] = read(text).records
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 10 }), (widths) => {
      const fold = (line: string): string => {
        const pieces: string[] = []
        const letters = [...line]
        for (let turn = 0; letters.length > 0; turn += 1)
          pieces.push(letters.splice(0, widths[turn % widths.length] ?? 1).join(''))
        return line === 'BEGIN:VCARD' ? line : pieces.join('\r\n ')
      }
      expect(read(text.split('\n').map(fold).join('\r\n')).records).toEqual([expected])
    }),
  )
})
