/**
 * What a real database must stand: long histories, loading beside compaction and writers, one record's poison, and two
 * processes over the same records. Run on the embedded database and on Postgres.
 */

import { randomUUID } from 'node:crypto'
import { systemClock } from '@rapport/shared/clock.ts'
import { keyString, type RecordKey } from '@rapport/shared/ids.ts'
import { requireType } from '@rapport/shared/records/record-types.ts'
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import type { Principal } from '../../server/auth/principal.ts'
import type { Sql } from '../../server/db.ts'
import type { Room } from '../../server/document/handle.ts'
import { createRegistry, type Registry } from '../../server/document/registry.ts'
import type { Subscriber } from '../../server/document/subscriber.ts'
import { createLocalHints } from '../../server/fanout/hints.ts'
import { headOf, ORIGIN, type StoredRecord } from '../../server/log/entry.ts'
import { classifyFailure } from '../../server/log/failures.ts'
import type { LogStore } from '../../server/log/log-store.ts'
import { createUpdateLog, type UpdateLog } from '../../server/log/update-log.ts'
import { createMetrics } from '../../server/observability/metrics.ts'
import { silent, sqlStoreUnderTest } from './database.ts'
import { entryOf, freshTenant, positionOf, recordKey } from './entries.ts'

const EDITS = 20_000
/** How often a record is loaded while it is rewritten, at least. */
const ROUNDS = 1_000

interface Process {
  readonly store: LogStore
  readonly log: UpdateLog
  readonly registry: Registry
  /** Every record that was loaded, in order. */
  readonly loads: StoredRecord[]
  /** What the database answered to group commits that it did not carry out, by SQLSTATE. */
  readonly failures: unknown[]
  /** Entries that were outrun. */
  outrun: number
}

/** A server process without its sockets. */
function startProcess(sql: Sql): Process {
  const { store } = sqlStoreUnderTest(sql)
  const process: Pick<Process, 'loads' | 'failures' | 'outrun'> = { loads: [], failures: [], outrun: 0 }
  const watched: LogStore = {
    ...store,
    async load(key) {
      const stored = await store.load(key)
      if (stored !== undefined) process.loads.push(stored)
      return stored
    },
    async insert(entries) {
      try {
        const admitted = await store.insert(entries)
        process.outrun += entries.length - admitted.size
        return admitted
      } catch (error) {
        process.failures.push((error as { readonly code?: unknown }).code ?? error)
        throw error
      }
    },
  }
  const metrics = createMetrics()
  const log = createUpdateLog({ store: watched, classify: classifyFailure, clock: systemClock, log: silent, metrics })
  const registry = createRegistry({
    log,
    // Without a way to tell each other anything: the log is the only link.
    hints: createLocalHints().join(),
    clock: systemClock,
    logger: silent,
    metrics,
    newEntryId: randomUUID,
    typeOf: requireType,
    maxRecordBytes: 16 * 1024 * 1024,
  })
  return Object.assign(process, { store, log, registry })
}

async function stop({ registry, log }: Process): Promise<void> {
  await registry.drain(1_000)
  await log.close(1_000)
}

const rep = { sub: 'ada', roles: ['rep'], teams: [], expiresAt: Number.POSITIVE_INFINITY } as unknown as Principal

/** A document whose n-th edit makes the field `edits` n and the summary n characters long, with its updates in order. */
function history(count: number): { readonly document: Y.Doc; readonly updates: readonly Uint8Array[] } {
  const document = new Y.Doc()
  const updates: Uint8Array[] = []
  document.on('update', (update: Uint8Array) => updates.push(update))
  for (let edit = 1; edit <= count; edit += 1) {
    document.transact(() => {
      document.getMap('fields').set('edits', edit)
      document.getText('summary').insert(Math.floor(edit / 2), String.fromCharCode(97 + (edit % 26)))
    })
  }
  return { document, updates }
}

/** Throws if what was loaded is not whole. */
function replay({ snapshot, tail }: StoredRecord): Y.Doc {
  const document = new Y.Doc()
  if (snapshot !== undefined) Y.applyUpdate(document, snapshot.update)
  for (const row of tail) Y.applyUpdate(document, row.update)
  if (document.store.pendingStructs !== null || document.store.pendingDs !== null) throw new Error('something is missing')
  return document
}

const contentOf = (document: Y.Doc): unknown => [document.getMap('fields').toJSON(), document.getText('summary').toString()]

/** `second` is another pool on the same database. */
export function describeLoading(name: string, open: () => { sql: Sql; second: Sql }): void {
  describe(`long and busy records on ${name}`, () => {
    test('a record with 20,000 edits is compacted when it is opened, and from then on loads from its snapshot, exactly', async () => {
      const { sql, second } = open()
      const key = recordKey('long')
      const { document, updates } = history(EDITS)
      await writeHistory(sql, key, updates)
      const first = startProcess(sql)
      const room = await first.registry.acquire(key)
      expect(first.loads.map(({ tail }) => tail.length)).toEqual([EDITS])
      await expect.poll(async () => (await first.store.load(key))?.snapshot?.position.sequence, { timeout: 20_000 }).toBe(EDITS)
      for (let edit = 0; edit < 30; edit += 1) {
        await room.edit(rep, (live) => live.getMap('fields').set(`x_${edit}`, edit))
        document.getMap('fields').set(`x_${edit}`, edit)
      }
      const later = startProcess(second)
      const again = await later.registry.acquire(key)
      expect(later.loads.map(({ tail }) => tail.length)).toEqual([30])
      expect(await again.view((view) => [view.sequence, contentOf(view.document)])).toEqual([EDITS + 30, contentOf(document)])
      await stop(later)
      await stop(first)
    })

    test(`P3: loaded ${ROUNDS} times while it is appended to and compacted, a record is whole every time`, async () => {
      const { sql, second } = open()
      const [writer, reader] = [startProcess(sql), startProcess(second)]
      const key = recordKey('busy')
      const { updates } = history(ROUNDS * 20)
      let writing = true
      let written = 0
      const write = async (): Promise<void> => {
        let previous = ORIGIN
        for (const update of updates) {
          const entry = entryOf(key, previous, { update })
          const outcome = await writer.log.append(entry)
          if (outcome.type !== 'committed') throw new Error(`an append was ${outcome.type}`)
          previous = positionOf(entry)
          written += 1
          if (!writing) return
        }
      }
      let compactions = 0
      const compact = async (): Promise<void> => {
        while (writing) {
          if ((await writer.log.compact(key)) !== undefined) compactions += 1
        }
      }
      const read = async (): Promise<void> => {
        for (let round = 0; round < ROUNDS || compactions < 50; ) {
          const stored = await reader.log.load(key)
          if (stored === undefined) continue
          const { sequence } = headOf(stored)
          const first = (stored.snapshot?.position.sequence ?? 0) + 1
          expect(stored.tail.map(({ position }) => position.sequence)).toEqual(stored.tail.map((_, index) => first + index))
          const loaded = replay(stored)
          expect([loaded.getMap('fields').get('edits'), loaded.getText('summary').length]).toEqual([sequence, sequence])
          round += 1
        }
      }
      const reading = read().finally(() => {
        writing = false
      })
      await Promise.all([write(), compact(), reading])
      expect(written).toBeGreaterThan(50)
      expect([...writer.failures, ...reader.failures]).toEqual([])
      await stop(writer)
      await stop(reader)
    })

    test("P10: one record's value that the database refuses never fails another record's commit", async () => {
      const { sql } = open()
      const process = startProcess(sql)
      const tenant = freshTenant()
      const keys = Array.from({ length: 20 }, (_, index) => recordKey(`r${index}`, tenant))
      await sql.unsafe(
        `alter table rapport.record_updates add constraint poisoned check (position('POISON'::bytea in update) = 0) not valid`,
      )
      try {
        const reps = await Promise.all(keys.map(async (key) => createRep(await process.registry.acquire(key))))
        const poisoned = reps[7]
        for (let round = 0; round < 10; round += 1) {
          for (const one of reps) one.set(`x_${round}`, one === poisoned && round === 4 ? 'POISON' : `${round}`)
          await new Promise((resolve) => setTimeout(resolve, 5))
        }
        await expect.poll(() => reps.every((one) => one === poisoned || one.settled() === 10), { timeout: 10_000 }).toBe(true)
        await expect.poll(() => poisoned?.ended(), { timeout: 10_000 }).toBe('refused')
        expect(reps.filter((one) => one.ended() !== undefined)).toEqual([poisoned])
        expect(process.failures.length).toBeGreaterThan(0)
        expect(new Set(process.failures)).toEqual(new Set(['23514']))
        for (const [index, key] of keys.entries()) {
          const stored = await process.store.load(key)
          const fields = stored && replay(stored).getMap('fields').toJSON()
          const whole = Object.fromEntries(Array.from({ length: 10 }, (_, round) => [`x_${round}`, `${round}`]))
          if (index === 7) expect(Object.values(fields ?? {})).not.toContain('POISON')
          else expect(fields).toEqual(whole)
        }
        const quarantined = async (): Promise<unknown> => {
          const rows = await sql<{ id: string }[]>`select record_id as id from rapport.quarantine where tenant = ${tenant}`
          return rows.map(({ id }) => id)
        }
        await expect.poll(quarantined).toEqual(['r7'])
        expect(process.log.healthy()).toBe(true)
      } finally {
        await sql`alter table rapport.record_updates drop constraint poisoned`
        await stop(process)
      }
    })

    test('P1, P3: two processes that write the same 50 records in opposite orders never deadlock, and nothing is lost', async () => {
      const { sql, second } = open()
      const processes = [startProcess(sql), startProcess(second)]
      const tenant = freshTenant()
      const keys = Array.from({ length: 50 }, (_, index) => recordKey(`r${index}`, tenant))
      const edits = 6
      const work = processes.flatMap((process, number) =>
        (number === 0 ? keys : keys.toReversed()).map(async (key) => {
          const room = await process.registry.acquire(key)
          for (let edit = 0; edit < edits; edit += 1) {
            await room.edit(rep, (document) => document.getMap('fields').set(`x_${number}_${edit}`, keyString(key)))
          }
        }),
      )
      await Promise.all(work)
      expect(processes.flatMap(({ failures }) => failures)).toEqual([])
      expect(processes.reduce((sum, { outrun }) => sum + outrun, 0)).toBeGreaterThan(0)
      for (const key of keys) {
        const stored = await processes[0]?.store.load(key)
        const expected = processes.flatMap((_, number) => Array.from({ length: edits }, (__, edit) => `x_${number}_${edit}`))
        expect(stored && Object.keys(replay(stored).getMap('fields').toJSON()).sort()).toEqual(expected.sort())
      }
      for (const process of processes) await stop(process)
    })
  })
}

/** Stores a history as it would stand after so many commits, in a few statements. */
async function writeHistory(sql: Sql, { tenant, type, id }: RecordKey, updates: readonly Uint8Array[]): Promise<void> {
  await sql`insert into rapport.records (tenant, type, id, created_at, created_by) values (${tenant}, ${type}, ${id}, now(), 'ada')`
  const hex = updates.map((update) => Buffer.from(update).toString('hex'))
  await sql`
    insert into rapport.record_updates (tenant, type, record_id, sequence, entry, update, authors, at)
    select ${tenant}, ${type}, ${id}, place, gen_random_uuid(), decode(content, 'hex'), '[]'::jsonb, now()
    from unnest(${hex}::text[]) with ordinality as given (content, place)`
}

/** Somebody who types into a record and listens to nobody. */
function createRep(room: Room): {
  set(name: string, value: string): void
  settled(): number
  ended(): string | undefined
} {
  const document = new Y.Doc()
  let [done, ended]: [number, string | undefined] = [0, undefined]
  const silence = (): void => undefined
  const subscriber: Subscriber = {
    principal: rep,
    echo: false,
    update: silence,
    repeat: silence,
    ask: silence,
    presence: silence,
    settled: (count) => {
      done += count
    },
    end: ({ code }) => {
      ended = code
    },
  }
  room.join(subscriber, silence)
  document.on('update', (update: Uint8Array) => room.submit(subscriber, update))
  return {
    set: (name, value) => document.getMap('fields').set(name, value),
    settled: () => done,
    ended: () => ended,
  }
}
