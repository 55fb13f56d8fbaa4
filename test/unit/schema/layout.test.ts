import { readMeta } from '@rapport/shared/schema/layout.ts'
import { expect, test } from 'vitest'
import * as Y from 'yjs'

function createdAt(held: unknown): number | null {
  const document = new Y.Doc()
  document.getMap('meta').set('createdAt', held)
  return readMeta(document).createdAt
}

test.each([
  ['2026-01-02T03:04:05Z', Date.UTC(2026, 0, 2, 3, 4, 5)],
  ['2026-01-02T03:04:05.678Z', Date.UTC(2026, 0, 2, 3, 4, 5, 678)],
  ['2026-01-02T03:04:05+02:00', Date.UTC(2026, 0, 2, 1, 4, 5)],
  ['2026-01-02T03:04:05.5-11:30', Date.UTC(2026, 0, 2, 14, 34, 5, 500)],
])('a time of RFC 3339 is read: %s', (held, time) => expect(createdAt(held)).toBe(time))

test.each([
  '2026-01-02T03:04:05',
  '2026-01-02',
  '2026',
  '1',
  'Jan 1 2026',
  '2026-01-02 03:04:05',
  '2026-01-02T03:04Z',
  '2026-02-30T00:00:00Z',
  '2026-01-02T03:04:05+25:00',
  '+275760-09-13T00:00:00.000Z',
  '',
  5,
  null,
])('what a time zone would decide, or is no time, is none: %s', (held) => expect(createdAt(held)).toBeNull())
