/** Rows of a table: nothing of it is lost beside the lines that are broken, and those are named. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CsvReader, type Row } from '../../../server/import/csv-reader.ts'
import { LineSplitter } from '../../../server/import/lines.ts'
import type { BrokenLine } from '../../../server/import/source.ts'

function rowsOf(text: string): { rows: Row[]; broken: BrokenLine[] } {
  const splitter = new LineSplitter()
  const reader = new CsvReader((bytes) => bytes.toString())
  const lines = [...splitter.push(Buffer.from(text)), ...splitter.end()]
  const all = [...lines.flatMap((line) => reader.push(line)), ...reader.end()]
  return {
    rows: all.filter((one) => one.type === 'row'),
    broken: all.filter((one) => one.type === 'broken'),
  }
}

const HEADER = 'a,b,c,d'
const QUOTE = 'a quote is opened and not closed, or stands inside a value without being doubled'

describe('broken lines', () => {
  test.each([
    ['too few columns', '1,2,3', 'it has 3 columns where the header has 4'],
    ['too many columns', '1,2,3,4,5', 'it has 5 columns where the header has 4'],
    ['a quote that is never closed', '1,"2,3,4', QUOTE],
    ['a quote inside a value', '1,2"2,3,4', QUOTE],
    ['two quotes inside a value', '1,2"2"2,3,4', QUOTE],
    ['text behind a closed quote', '1,"2"2,3,4', QUOTE],
  ])('%s costs its own line alone', (_, line, reason) => {
    const good = ['w,x,y,z', '"w","x","y","z"', 'w,"x, ""x""\nstill x",y,z', 'w,"",y,']
    const values = [
      ['w', 'x', 'y', 'z'],
      ['w', 'x', 'y', 'z'],
      ['w', 'x, "x"\nstill x', 'y', 'z'],
      ['w', '', 'y', ''],
    ]
    const { rows, broken } = rowsOf([HEADER, ...good, line, ...good, ''].join('\n'))
    expect(broken).toEqual([{ type: 'broken', line: 7, reason }])
    expect(rows.map((row) => row.values)).toEqual([...values, ...values])
    expect(rows.map((row) => row.line)).toEqual([2, 3, 4, 6, 8, 9, 10, 12])
  })

  test('a quote that is opened where no other follows does not swallow the rest of the file', () => {
    const rest = Array.from({ length: 20_000 }, (_, index) => `${index},x,y,z`)
    const { rows, broken } = rowsOf([HEADER, '1,"2,3,4', ...rest].join('\n'))
    expect(broken).toEqual([{ type: 'broken', line: 2, reason: QUOTE }])
    expect(rows.map((row) => row.values[0])).toEqual(rest.map((line) => line.split(',')[0]))
  })

  test('a quote that is opened and seems to be closed far below, at the right place, swallows nothing', () => {
    const { rows, broken } = rowsOf([HEADER, '1,"2,3,4', '5,6,7,8', '9,10,11,12', 'x,y",z,z', 'w,w,w,w'].join('\n'))
    expect(broken.map(({ line }) => line)).toEqual([2, 5])
    expect(rows.map((row) => row.line)).toEqual([3, 4, 6])
  })

  test('neighbours that are all broken are all named, or are within one that is', () => {
    const { rows, broken } = rowsOf([HEADER, '1,"2', '3,"4', '5,6', '"', 'w,x,y,z', '7,"8', '9'].join('\n'))
    expect(broken.map(({ line }) => line)).toEqual([2, 3, 7, 8])
    expect(broken[1]?.reason).toBe('the row that goes on to line 5 has 2 columns where the header has 4')
    expect(rows.map((row) => row.line)).toEqual([6])
  })

  test('a row of several lines that has the wrong width is named once, by its first line', () => {
    const { rows, broken } = rowsOf([HEADER, '1,"two', 'lines', 'and a third",3', 'w,x,y,z'].join('\n'))
    expect(broken).toEqual([
      { type: 'broken', line: 2, reason: 'the row that goes on to line 4 has 3 columns where the header has 4' },
    ])
    expect(rows.map((row) => row.line)).toEqual([5])
  })

  test('what is told of a line never quotes it', () => {
    const { broken } = rowsOf([HEADER, 'secret,"secret', 'secret', 'secret,sec"ret,1,2'].join('\n'))
    expect(broken).toHaveLength(3)
    expect(JSON.stringify(broken)).not.toContain('secret')
  })
})

/** Not with a whole row in it, which nothing could tell from a quote left open. */
const value = fc
  .string({ unit: fc.constantFrom('a', 'ü', ' ', ',', ';', '"', '\n', '\t', '😀'), maxLength: 12 })
  .filter((text) => !/\n[^\n]*([,;\t])[^\n]*\1[^\n]*\1[^\n]*\1[^\n]*\n/.test(text))
const table = fc.record({
  delimiter: fc.constantFrom(',', ';', '\t'),
  rows: fc.array(fc.tuple(value, value, value, value, value), { minLength: 1, maxLength: 12 }),
  quoteAll: fc.boolean(),
  end: fc.constantFrom('\n', '\r\n'),
})

function written(rows: readonly (readonly string[])[], delimiter: string, quoteAll: boolean): string[] {
  const field = (text: string): string =>
    quoteAll || /[",;\t\n]/.test(text) || text === '' ? `"${text.replaceAll('"', '""')}"` : text
  return rows.map((row) => row.map(field).join(delimiter))
}

test('any table is read back as it was written, with the lines at which its rows begin', () => {
  fc.assert(
    fc.property(table, ({ delimiter, rows, quoteAll, end }) => {
      const lines = written([['one', 'two', 'three', 'four', 'five'], ...rows], delimiter, quoteAll)
      const read = rowsOf(lines.join('\n').replaceAll('\n', end))
      expect(read.broken).toEqual([])
      expect(read.rows.map((row) => row.values)).toEqual(rows)
      let line = 1
      const starts = lines.map((text) => {
        const start = line
        line += text.split('\n').length
        return start
      })
      expect(read.rows.map((row) => row.line)).toEqual(starts.slice(1))
    }),
  )
})

test('whatever quote is left open, every other row of one line is read, and the line is named', () => {
  const word = fc.constantFrom('a', 'b c', '', 'ü', '"x, y"', '"say ""x"""', '""')
  const row = fc.tuple(word, word, word, word, word)
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 30 }), fc.nat(), fc.nat(4), (rows, at, column) => {
      const lines = rows.map((one) => one.join(','))
      const place = at % rows.length
      lines[place] = (rows[place] ?? [])
        .map((text, index) => (index === column ? `"${text.replaceAll('"', '')}` : text))
        .join(',')
      const { rows: found, broken } = rowsOf(['one,two,three,four,five', ...lines].join('\n'))
      expect(broken.map(({ line }) => line)).toEqual([place + 2])
      expect(found.map(({ line }) => line)).toEqual(rows.map((_, index) => index + 2).filter((line) => line !== place + 2))
    }),
    { numRuns: 300 },
  )
})
