import { expect, test } from 'vitest'
import { parseMoment } from '../../../server/http/moment.ts'

test.each([
  ['1', { sequence: 1 }],
  ['0', { sequence: 0 }],
  [7, { sequence: 7 }],
  ['999999999999999', { sequence: 999_999_999_999_999 }],
  ['1970-01-01T00:00:01Z', { time: 1_000 }],
  ['1970-01-01T00:00:01.5Z', { time: 1_500 }],
  ['1970-01-01t00:00:01.123456z', { time: 1_123 }],
  ['1970-01-01T05:45:01+05:45', { time: 1_000 }],
  ['1969-12-31T23:00:00-01:00', { time: 0 }],
  ['1972-02-29T00:00:00Z', { time: 68_169_600_000 }],
])('%j is %j', (given, moment) => {
  expect(parseMoment(given)).toEqual(moment)
})

test.each([
  '',
  ' 1',
  '-1',
  '1.5',
  '1e3',
  '9999999999999999',
  'yesterday',
  '2026-01-01',
  '2026-01-01T00:00:00',
  '2026-13-01T00:00:00Z',
  '2026-01-01T25:00:00Z',
  '2026-02-30T00:00:00Z',
  '2026-02-29T12:00:00+01:00',
  '2026-04-31T00:00:00Z',
  '2026-12-31T23:59:60Z',
  '2026-01-01T00:00:00+0100',
  '2026-01-01 00:00:00Z',
  1.5,
  -1,
  Number.NaN,
  null,
  undefined,
  {},
  [1],
])('%j is no moment', (given) => {
  expect(parseMoment(given)).toBeUndefined()
})
