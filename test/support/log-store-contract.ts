/**
 * What every log store must do, whatever it stores in. Run over the store in memory, PGlite and Postgres. Each test uses a
 * tenant of its own, so that the tests share one database and may run in any order.
 */
import { randomUUID } from 'node:crypto'
import type { RecordKey } from '@rapport/shared/ids.ts'
import { describe, expect, test } from 'vitest'
import type { JudgedEntry, Position, QuarantineRow, Snapshot, StoredRecord } from '../../server/log/entry.ts'
import { headOf, ORIGIN } from '../../server/log/entry.ts'
import { type Mark, NO_FINDINGS } from '../../server/log/findings.ts'
import type { LogStore } from '../../server/log/log-store.ts'
import { entryOf, freshTenant, positionOf, recordKey, writeChain } from './entries.ts'

export interface StoreUnderTest {
  readonly store: LogStore
  /** What the seam has no call for, done by other means. */
  erase(key: RecordKey): Promise<void>
  schemaVersion(key: RecordKey): Promise<number | undefined>
  serverItems(key: RecordKey): Promise<readonly Mark[]>
  quarantined(key: RecordKey): Promise<readonly string[]>
  /** Sequences of the entries that left word for the projector. */
  marks(key: RecordKey): Promise<readonly number[]>
}

function at(entries: readonly JudgedEntry[], sequence: number): Position {
  const entry = entries[sequence - 1]
  if (entry === undefined) throw new Error(`no entry ${sequence}`)
  return positionOf(entry)
}

function snapshotAt(position: Position, fill = 7): Snapshot {
  return { position, update: Uint8Array.of(fill, 1), stateVector: Uint8Array.of(fill, 2) }
}

/** `open` is asked once per test; it may answer with the same store each time. */
export function describeLogStore(name: string, open: () => StoreUnderTest): void {
  describe(`the log store contract on ${name}`, () => {
    describe('admission', () => {
      test('the first entry creates the record, and the next one follows it', async () => {
        const { store } = open()
        const key = recordKey()
        expect(await store.load(key)).toBeUndefined()
        const [first, second] = await writeChain(store, key, 2)
        const loaded = await store.load(key)
        expect(loaded).toMatchObject({ key, createdAt: 1_800_000_000_123, createdBy: 'ada', erased: false, snapshot: undefined })
        expect(loaded?.updatedAt).toBe(1_800_000_000_123)
        expect(loaded?.tail.map((row) => row.position)).toEqual([
          { sequence: 1, entry: first?.id },
          { sequence: 2, entry: second?.id },
        ])
      })

      test('the first entry says which version of its type the record was created under, and no later one changes it', async () => {
        const { store, schemaVersion } = open()
        const tenant = freshTenant()
        const [one, two] = [recordKey('r1', tenant), recordKey('r2', tenant)]
        const first = entryOf(one, ORIGIN, { schemaVersion: 7 })
        await store.insert([entryOf(two, ORIGIN, { schemaVersion: 3 }), first])
        expect((await store.insert([entryOf(one, positionOf(first), { schemaVersion: 8 })])).size).toBe(1)
        expect([await schemaVersion(one), await schemaVersion(two)]).toEqual([7, 3])
      })

      test('P1: an entry that was outrun leaves no trace and does not disturb its group', async () => {
        const { store, serverItems } = open()
        const tenant = freshTenant()
        const [one, two] = [recordKey('r1', tenant), recordKey('r2', tenant)]
        const [winner] = await writeChain(store, one, 1)
        const loser = entryOf(one, ORIGIN, { findings: { ...NO_FINDINGS, marks: [serverItem(1)] } })
        const beside = entryOf(two, ORIGIN)
        expect(await store.insert([loser, beside])).toEqual(new Set([beside.id]))
        expect((await store.load(one))?.tail.map((row) => row.position.entry)).toEqual([winner?.id])
        expect(await serverItems(one)).toEqual([])
        expect((await store.load(two))?.tail).toHaveLength(1)
      })

      test('P6: every entry that was admitted leaves a mark for the projector, and no other does', async () => {
        const { store, marks } = open()
        const tenant = freshTenant()
        const [one, two] = [recordKey('r1', tenant), recordKey('r2', tenant)]
        const chain = await writeChain(store, one, 2)
        await store.insert([entryOf(one, at(chain, 1)), entryOf(two, ORIGIN)])
        expect([await marks(one), await marks(two)]).toEqual([[1, 2], [1]])
      })

      test('an entry is refused behind a predecessor that was replaced: same sequence, other entry', async () => {
        const { store } = open()
        const key = recordKey()
        const [first] = await writeChain(store, key, 1)
        const stale = entryOf(key, { sequence: 1, entry: randomUUID() })
        expect(await store.insert([stale])).toEqual(new Set())
        expect(headOf(await loaded(store, key))).toEqual({ sequence: 1, entry: first?.id })
      })

      test('an entry is refused if it would leave a hole, or names a record that does not exist', async () => {
        const { store } = open()
        const key = recordKey()
        await writeChain(store, key, 2)
        expect(await store.insert([entryOf(key, { sequence: 5, entry: randomUUID() })])).toEqual(new Set())
        const unknown = recordKey('other', key.tenant)
        expect(await store.insert([entryOf(unknown, { sequence: 1, entry: randomUUID() })])).toEqual(new Set())
        expect(await store.load(unknown)).toBeUndefined()
      })

      test('an erased record admits nothing, neither as new nor behind its old head', async () => {
        const { store, erase } = open()
        const key = recordKey()
        const entries = await writeChain(store, key, 2)
        await erase(key)
        expect(await store.insert([entryOf(key)])).toEqual(new Set())
        expect(await store.insert([entryOf(key, at(entries, 2))])).toEqual(new Set())
        expect(await store.load(key)).toMatchObject({ erased: true, tail: [], snapshot: undefined })
      })

      test('an entry behind a snapshot is admitted, one below it never', async () => {
        const { store } = open()
        const key = recordKey()
        const entries = await writeChain(store, key, 3)
        expect(await store.swapSnapshot(key, 0, snapshotAt(at(entries, 3)))).toBe(true)
        for (const sequence of [1, 2]) expect(await store.insert([entryOf(key, at(entries, sequence))])).toEqual(new Set())
        expect(await store.insert([entryOf(key)])).toEqual(new Set())
        expect(await store.insert([entryOf(key, { sequence: 3, entry: randomUUID() })])).toEqual(new Set())
        await writeChain(store, key, 1, at(entries, 3))
      })

      test('equal ids of other tenants and types are other records (P11)', async () => {
        const { store } = open()
        const keys = [recordKey(), recordKey(), recordKey('r1', freshTenant(), 'account')]
        for (const key of keys) await writeChain(store, key, 1)
        for (const key of keys) expect((await store.load(key))?.tail).toHaveLength(1)
      })

      test('the same entry twice is stored once, and found by its id after an unknown outcome', async () => {
        const { store } = open()
        const key = recordKey()
        const entry = entryOf(key)
        expect(await store.stored([entry])).toEqual(new Set())
        await store.insert([entry])
        expect(await store.insert([entry])).toEqual(new Set())
        const other = entryOf(key)
        expect(await store.stored([entry, other])).toEqual(new Set([entry.id]))
      })

      test('of many writers that race for one place exactly one wins, without an error', async () => {
        const { store } = open()
        const key = recordKey()
        let previous = ORIGIN
        for (let round = 0; round < 5; round++) {
          const rivals = Array.from({ length: 6 }, () => entryOf(key, previous))
          const admitted = await Promise.all(rivals.map((rival) => store.insert([rival])))
          const winners = rivals.filter((rival, index) => admitted[index]?.has(rival.id))
          expect(winners).toHaveLength(1)
          previous = headOf(await loaded(store, key))
          expect(previous).toEqual(winners[0] && positionOf(winners[0]))
        }
      })

      test('an empty group is no error', async () => {
        expect(await open().store.insert([])).toEqual(new Set())
        expect(await open().store.stored([])).toEqual(new Set())
      })
    })

    describe('what is read back', () => {
      test('is exact to the byte: all values, nothing at all, and a megabyte', async () => {
        const { store } = open()
        const key = recordKey()
        const updates = [
          Uint8Array.from({ length: 256 }, (_, byte) => byte),
          new Uint8Array(0),
          new Uint8Array(1_048_576).fill(92),
        ]
        let previous = ORIGIN
        for (const update of updates) {
          const entry = entryOf(key, previous, { update })
          await store.insert([entry])
          previous = positionOf(entry)
        }
        const { tail } = await loaded(store, key)
        expect(tail.map((row) => Buffer.compare(row.update, updates[row.position.sequence - 1] ?? Buffer.of(1)))).toEqual([
          0, 0, 0,
        ])
        const snapshot = { position: previous, update: updates[0] ?? Buffer.of(), stateVector: updates[1] ?? Buffer.of() }
        await store.swapSnapshot(key, 0, snapshot)
        const read = (await loaded(store, key)).snapshot
        expect(read && [Buffer.compare(read.update, snapshot.update), read.stateVector.length]).toEqual([0, 0])
      })

      test('a group of 300 records with their side rows appears as a whole', async () => {
        const { store, serverItems } = open()
        const tenant = freshTenant()
        const entries = Array.from({ length: 300 }, (_, index) =>
          entryOf(recordKey(`r${index}`, tenant), ORIGIN, {
            findings: { ...NO_FINDINGS, marks: index % 3 === 0 ? [serverItem(index), serverItem(9_000)] : [] },
          }),
        )
        expect((await store.insert(entries)).size).toBe(300)
        expect((await store.heads(entries.map((entry) => entry.key))).map((head) => head?.entry)).toEqual(
          entries.map(({ id }) => id),
        )
        expect(await serverItems(recordKey('r3', tenant))).toEqual([serverItem(3), serverItem(9_000)])
        expect(await serverItems(recordKey('r4', tenant))).toEqual([])
      })

      test('5,000 entries load in order, with and without a snapshot', async () => {
        const { store } = open()
        const tenant = freshTenant()
        const [key, others] = [recordKey('long', tenant), Array.from({ length: 9 }, (_, index) => recordKey(`o${index}`, tenant))]
        const entries: JudgedEntry[] = []
        const previous = new Map<RecordKey, Position>()
        for (let sequence = 1; sequence <= 5_000; sequence++) {
          const group = [key, ...(sequence <= 50 ? others : [])].map((one) => entryOf(one, previous.get(one) ?? ORIGIN))
          expect((await store.insert(group)).size).toBe(group.length)
          for (const entry of group) previous.set(entry.key, positionOf(entry))
          entries.push(...group.slice(0, 1))
        }
        const whole = await loaded(store, key)
        expect(whole.tail.map((row) => row.position)).toEqual(entries.map(positionOf))
        await store.swapSnapshot(key, 0, snapshotAt(at(entries, 4_990)))
        const compacted = await loaded(store, key)
        expect(compacted.snapshot).toEqual(snapshotAt(at(entries, 4_990)))
        expect(compacted.tail.map((row) => row.position)).toEqual(entries.slice(4_990).map(positionOf))
        expect(compacted.updatedAt).toBe(whole.updatedAt)
      })

      test('the entries behind a sequence come in order and within the limit', async () => {
        const { store } = open()
        const key = recordKey()
        const entries = await writeChain(store, key, 6)
        const rows = await store.readAfter(key, 2, 3)
        expect(rows.map((row) => row.position)).toEqual([3, 4, 5].map((sequence) => at(entries, sequence)))
        expect(rows.map((row) => [row.at, ...row.update])).toEqual([2, 3, 4].map((fill) => [1_800_000_000_123, fill, 0]))
        expect(await store.readAfter(key, 6, 3)).toEqual([])
        expect(await store.readAfter(recordKey('none'), 0, 3)).toEqual([])
      })

      test('heads come in the order asked, undefined for what does not exist', async () => {
        const { store } = open()
        const tenant = freshTenant()
        const [one, two] = [recordKey('r1', tenant), recordKey('r2', tenant)]
        const [entries, others] = [await writeChain(store, one, 3), await writeChain(store, two, 1)]
        await store.swapSnapshot(one, 0, snapshotAt(at(entries, 3)))
        const heads = await store.heads([two, recordKey('none', tenant), one, two])
        expect(heads).toEqual([at(others, 1), undefined, at(entries, 3), at(others, 1)])
        expect(await store.heads([])).toEqual([])
      })

      test('a page holds ids in the order of their bytes, without erased ones and without other types', async () => {
        const { store, erase } = open()
        const tenant = freshTenant()
        for (const id of ['b', 'a', 'B', '_', '-', 'a-1', 'a1', '0', 'erased']) await writeChain(store, recordKey(id, tenant), 1)
        await writeChain(store, recordKey('c', tenant, 'account'), 1)
        await erase(recordKey('erased', tenant))
        expect(await store.page(tenant, 'contact', '', 100)).toEqual(['-', '0', 'B', '_', 'a', 'a-1', 'a1', 'b'])
        expect(await store.page(tenant, 'contact', 'B', 2)).toEqual(['_', 'a'])
        expect(await store.page(tenant, 'opportunity', '', 100)).toEqual([])
      })

      test('it knows whether it holds records of other tenants', async () => {
        const { store } = open()
        const [one, other] = [freshTenant(), freshTenant()]
        await writeChain(store, recordKey('r', one), 1)
        expect(await store.hasOthers(other)).toBe(true)
      })
    })

    describe('snapshots', () => {
      test('a snapshot is swapped only for the one it was made from', async () => {
        const { store } = open()
        const key = recordKey()
        const entries = await writeChain(store, key, 4)
        expect(await store.swapSnapshot(key, 0, snapshotAt(at(entries, 2), 1))).toBe(true)
        expect(await store.swapSnapshot(key, 0, snapshotAt(at(entries, 3), 2))).toBe(false)
        expect(await store.swapSnapshot(key, 2, snapshotAt(at(entries, 2), 3))).toBe(false)
        expect(await store.swapSnapshot(key, 2, snapshotAt(at(entries, 1), 3))).toBe(false)
        expect((await loaded(store, key)).snapshot).toEqual(snapshotAt(at(entries, 2), 1))
        expect(await store.swapSnapshot(key, 2, snapshotAt(at(entries, 4), 4))).toBe(true)
        expect(await loaded(store, key)).toMatchObject({ snapshot: snapshotAt(at(entries, 4), 4), tail: [] })
      })

      test('a snapshot of a history that the log does not hold is refused', async () => {
        const { store, erase } = open()
        const key = recordKey()
        const entries = await writeChain(store, key, 2)
        expect(await store.swapSnapshot(key, 0, snapshotAt({ sequence: 2, entry: randomUUID() }))).toBe(false)
        expect(await store.swapSnapshot(key, 0, snapshotAt({ sequence: 3, entry: randomUUID() }))).toBe(false)
        expect(await store.swapSnapshot(recordKey('none'), 0, snapshotAt(at(entries, 1)))).toBe(false)
        await erase(key)
        expect(await store.swapSnapshot(key, 0, snapshotAt(at(entries, 2)))).toBe(false)
        expect((await loaded(store, key)).snapshot).toBeUndefined()
      })

      test('a load that runs beside writers and compactions always sees one whole record', async () => {
        const { store } = open()
        const key = recordKey()
        const entries = await writeChain(store, key, 1)
        let writing = true
        const write = async (): Promise<void> => {
          for (let sequence = 1; sequence <= 60; sequence++) {
            entries.push(...(await writeChain(store, key, 1, at(entries, sequence))))
            if (sequence % 3 === 0) await store.swapSnapshot(key, sequence - 3, snapshotAt(at(entries, sequence)))
          }
          writing = false
        }
        const read = async (): Promise<void> => {
          while (writing) {
            const { snapshot, tail } = await loaded(store, key)
            const start = snapshot?.position.sequence ?? 0
            expect(tail.map((row) => row.position.sequence)).toEqual(tail.map((_, index) => start + index + 1))
            // A store in memory answers in microtasks; the writer is let in.
            await new Promise((resolve) => setImmediate(resolve))
          }
        }
        await Promise.all([write(), read(), read()])
        expect(headOf(await loaded(store, key)).sequence).toBe(61)
      })
    })

    test('quarantine keeps the newest 20 of a record, also of one that was never written', async () => {
      const { store, quarantined } = open()
      const tenant = freshTenant()
      const [key, other] = [recordKey('r1', tenant), recordKey('r2', tenant)]
      const rows = Array.from({ length: 25 }, () => quarantineRow(key))
      await store.quarantine(quarantineRow(other))
      for (const row of rows) await store.quarantine(row)
      const last = rows.at(-1)
      if (last !== undefined) await store.quarantine(last)
      expect(await quarantined(key)).toEqual(rows.slice(5).map((row) => row.id))
      expect(await quarantined(other)).toHaveLength(1)
    })
  })
}

async function loaded(store: LogStore, key: RecordKey): Promise<StoredRecord> {
  const record = await store.load(key)
  if (record === undefined) throw new Error('the record does not exist')
  const { snapshot } = record
  if (snapshot === undefined) return record
  // Drivers answer with kinds of byte arrays of their own, which would not compare as equal.
  const [update, stateVector] = [Uint8Array.from(snapshot.update), Uint8Array.from(snapshot.stateVector)]
  return { ...record, snapshot: { ...snapshot, update, stateVector } }
}

function serverItem(clock: number): Mark {
  const author = { sub: 'ada', role: 'rep' }
  return { client: 4_294_967_295, clock, length: 2, author, standsFor: { client: 12, clock: clock + 1 }, cleared: false }
}

function quarantineRow(key: RecordKey): QuarantineRow {
  const author = { sub: 'eve', role: 'rep' }
  return {
    id: randomUUID(),
    key,
    reason: 'threw',
    author,
    roles: ['rep'],
    teams: [],
    at: 1_800_000_000_000,
    bytes: Uint8Array.of(0, 255),
  }
}
