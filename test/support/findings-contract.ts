/**
 * What every log store must do with what was found in entries, with bindings, and with what is held back. Run over the store in
 * memory, PGlite and Postgres, like the rest of the contract.
 */
import { randomUUID } from 'node:crypto'
import type { RecordKey } from '@rapport/shared/ids.ts'
import { describe, expect, test } from 'vitest'
import type { JudgedEntry, Position, QuarantineRow, SetAsideRow } from '../../server/log/entry.ts'
import { ORIGIN } from '../../server/log/entry.ts'
import {
  type ClientOwner,
  type Conflict,
  type ConflictStatus,
  EMPTY_LEDGER,
  type FieldChange,
  type Findings,
  type Mark,
  NO_FINDINGS,
} from '../../server/log/findings.ts'
import type { LogStore } from '../../server/log/log-store.ts'
import { entryOf, freshTenant, positionOf, recordKey } from './entries.ts'

/** What the seam has no call for, done by other means. */
export interface FindingsUnderTest {
  readonly store: LogStore
  erase(key: RecordKey): Promise<void>
  /** In the order in which they were made. */
  changes(key: RecordKey): Promise<readonly (FieldChange & { readonly sequence: number; readonly at: number })[]>
  /** A change of a row of this record waits from now on. Resolves with its id. */
  capture(key: RecordKey): Promise<number>
  captured(
    tenant: RecordKey['tenant'],
    id: number,
  ): Promise<{ readonly status: string; readonly reason: string | null } | undefined>
  /** Settled ones, too; by id. */
  conflicts(key: RecordKey): Promise<ReadonlyMap<string, ConflictStatus>>
  /** For the whole database; `undefined`: no more. */
  markRestored(until: number | undefined): Promise<void>
}

const LATEST = Number.MAX_SAFE_INTEGER
const ADA = { sub: 'ada', role: 'rep' }
const BOB = { sub: 'bob', role: 'manager' }

const owned = (client: number, owner = ADA, relayed = false): ClientOwner => ({ client, owner, relayed })

export function describeFindings(name: string, open: () => FindingsUnderTest): void {
  describe(`findings on ${name}`, () => {
    test('are read back as they were given, to the last value', async () => {
      const { store, changes } = open()
      const key = recordKey()
      const paths = [[], [''], ['fields', 'null'], ['tags', '"a\\b",{NULL} \u{1f600}\t\r\n\u0001'], ['NULL', '\\', '"', '{}']]
      const values = [null, '', 'null', 'NUL \0 and \ud800, a lone surrogate', '\\"', 0, -1.5, 2 ** 53, 1e-7, true, false]
      const given: Findings = {
        ...NO_FINDINGS,
        marks: [
          { ...mark(9), standsFor: undefined, cleared: true },
          { ...mark(4), standsFor: { client: 0, clock: 0 } },
          mark(4),
          { ...mark(2 ** 32), client: 2 ** 32 - 1, standsFor: { client: 2 ** 32 - 1, clock: 2 ** 32 } },
        ],
        clients: [owned(0, { sub: '', role: 'server' }), owned(2 ** 32 - 1)],
        changes: [
          ...values.map((value, index) => change(['fields', `f${index}`], value, values.at(-1 - index) ?? null)),
          ...paths.map((path) => ({ ...change(path, 1, 2), item: undefined, device: null, via: 'import' }) as const),
        ],
        conflicts: values.map((value, index) => conflict({ path: paths[index % paths.length] ?? [], value })),
      }
      const entry = await write(store, key, ORIGIN, given)
      const ledger = await store.ledger(key, 1)
      expect(ledger.marks).toEqual(given.marks)
      expect(ledger.clients).toEqual(given.clients)
      expect(byId(ledger.conflicts)).toEqual(byId(given.conflicts))
      expect(ledger).toMatchObject({ setAside: [], restored: false })
      const stored = await changes(key)
      expect(stored).toEqual(given.changes.map((one) => ({ ...one, sequence: 1, at: entry.at })))
    })

    test('of a record that was never written there are none', async () => {
      expect(await open().store.ledger(recordKey(), 5)).toEqual(EMPTY_LEDGER)
    })

    test('P1: of an entry that is not admitted nothing is kept, and of its neighbours in the group everything', async () => {
      const { store, changes } = open()
      const tenant = freshTenant()
      const [one, two] = [recordKey('r1', tenant), recordKey('r2', tenant)]
      const open1 = conflict()
      const first = await write(store, one, ORIGIN, { ...NO_FINDINGS, conflicts: [open1] })
      const findings = { ...everything(), withdrawn: [open1.id] }
      const loser = entryOf(one, ORIGIN, { findings })
      const beside = entryOf(two, ORIGIN, { findings: everything() })
      expect(await store.insert([loser, beside])).toEqual(new Set([beside.id]))
      expect(await store.ledger(one, LATEST)).toEqual({ ...EMPTY_LEDGER, conflicts: [open1] })
      expect(await changes(one)).toEqual([])
      const ledger = await store.ledger(two, LATEST)
      expect([ledger.marks, ledger.clients, ledger.conflicts].map((rows) => rows.length)).toEqual([1, 1, 1])
      expect(await changes(two)).toHaveLength(1)
      expect(await store.insert([entryOf(one, positionOf(first))])).toHaveProperty('size', 1)
    })

    test('are told as of a sequence', async () => {
      const { store } = open()
      const key = recordKey()
      const [early, late] = [conflict(), conflict()]
      const first = await write(store, key, ORIGIN, found({ marks: [mark(1)], clients: [owned(1)], conflicts: [early] }))
      await write(store, key, positionOf(first), found({ marks: [mark(0)], clients: [owned(2)], conflicts: [late] }))
      const then = await store.ledger(key, 1)
      expect([then.marks, then.clients, then.conflicts]).toEqual([[mark(1)], [owned(1)], [early]])
      const now = await store.ledger(key, 2)
      expect([now.marks, now.clients, now.conflicts]).toEqual([
        [mark(1), mark(0)],
        [owned(1), owned(2)],
        [early, late],
      ])
      expect((await store.ledger(key, 0)).marks).toEqual([])
    })

    test('P10: edits of one author, one behind the other, are one mark, however many entries brought them', async () => {
      const { store } = open()
      const key = recordKey()
      const own = (client: number, clock: number, length = 1, author = ADA): Mark => {
        return { client, clock, length, author, standsFor: { client, clock }, cleared: false }
      }
      const [another, again] = [own(7, 6, 1, { ...ADA, role: 'admin' }), own(7, 12, 1)]
      const nothing = { ...own(7, 7), standsFor: undefined, cleared: true }
      const cleared = { ...own(7, 8), cleared: true }
      const groups = [
        [own(7, 0), own(7, 1, 3)],
        [own(7, 4), own(8, 5), own(8, 6, 2)],
        // Somebody else's, something else's, a gap, and what tells of the same clock once more.
        [own(7, 5, 1, BOB), another, nothing, cleared, own(7, 9), own(7, 11, 2), again, mark(0)],
      ]
      let last: Position = ORIGIN
      for (const marks of groups) last = positionOf(await write(store, key, last, found({ marks })))
      const runs = [own(7, 0, 5), own(8, 5, 3)]
      expect((await store.ledger(key, 1)).marks).toEqual([own(7, 0, 4)])
      expect((await store.ledger(key, 2)).marks).toEqual(runs)
      expect((await store.ledger(key, LATEST)).marks).toEqual([...runs, ...(groups[2] ?? [])])
    })

    test('P10: tries at one write, one behind the other, are one mark, and so is what the server shows of it', async () => {
      const { store } = open()
      const key = recordKey()
      const tried = (client: number, clock: number, length = 1, more: Partial<Mark> = {}): Mark => {
        return { client, clock, length, author: ADA, standsFor: { client: 7, clock: 3 }, cleared: false, ...more }
      }
      const nothing = (clock: number, length = 1) => tried(8, clock, length, { standsFor: undefined })
      const own = (clock: number) => tried(7, clock, 1, { standsFor: { client: 7, clock } })
      const other = tried(8, 12, 1, { standsFor: { client: 7, clock: 4 } })
      const groups = [
        [tried(8, 0), tried(8, 1, 2), tried(9, 0), tried(9, 1)],
        [tried(9, 2), nothing(3), nothing(4, 3)],
        // What stands for itself, and its neighbours that stand for that; another author, another write, one that empties.
        [
          tried(7, 2),
          own(3),
          tried(7, 4),
          tried(8, 7, 1, { author: BOB }),
          tried(8, 8, 1, { cleared: true }),
          tried(8, 9),
          other,
        ],
      ]
      let last: Position = ORIGIN
      for (const marks of groups) last = positionOf(await write(store, key, last, found({ marks })))
      const runs = [tried(8, 0, 3), tried(9, 0, 3), nothing(3, 4)]
      expect((await store.ledger(key, 1)).marks).toEqual([tried(8, 0, 3), tried(9, 0, 2)])
      expect((await store.ledger(key, 2)).marks).toEqual(runs)
      expect((await store.ledger(key, LATEST)).marks).toEqual([...runs, ...(groups[2] ?? [])])
    })

    test('P11: are of one record only', async () => {
      const { store } = open()
      const [one, other] = [recordKey(), recordKey()]
      const settledThere = conflict()
      await write(store, one, ORIGIN, { ...everything(), conflicts: [settledThere] })
      const withdrawn = conflict()
      const first = await write(store, other, ORIGIN, found({ conflicts: [withdrawn] }))
      await write(store, other, positionOf(first), found({ withdrawn: [settledThere.id], clients: [owned(77, BOB)] }))
      const { conflicts, clients } = await store.ledger(one, LATEST)
      expect([conflicts, clients]).toEqual([[settledThere], [owned(77)]])
      expect((await store.ledger(other, LATEST)).conflicts).toEqual([withdrawn])
    })

    test('P7: changes of rows are settled by the entry that holds them, once, and by no entry that is not admitted', async () => {
      const { store, capture, captured } = open()
      const key = recordKey()
      const ids = [await capture(key), await capture(key), await capture(key)] as const
      const states = async () => (await Promise.all(ids.map((id) => captured(key.tenant, id)))).map((one) => one?.status)
      const lacking = 'stage was refused: it is none of the values that there are'
      const first = await write(
        store,
        key,
        ORIGIN,
        found({
          absorbed: [
            { id: ids[0], status: 'absorbed', reason: null },
            { id: ids[1], status: 'partial', reason: lacking },
          ],
        }),
      )
      expect(await states()).toEqual(['absorbed', 'partial', 'pending'])
      expect(await captured(key.tenant, ids[1])).toMatchObject({ reason: lacking })
      const again = (id: number): Findings => found({ absorbed: [{ id, status: 'refused', reason: 'again' }] })
      const late = entryOf(key, ORIGIN, { findings: again(ids[2]) })
      const twice = entryOf(key, positionOf(first), { findings: again(ids[0]) })
      // Of a record that is not there yet nothing may be left.
      const neighbour = recordKey('r2', key.tenant)
      const second = entryOf(neighbour, ORIGIN, { findings: again(ids[0]) })
      const beside = entryOf(recordKey('r3', key.tenant), ORIGIN, { findings: found({ conflicts: [conflict()] }) })
      expect(await store.insert([late, second, beside])).toEqual(new Set([beside.id]))
      expect(await store.insert([twice])).toEqual(new Set())
      expect(await states()).toEqual(['absorbed', 'partial', 'pending'])
      expect(await store.load(neighbour)).toBeUndefined()
      await write(store, key, positionOf(first), again(ids[2]))
      expect(await states()).toEqual(['absorbed', 'partial', 'refused'])
    })

    test('P11: an entry settles no change of another tenant', async () => {
      const { store, capture, captured } = open()
      const [mine, theirs] = [recordKey(), recordKey()]
      const id = await capture(theirs)
      const entry = entryOf(mine, ORIGIN, { findings: found({ absorbed: [{ id, status: 'absorbed', reason: null }] }) })
      expect(await store.insert([entry])).toEqual(new Set())
      expect(await captured(theirs.tenant, id)).toMatchObject({ status: 'pending' })
    })

    test('P12: leave with an erasure, and so does what was held back', async () => {
      const { store, erase, changes, conflicts } = open()
      const key = recordKey()
      await write(store, key, ORIGIN, everything())
      const [aside, refused] = [setAsideRow(key), refusedRow(key)]
      await store.setAside(aside)
      await store.quarantine(refused)
      await store.bind([{ key, client: 5, owner: ADA }])
      await erase(key)
      await store.bind([{ key, client: 6, owner: ADA }])
      expect(await store.ledger(key, LATEST)).toEqual(EMPTY_LEDGER)
      expect([await changes(key), [...(await conflicts(key))]]).toEqual([[], []])
      for (const { id } of [aside, refused]) expect(await store.heldBack(key.tenant, id)).toBeUndefined()
    })

    describe('whose client ids are', () => {
      test("an entry that claims somebody else's is not admitted; one that claims its own again is", async () => {
        const { store, changes } = open()
        const tenant = freshTenant()
        const [key, beside] = [recordKey('r1', tenant), recordKey('r2', tenant)]
        const first = await write(store, key, ORIGIN, found({ clients: [owned(1)] }))
        const thief = entryOf(key, positionOf(first), { findings: { ...everything(), clients: [owned(2, BOB), owned(1, BOB)] } })
        const innocent = entryOf(beside, ORIGIN, { findings: found({ clients: [owned(1, BOB)] }) })
        expect(await store.insert([thief, innocent])).toEqual(new Set([innocent.id]))
        expect(await changes(key)).toEqual([])
        const again = await write(store, key, positionOf(first), found({ clients: [owned(1), owned(2, BOB)] }))
        await write(store, key, positionOf(again))
        expect((await store.ledger(key, LATEST)).clients).toEqual([owned(1), owned(2, BOB)])
        // The row is still the first entry's.
        expect((await store.ledger(key, 1)).clients).toEqual([owned(1)])
      })

      test('presence binds an id: its owner may write with it, and nobody else', async () => {
        const { store } = open()
        const key = recordKey()
        const first = await write(store, key)
        await store.bind([
          { key, client: 8, owner: ADA },
          { key, client: 9, owner: BOB },
        ])
        expect((await store.ledger(key, 1)).clients).toEqual([owned(8), owned(9, BOB)])
        const thief = entryOf(key, positionOf(first), { findings: found({ clients: [owned(8, BOB)] }) })
        expect(await store.insert([thief])).toEqual(new Set())
        const role = { sub: 'ada', role: 'admin' }
        await write(store, key, positionOf(first), found({ clients: [owned(8, role)] }))
        expect((await store.ledger(key, 2)).clients).toEqual([owned(8, role), owned(9, BOB)])
        // By the second entry now, and no longer by presence.
        expect((await store.ledger(key, 1)).clients).toEqual([owned(9, BOB)])
      })

      test('presence binds an id before anything was written, without making a record, and the first write minds it', async () => {
        const { store } = open()
        const tenant = freshTenant()
        const [key, neighbour] = [recordKey('r1', tenant), recordKey('r2', tenant)]
        await store.bind([{ key, client: 8, owner: ADA }])
        expect([await store.heads([key]), (await store.ledger(key, 0)).clients]).toEqual([[undefined], [owned(8)]])
        const thief = entryOf(key, ORIGIN, { findings: found({ clients: [owned(8, BOB)] }) })
        const other = entryOf(neighbour, ORIGIN, { findings: found({ clients: [owned(8, BOB)] }) })
        expect(await store.insert([thief, other])).toEqual(new Set([other.id]))
        expect([await store.heads([key]), await store.load(key)]).toEqual([[undefined], undefined])
        await write(store, key, ORIGIN, found({ clients: [owned(8)] }))
        expect((await store.ledger(key, LATEST)).clients).toEqual([owned(8)])
      })

      test("presence takes no id that is somebody's, and none in a record that was erased", async () => {
        const { store, erase } = open()
        const tenant = freshTenant()
        const [key, erased] = [recordKey('r1', tenant), recordKey('r2', tenant)]
        await write(store, key, ORIGIN, found({ clients: [owned(1), owned(2, ADA, true)] }))
        await write(store, erased)
        await erase(erased)
        await store.bind([
          { key, client: 1, owner: BOB },
          { key, client: 2, owner: BOB },
          { key: erased, client: 3, owner: BOB },
          { key, client: 4, owner: BOB },
          { key, client: 4, owner: ADA },
        ])
        await store.bind([{ key, client: 4, owner: ADA }])
        await store.bind([])
        expect((await store.ledger(key, LATEST)).clients).toEqual([owned(1), owned(2, ADA, true), owned(4, BOB)])
        expect((await store.ledger(erased, LATEST)).clients).toEqual([])
      })

      test('a relayed id is nobody’s until its owner writes', async () => {
        const { store } = open()
        const key = recordKey()
        const first = await write(store, key, ORIGIN, found({ clients: [owned(1, ADA, true), owned(2, ADA, true)] }))
        const second = await write(store, key, positionOf(first), found({ clients: [owned(1, BOB), owned(2, BOB, true)] }))
        expect((await store.ledger(key, 2)).clients).toEqual([owned(1, BOB), owned(2, ADA, true)])
        const late = entryOf(key, positionOf(second), { findings: found({ clients: [owned(1, ADA)] }) })
        expect(await store.insert([late])).toEqual(new Set())
        await store.bind([{ key, client: 3, owner: ADA }])
        await write(store, key, positionOf(second), found({ clients: [owned(3, ADA, true)] }))
        expect((await store.ledger(key, 3)).clients.at(-1)).toEqual(owned(3, ADA))
      })

      test('P10: of one sender and record the newest 100 that were only announced are kept', async () => {
        const { store } = open()
        const tenant = freshTenant()
        const [key, other] = [recordKey('r1', tenant), recordKey('r2', tenant)]
        await write(store, key, ORIGIN, found({ clients: [owned(5_000)] }))
        await write(store, other)
        await store.bind([
          { key, client: 6_000, owner: BOB },
          { key: other, client: 1, owner: ADA },
        ])
        for (let client = 0; client < 110; client += 2) {
          await store.bind([client, client + 1].map((one) => ({ key, client: one, owner: ADA })))
        }
        const kept = (await store.ledger(key, LATEST)).clients.map(({ client }) => client)
        expect(kept).toEqual([...Array.from({ length: 100 }, (_, index) => index + 10), 5_000, 6_000])
        expect((await store.ledger(other, LATEST)).clients).toEqual([owned(1)])
      })
    })

    describe('P5: conflicts', () => {
      test('are replaced, withdrawn and settled by later entries', async () => {
        const { store, conflicts } = open()
        const key = recordKey()
        const [stays, goes, settled] = [conflict(), conflict(), conflict()]
        const first = await write(store, key, ORIGIN, found({ conflicts: [stays, goes, settled] }))
        const newer = { ...conflict({ value: 'newer', path: ['fields', 'department'] }), id: stays.id }
        const second = await write(store, key, positionOf(first), {
          ...NO_FINDINGS,
          conflicts: [newer],
          withdrawn: [goes.id, randomUUID()],
          settled: [
            { id: settled.id, status: 'restored' },
            { id: randomUUID(), status: 'dismissed' },
          ],
        })
        expect((await store.ledger(key, 2)).conflicts).toEqual([newer])
        expect(await conflicts(key)).toEqual(
          new Map([
            [stays.id, 'open'],
            [settled.id, 'restored'],
          ]),
        )
        // What was settled is no mistake any more; but it opens again if another piece of the same chain arrives.
        const third = await write(store, key, positionOf(second), found({ withdrawn: [settled.id] }))
        expect((await conflicts(key)).get(settled.id)).toBe('restored')
        await write(store, key, positionOf(third), found({ conflicts: [settled] }))
        expect((await store.ledger(key, 4)).conflicts).toEqual([newer, settled])
      })

      test('that are settled already stay as they are when another entry settles them', async () => {
        const { store, conflicts } = open()
        const key = recordKey()
        const row = conflict()
        const first = await write(store, key, ORIGIN, found({ conflicts: [row] }))
        const second = await write(store, key, positionOf(first), found({ settled: [{ id: row.id, status: 'dismissed' }] }))
        await write(store, key, positionOf(second), found({ settled: [{ id: row.id, status: 'restored' }] }))
        expect(await conflicts(key)).toEqual(new Map([[row.id, 'dismissed']]))
      })

      test('P10: those that the server dismisses with an entry are kept as dismissed, new, changed or as they were', async () => {
        const { store, conflicts } = open()
        const key = recordKey()
        const [stays, changes, goes, fresh] = [conflict(), conflict(), conflict(), conflict()]
        const first = await write(store, key, ORIGIN, found({ conflicts: [stays, changes, goes] }))
        const second = await write(store, key, positionOf(first), {
          ...NO_FINDINGS,
          conflicts: [
            { ...fresh, dismissed: true },
            { ...conflict({ value: 'newer' }), id: changes.id, dismissed: true },
          ],
          settled: [{ id: goes.id, status: 'dismissed', byServer: true }],
        })
        expect((await store.ledger(key, LATEST)).conflicts).toEqual([stays])
        const dismissed = [changes, goes, fresh].map(({ id }) => [id, 'dismissed'] as const)
        expect(await conflicts(key)).toEqual(new Map([[stays.id, 'open'], ...dismissed]))
        // Nobody settles them once more; a later piece of the chain opens its row again.
        const settled = [{ id: fresh.id, status: 'restored' as const }]
        const third = await write(store, key, positionOf(second), found({ settled }))
        expect((await conflicts(key)).get(fresh.id)).toBe('dismissed')
        await write(store, key, positionOf(third), found({ conflicts: [fresh] }))
        expect((await store.ledger(key, LATEST)).conflicts).toEqual([stays, fresh])
      })

      test('of many records are settled in one group, each its own', async () => {
        const { store, conflicts } = open()
        const tenant = freshTenant()
        const statuses = ['restored', 'dismissed', 'restored'] as const
        const rows = statuses.map((status, index) => ({ status, key: recordKey(`r${index}`, tenant), row: conflict() }))
        const firsts = rows.map(({ key, row }) => entryOf(key, ORIGIN, { findings: found({ conflicts: [row] }) }))
        await store.insert(firsts)
        const seconds = rows.map(({ key, row, status }, index) =>
          entryOf(key, positionOf(firsts[index] as JudgedEntry), { findings: found({ settled: [{ id: row.id, status }] }) }),
        )
        expect((await store.insert(seconds)).size).toBe(3)
        for (const { key, row, status } of rows) expect(await conflicts(key)).toEqual(new Map([[row.id, status]]))
      })
    })

    describe('what is held back', () => {
      test('set aside is one a record and sender, the newest, and the ledger says what it waits for', async () => {
        const { store } = open()
        const tenant = freshTenant()
        const [key, other] = [recordKey('r1', tenant), recordKey('r2', tenant)]
        const [old, newest, bobs, elsewhere] = [
          setAsideRow(key),
          { ...setAsideRow(key), awaits: [{ client: 0, clock: 2 ** 32 }], roles: [], teams: [], at: 1_800_000_000_001 },
          { ...setAsideRow(key), author: BOB, at: 1_800_000_000_002 },
          setAsideRow(other),
        ]
        for (const row of [old, newest, bobs, elsewhere]) await store.setAside(row)
        const awaited = [newest, bobs].map(({ id, awaits }) => ({ id, awaits }))
        expect((await store.ledger(key, 0)).setAside).toEqual(awaited)
        expect(await heldBack(store, key, old.id)).toBeUndefined()
        expect(await heldBack(store, key, newest.id)).toEqual({ state: 'set-aside', ...newest })
        expect(await store.dropHeldBack(tenant, newest.id)).toBe(true)
        expect((await store.ledger(key, 0)).setAside).toEqual(awaited.slice(1))
        expect((await store.ledger(other, 0)).setAside).toHaveLength(1)
      })

      test('is found by its id, and dropped once', async () => {
        const { store } = open()
        const key = recordKey()
        const row = { ...refusedRow(key), roles: ['rep', '"quoted"'], teams: ['north', ''], bytes: Uint8Array.of(0, 92, 255) }
        await store.quarantine(row)
        expect(await heldBack(store, key, row.id)).toEqual({ state: 'quarantined', ...row })
        expect(await store.dropHeldBack(key.tenant, row.id)).toBe(true)
        expect(await store.dropHeldBack(key.tenant, row.id)).toBe(false)
        for (const id of [row.id, randomUUID(), 'no uuid']) {
          expect(await store.heldBack(key.tenant, id)).toBeUndefined()
          expect(await store.dropHeldBack(key.tenant, id)).toBe(false)
        }
      })

      test('P11: is not there for another tenant', async () => {
        const { store } = open()
        const key = recordKey()
        const rows = [refusedRow(key), setAsideRow(key)] as const
        await store.quarantine(rows[0])
        await store.setAside(rows[1])
        for (const { id } of rows) {
          expect(await store.heldBack(freshTenant(), id)).toBeUndefined()
          expect(await store.dropHeldBack(freshTenant(), id)).toBe(false)
          expect(await store.heldBack(key.tenant, id)).toBeDefined()
        }
      })
    })

    test('a restoration is told until its time is over, or it is called off', async () => {
      const { store, markRestored } = open()
      const key = recordKey()
      const restored = async () => (await store.ledger(key, 0)).restored
      expect(await restored()).toBe(false)
      await markRestored(Date.now() + 3_600_000)
      expect(await restored()).toBe(true)
      await markRestored(Date.now() - 3_600_000)
      expect(await restored()).toBe(false)
      await markRestored(Date.now() + 3_600_000)
      await markRestored(undefined)
      expect(await restored()).toBe(false)
    })
  })
}

export function found(findings: Partial<Findings>): Findings {
  return { ...NO_FINDINGS, ...findings }
}

async function write(store: LogStore, key: RecordKey, previous: Position = ORIGIN, findings = NO_FINDINGS): Promise<JudgedEntry> {
  const entry = entryOf(key, previous, { findings })
  if (!(await store.insert([entry])).has(entry.id)) throw new Error('the entry was not admitted')
  return entry
}

/** Drivers answer with kinds of byte arrays of their own, which would not compare as equal. */
async function heldBack(store: LogStore, key: RecordKey, id: string): Promise<object | undefined> {
  const row = await store.heldBack(key.tenant, id)
  return row && { ...row, bytes: Uint8Array.from(row.bytes) }
}

function byId<T extends { readonly id: string }>(rows: readonly T[]): ReadonlyMap<string, T> {
  return new Map(rows.map((row) => [row.id, row]))
}

function everything(): Findings {
  return found({
    marks: [mark(1)],
    clients: [owned(77)],
    changes: [change(['fields', 'title'], null, 'CEO')],
    conflicts: [conflict()],
  })
}

function mark(clock: number): Mark {
  return { client: 12, clock, length: 2, author: ADA, standsFor: { client: 13, clock: clock + 1 }, cleared: false }
}

function change(path: readonly string[], before: FieldChange['before'], after: FieldChange['after']): FieldChange {
  return { path, before, after, author: ADA, device: '4294967295', via: 'socket', item: { client: 2 ** 32 - 1, clock: 2 ** 32 } }
}

export function conflict({ path = ['fields', 'title'], value = 'CEO' as FieldChange['after'] } = {}): Conflict {
  return {
    id: randomUUID(),
    path,
    kept: { item: { client: 2 ** 32 - 1, clock: 2 ** 32 }, value, author: ADA },
    replaced: { item: { client: 0, clock: 0 }, value: null, author: BOB },
  }
}

export function refusedRow(key: RecordKey): QuarantineRow {
  return {
    id: randomUUID(),
    key,
    reason: 'it cannot be applied',
    author: ADA,
    roles: ['rep'],
    teams: ['north', 'south'],
    at: 1_800_000_000_000,
    bytes: Uint8Array.of(0, 255, 7),
  }
}

export function setAsideRow(key: RecordKey): SetAsideRow {
  return { ...refusedRow(key), reason: 'it waits', awaits: [{ client: 2 ** 32 - 1, clock: 3 }] }
}
