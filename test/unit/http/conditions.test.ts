import type { SyncError } from '@rapport/shared/errors.ts'
import { expect, test } from 'vitest'
import { readIfMatch, readIfNoneMatch, readWriteCondition } from '../../../server/http/conditions.ts'

/** Of the sequences 5, 7 and 70, those for which the header's condition holds; or the error's code. */
function holdsFor(read: typeof readIfMatch, headers: Record<string, string>): unknown {
  try {
    return [5, 7, 70].filter(read({ header: (name) => headers[name] }))
  } catch (error) {
    return (error as SyncError).code
  }
}

test('If-Match holds for any of its tags, compared strongly (RFC 9110, 13.1.1)', () => {
  const cases: readonly (readonly [string, unknown])[] = [
    ['"7"', [7]],
    ['"5", "7"', [5, 7]],
    ['"1","70" ,, "7"', [7, 70]],
    ['*', [5, 7, 70]],
    [' * ', [5, 7, 70]],
    ['W/"7"', []],
    ['W/"7", "5"', [5]],
    ['"a,b", "7"', [7]],
    ['"07"', []],
    ['""', []],
    ['7', 'malformed'],
    ['"7', 'malformed'],
    ['"7" x', 'malformed'],
    ['w/"7"', 'malformed'],
    ['*, "7"', 'malformed'],
    [',', 'malformed'],
  ]
  for (const [header, expected] of cases) {
    expect([header, holdsFor(readIfMatch, { 'If-Match': header })]).toEqual([header, expected])
  }
  expect(holdsFor(readIfMatch, {})).toEqual([5, 7, 70])
})

test('If-None-Match knows any of its tags, compared weakly (13.1.2)', () => {
  const cases: readonly (readonly [string, unknown])[] = [
    ['"7"', [7]],
    ['W/"7", "5"', [5, 7]],
    ['*', [5, 7, 70]],
    ['7', 'malformed'],
  ]
  for (const [header, expected] of cases) {
    expect([header, holdsFor(readIfNoneMatch, { 'If-None-Match': header })]).toEqual([header, expected])
  }
  expect(holdsFor(readIfNoneMatch, {})).toEqual([])
})

test('a write needs both headers to hold', () => {
  expect(holdsFor(readWriteCondition, {})).toEqual([5, 7, 70])
  expect(holdsFor(readWriteCondition, { 'If-Match': '"5", "7"', 'If-None-Match': '"7"' })).toEqual([5])
  expect(holdsFor(readWriteCondition, { 'If-None-Match': '*' })).toEqual([])
})

test('a state without a sequence goes by no tag, but is one of a record that exists', () => {
  const holds = (read: typeof readIfMatch, name: string, value: string): boolean =>
    read({ header: (asked) => (asked === name ? value : undefined) })(undefined)
  for (const tag of ['"undefined"', '"7"', '"NaN"', '""', 'W/"undefined"']) {
    expect([tag, holds(readIfMatch, 'If-Match', tag), holds(readIfNoneMatch, 'If-None-Match', tag)]).toEqual([tag, false, false])
  }
  expect([holds(readIfMatch, 'If-Match', '*'), holds(readIfNoneMatch, 'If-None-Match', '*')]).toEqual([true, true])
})

test('P10: a header of any length is read in time that grows with it alone', () => {
  const header = `"1"${' ,'.repeat(4_000)}${' '.repeat(4_000)}x`
  expect(holdsFor(readIfMatch, { 'If-Match': header })).toBe('malformed')
})
