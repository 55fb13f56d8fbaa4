/** What the review store must do, on PGlite and on Postgres. */
import { randomUUID } from 'node:crypto'
import type { RecordKey } from '@rapport/shared/ids.ts'
import { describe, expect, test } from 'vitest'
import type { Sql } from '../../server/db.ts'
import { type JudgedEntry, ORIGIN } from '../../server/log/entry.ts'
import type { FieldChange, Findings } from '../../server/log/findings.ts'
import { createReviewStore, type HeldBackItem, type ReviewedConflict } from '../../server/log/review-store.ts'
import { createSqlLogStore } from '../../server/log/sql-log-store.ts'
import { entryOf, freshTenant, positionOf, recordKey } from './entries.ts'
import { conflict, found, refusedRow, setAsideRow } from './findings-contract.ts'

const ADA = { sub: 'ada', role: 'rep' }
const START = 1_800_000_000_000

export function describeReviewStore(name: string, open: () => Sql): void {
  const stores = () => ({ store: createSqlLogStore(open()), review: createReviewStore(open()) })

  /** One entry for each, a second apart. */
  async function write(key: RecordKey, all: readonly Findings[]): Promise<void> {
    let last: JudgedEntry | undefined
    for (const [index, findings] of all.entries()) {
      last = entryOf(key, last ? positionOf(last) : ORIGIN, { findings, at: START + index * 1_000 })
      expect(await stores().store.insert([last])).toHaveProperty('size', 1)
    }
  }

  describe(`the review store on ${name}`, () => {
    test('history comes newest first, in pages that neither lose nor repeat a change', async () => {
      const { review } = stores()
      const key = recordKey()
      await write(key, [
        found({ changes: [change('a'), change('b'), change('c')] }),
        found({}),
        found({ changes: [change('d')] }),
      ])
      await write(recordKey('r1', key.tenant, 'account'), [found({ changes: [change('other')] })])
      const all = await review.history(key, { limit: 10 })
      expect(all.map(({ after, sequence, ordinal, at }) => [after, sequence, ordinal, at - START])).toEqual([
        ['d', 3, 0, 2_000],
        ['c', 1, 2, 0],
        ['b', 1, 1, 0],
        ['a', 1, 0, 0],
      ])
      const paged = []
      for (let before = all[0]; before !== undefined; before = paged.at(-1)) {
        const page = await review.history(key, { before, limit: 2 })
        if (page.length === 0) break
        paged.push(...page)
      }
      expect(paged).toEqual(all.slice(1))
    })

    test('history of one path holds what lies below it, and nothing beside it', async () => {
      const { review } = stores()
      const key = recordKey()
      const paths = [['emails', 'e1', 'label'], ['emails', 'e1', 'address'], ['emails', 'e10', 'label'], ['fields', 'emails'], []]
      await write(key, [found({ changes: paths.map((path) => ({ ...change('x'), path })) })])
      const pathsOf = async (path: readonly string[]) => (await review.history(key, { path, limit: 10 })).map((item) => item.path)
      expect(await pathsOf(['emails'])).toEqual(paths.slice(0, 3).toReversed())
      expect(await pathsOf(['emails', 'e1'])).toEqual(paths.slice(0, 2).toReversed())
      expect(await pathsOf(['emails', 'e1', 'label'])).toEqual(paths.slice(0, 1))
      expect(await pathsOf(['a"b\\'])).toEqual([])
      expect(await pathsOf([])).toHaveLength(5)
    })

    test('P5: a conflict tells when each of its writes first showed, or when it was found', async () => {
      const { review } = stores()
      const key = recordKey()
      const row = conflict()
      const shown = { ...change('CEO'), item: row.kept.item }
      await write(key, [found({ changes: [change('x'), shown] }), found({ changes: [shown] }), found({ conflicts: [row] })])
      // The same item in another record is another write.
      await write(recordKey('r2', key.tenant), [found({ changes: [{ ...change('y'), item: row.replaced.item }] })])
      const expected = {
        ...{ ...row, status: 'open', sequence: 3 },
        kept: { ...row.kept, at: START },
        replaced: { ...row.replaced, at: START + 2_000 },
      }
      expect(await review.conflict(key, row.id)).toEqual(expected)
      expect(await review.conflicts(key, { limit: 5 })).toEqual([expected])
      for (const id of [randomUUID(), 'no uuid']) expect(await review.conflict(key, id)).toBeUndefined()
      expect(await review.conflict(recordKey(), row.id)).toBeUndefined()
    })

    test('conflicts come newest first, in pages, and by status', async () => {
      const { review } = stores()
      const key = recordKey()
      const rows = Array.from({ length: 7 }, () => conflict())
      const [first] = rows
      const settled = first ? [{ id: first.id, status: 'restored' as const }] : []
      await write(key, [found({ conflicts: rows.slice(0, 5) }), found({ conflicts: rows.slice(5) }), found({ settled })])
      const all = await review.conflicts(key, { limit: 50 })
      expect(all.map(({ sequence }) => sequence)).toEqual([2, 2, 1, 1, 1, 1, 1])
      expect(new Set(all.map(({ id }) => id))).toEqual(new Set(rows.map(({ id }) => id)))
      expect(await pages<ReviewedConflict>((after) => review.conflicts(key, { ...after, limit: 2 }))).toEqual(all)
      expect((await review.conflicts(key, { status: 'restored', limit: 5 })).map(({ id }) => id)).toEqual([first?.id])
      expect(await review.conflicts(key, { status: 'open', limit: 5 })).toHaveLength(5)
      expect(await review.conflicts(key, { status: 'dismissed', limit: 5 })).toEqual([])
    })

    test('only an open conflict is dismissed, once, and no entry withdraws it any more', async () => {
      const { store, review } = stores()
      const key = recordKey()
      const [row, restored] = [conflict(), conflict()]
      await write(key, [found({ conflicts: [row, restored] }), found({ settled: [{ id: restored.id, status: 'restored' }] })])
      const dismiss = (id: string, of = key) => review.dismiss(of, id, 'ada', START)
      expect(await dismiss(row.id, recordKey())).toBe(false)
      expect([await dismiss(row.id), await dismiss(row.id), await dismiss(restored.id), await dismiss('no uuid')]).toEqual([
        ...[true, false, false, false],
      ])
      expect((await review.conflict(key, row.id))?.status).toBe('dismissed')
      const [head] = await store.heads([key])
      const withdrawing = entryOf(key, head, { findings: found({ withdrawn: [row.id] }) })
      expect(await store.insert([withdrawing])).toHaveProperty('size', 1)
      expect((await review.conflict(key, row.id))?.status).toBe('dismissed')
    })

    test('P11: what is held back is listed for its tenant, newest first, in pages, with sizes', async () => {
      const { store, review } = stores()
      const tenant = freshTenant()
      const keys = Array.from({ length: 5 }, (_, index) => recordKey(`r${index}`, tenant))
      for (const [index, key] of keys.entries()) {
        const at = START + (index % 3)
        await store.quarantine({ ...refusedRow(key), at, bytes: new Uint8Array(index) })
        await store.setAside({ ...setAsideRow(key), at, bytes: new Uint8Array(100_000) })
      }
      const all = await review.heldBack(tenant, { limit: 50 })
      expect(all.map(({ at }) => at - START)).toEqual([2, 2, 1, 1, 1, 1, 0, 0, 0, 0])
      expect(all.filter(({ state }) => state === 'set-aside').map(({ size }) => size)).toEqual(keys.map(() => 100_000))
      expect(
        all
          .filter(({ state }) => state === 'quarantined')
          .map(({ size }) => size)
          .sort(),
      ).toEqual([0, 1, 2, 3, 4])
      expect(all[0]).toMatchObject({ key: keys[2], author: ADA })
      expect(await pages<HeldBackItem>((after) => review.heldBack(tenant, { ...after, limit: 3 }))).toEqual(all)
      expect(await review.heldBack(freshTenant(), { limit: 50 })).toEqual([])
    })

    test('the newest word on a restoration counts', async () => {
      const { review } = stores()
      expect(await review.restoredUntil()).toBeNull()
      const [day, hour] = [Date.now() + 86_400_000, Date.now() + 3_600_000]
      await review.markRestored(day)
      await review.markRestored(hour)
      expect(await review.restoredUntil()).toBe(hour)
      await review.markRestored(null)
      expect(await review.restoredUntil()).toBeNull()
    })
  })
}

/** All pages, one behind the other. */
async function pages<Row>(page: (after: { readonly after?: Row }) => Promise<readonly Row[]>): Promise<readonly Row[]> {
  const all: Row[] = []
  for (;;) {
    const after = all.at(-1)
    const rows = await page(after === undefined ? {} : { after })
    if (rows.length === 0) return all
    all.push(...rows)
  }
}

function change(after: string): FieldChange {
  return { path: ['fields', 'title'], before: null, after, author: ADA, device: null, via: 'rest', item: { client: 7, clock: 9 } }
}
