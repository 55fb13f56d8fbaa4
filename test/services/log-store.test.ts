import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '@rapport/shared/clock.ts'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../server/db.ts'
import { type JudgedEntry, ORIGIN, type Position } from '../../server/log/entry.ts'
import { classifyFailure } from '../../server/log/failures.ts'
import { NO_FINDINGS } from '../../server/log/findings.ts'
import { createSqlLogStore } from '../../server/log/sql-log-store.ts'
import { createUpdateLog } from '../../server/log/update-log.ts'
import { createMetrics } from '../../server/observability/metrics.ts'
import { silent, sqlStoreUnderTest } from '../support/database.ts'
import { entryOf, freshTenant, positionOf, recordKey } from '../support/entries.ts'
import { conflict, describeFindings, found } from '../support/findings-contract.ts'
import { describeLogStore } from '../support/log-store-contract.ts'
import { describePoisonedGroup } from '../support/poisoned-group.ts'
import { type OwnPostgres, openPostgres, startPostgres, type TestPostgres } from '../support/postgres.ts'
import { describeReviewStore } from '../support/review-store-contract.ts'

let server: TestPostgres
let database: Database
const open = (databaseUrl: string) => openDatabase({ databaseUrl, dataDirectory: '' }, silent)

beforeAll(async () => {
  server = await openPostgres()
  database = await open(server.url)
})
afterAll(async () => {
  await database.close()
  await server.close()
})

describeLogStore('Postgres', () => sqlStoreUnderTest(database.sql))
describeFindings('Postgres', () => sqlStoreUnderTest(database.sql))
describeReviewStore('Postgres', () => database.sql)
describePoisonedGroup('Postgres', () => database.sql)

/** A small generator of its own, so that a failure can be run again. */
function seeded(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

describe('two instances on one database', () => {
  test('commit overlapping groups, new records among them, without deadlock, each entry admitted once', async () => {
    const other = await open(server.url)
    const tenant = freshTenant()
    const keys = Array.from({ length: 60 }, (_, index) => recordKey(`r${index}`, tenant))
    const chains = new Map<string, string[]>()
    const instance = async ({ sql }: Database, seed: number): Promise<number> => {
      const store = createSqlLogStore(sql)
      const draw = seeded(seed)
      const heads = new Map<number, Position>()
      let outrun = 0
      for (let round = 0; round < 250; round++) {
        // Any order in, whatever order the caller's rooms came in.
        const chosen = [...new Set(Array.from({ length: 25 }, () => draw(Math.min(keys.length, 10 + round))))]
        const group = new Map<number, JudgedEntry>()
        for (const index of chosen) {
          const key = keys[index]
          const mark = {
            client: seed,
            clock: round,
            length: 1,
            author: { sub: 'a', role: 'rep' },
            standsFor: undefined,
            cleared: false,
          }
          const findings = { ...NO_FINDINGS, marks: [mark] }
          if (key !== undefined) group.set(index, entryOf(key, heads.get(index) ?? ORIGIN, { findings }))
        }
        const admitted = await store.insert([...group.values()])
        const lost: number[] = []
        for (const [index, entry] of group) {
          if (admitted.has(entry.id)) {
            heads.set(index, positionOf(entry))
            chains.set(entry.key.id, [...(chains.get(entry.key.id) ?? []), entry.id])
          } else lost.push(index)
        }
        outrun += lost.length
        const fresh = await store.heads(lost.flatMap((index) => keys[index] ?? []))
        for (const [place, index] of lost.entries()) heads.set(index, fresh[place] ?? ORIGIN)
      }
      return outrun
    }
    const outruns = await Promise.all([instance(database, 1), instance(other, 2), instance(database, 3), instance(other, 4)])
    await other.close()
    const { store, serverItems } = sqlStoreUnderTest(database.sql)
    for (const key of keys) {
      const stored = (await store.load(key))?.tail ?? []
      expect(stored.map((row) => row.position.sequence)).toEqual(stored.map((_, index) => index + 1))
      expect(stored.map((row) => row.position.entry).sort()).toEqual([...(chains.get(key.id) ?? [])].sort())
      // Neighbours that say the same are told as one.
      expect((await serverItems(key)).reduce((clocks, { length }) => clocks + length, 0)).toBe(stored.length)
    }
    // Without any race the test would have shown nothing.
    expect(Math.min(...outruns)).toBeGreaterThan(100)
  })

  test('P10: presence that binds ids in many records does not deadlock with entries that bind them there', async () => {
    const other = await open(server.url)
    const tenant = freshTenant()
    const keys = Array.from({ length: 40 }, (_, index) => recordKey(`r${index}`, tenant))
    const claimants = new Map<string, string[]>()
    let refused = 0
    const write = async ({ sql }: Database, seed: number): Promise<void> => {
      const store = createSqlLogStore(sql)
      const draw = seeded(seed)
      const owner = { sub: `writer-${seed}`, role: 'rep' }
      for (let round = 0; round < 120; round++) {
        const chosen = keys.filter(() => draw(2) === 0)
        const heads = await store.heads(chosen)
        const entries = chosen.map((key, index) => {
          const clients = [{ client: draw(60), owner, relayed: false }]
          return entryOf(key, heads[index] ?? ORIGIN, { findings: { ...NO_FINDINGS, clients } })
        })
        const admitted = await store.insert(entries)
        for (const { id, key, findings } of entries) {
          if (!admitted.has(id)) refused += 1
          else for (const { client } of findings.clients) note(key.id, client, owner.sub)
        }
      }
    }
    const announce = async ({ sql }: Database, seed: number): Promise<void> => {
      const store = createSqlLogStore(sql)
      const draw = seeded(seed)
      const owner = { sub: `reader-${seed}`, role: 'rep' }
      for (let round = 0; round < 120; round++) {
        const chosen = keys.filter(() => draw(2) === 0).reverse()
        await store.bind(chosen.map((key) => ({ key, client: draw(60), owner })))
      }
    }
    const note = (id: string, client: number, sub: string): void => {
      const place = `${id} ${client}`
      claimants.set(place, [...(claimants.get(place) ?? []), sub])
    }
    await Promise.all([write(database, 1), announce(other, 2), write(other, 3), announce(database, 4)])
    await other.close()
    const { store } = sqlStoreUnderTest(database.sql)
    for (const key of keys) {
      const owners = new Map((await store.ledger(key, 1_000)).clients.map(({ client, owner }) => [client, owner.sub]))
      for (const client of Array.from({ length: 60 }, (_, index) => index)) {
        // Whoever was let write with an id owns it, from then on alone.
        for (const sub of claimants.get(`${key.id} ${client}`) ?? []) expect(owners.get(client)).toBe(sub)
      }
    }
    expect(refused).toBeGreaterThan(100)
  })

  test('a binding by presence that is running when an entry comes is waited for, and seen: the id is not given twice', async () => {
    const { store } = sqlStoreUnderTest(database.sql)
    const [ada, eve] = [
      { sub: 'ada', role: 'rep' },
      { sub: 'eve', role: 'rep' },
    ]
    const key = recordKey()
    const first = entryOf(key)
    await store.insert([first])
    const claiming = (client: number, owner: typeof ada) =>
      entryOf(key, positionOf(first), { findings: { ...NO_FINDINGS, clients: [{ client, owner, relayed: false }] } })
    const late = await database.sql.begin(async (step) => {
      const inside = createSqlLogStore(step as unknown as Database['sql'])
      await inside.bind([{ key, client: 5, owner: ada }])
      const inserting = store.insert([claiming(5, eve)])
      await sleep(200)
      return { inserting }
    })
    expect(await late.inserting).toEqual(new Set())
    // The other way round: presence waits for the entry, and comes too late.
    const mine = claiming(6, ada)
    const early = await database.sql.begin(async (step) => {
      const inside = createSqlLogStore(step as unknown as Database['sql'])
      expect(await inside.insert([mine])).toEqual(new Set([mine.id]))
      const binding = store.bind([{ key, client: 6, owner: eve }])
      await sleep(200)
      return { binding }
    })
    await early.binding
    const { clients } = await store.ledger(key, 2)
    expect(clients.map(({ client, owner }) => [client, owner.sub])).toEqual([
      [5, 'ada'],
      [6, 'ada'],
    ])
  })

  test('a binding that is running when a record gets its first entry gives way to who wrote it', async () => {
    const { store } = sqlStoreUnderTest(database.sql)
    const [ada, eve] = [
      { sub: 'ada', role: 'rep' },
      { sub: 'eve', role: 'rep' },
    ]
    const key = recordKey()
    const own = { client: 5, owner: eve, relayed: false }
    const brought = { client: 6, owner: eve, relayed: true }
    const first = entryOf(key, undefined, { findings: { ...NO_FINDINGS, clients: [own, brought] } })
    const { inserting } = await database.sql.begin(async (step) => {
      const inside = createSqlLogStore(step as unknown as Database['sql'])
      await inside.bind([5, 6].map((client) => ({ key, client, owner: ada })))
      const inserting = store.insert([first])
      await sleep(200)
      return { inserting }
    })
    expect(await inserting).toEqual(new Set([first.id]))
    const owners = (await store.ledger(key, 1)).clients.map(({ client, owner }) => [client, owner.sub])
    // What was only handed on is its announcer's.
    expect(owners.sort()).toEqual([
      [5, 'eve'],
      [6, 'ada'],
    ])
  })

  test('bring an empty database up to date together', async () => {
    const url = await server.createDatabase()
    const opened = await Promise.all([open(url), open(url), open(url)])
    const sql = opened[0].sql
    expect(await sql`select hash from rapport.migrations group by hash having count(*) > 1`).toEqual([])
    expect(await createSqlLogStore(sql).page(freshTenant(), 'contact', '', 1)).toEqual([])
    await Promise.all(opened.map((one) => one.close()))
  })

  test('a compaction that is running when an entry comes is waited for, and its result is seen', async () => {
    const { store } = sqlStoreUnderTest(database.sql)
    const key = recordKey()
    const first = entryOf(key)
    await store.insert([first])
    const second = entryOf(key, positionOf(first))
    await store.insert([second])
    const stale = entryOf(key, positionOf(first))
    const late = await database.sql.begin(async (step) => {
      await step`update rapport.records set snapshot_sequence = 2, snapshot_entry = ${second.id}, snapshot = '', snapshot_vector = ''
        where tenant = ${key.tenant} and id = ${key.id}`
      await step`delete from rapport.record_updates where tenant = ${key.tenant} and record_id = ${key.id}`
      const inserting = store.insert([stale])
      await sleep(200)
      return { inserting }
    })
    expect(await late.inserting).toEqual(new Set())
    expect((await store.load(key))?.tail).toEqual([])
  })

  test('P12: an erasure that is running when an entry comes is waited for, and the entry is not admitted', async () => {
    const { store } = sqlStoreUnderTest(database.sql)
    const key = recordKey()
    const first = entryOf(key)
    await store.insert([first])
    const late = await database.sql.begin(async (step) => {
      await step`update rapport.records set erased = true where tenant = ${key.tenant} and id = ${key.id}`
      await step`delete from rapport.record_updates where tenant = ${key.tenant} and record_id = ${key.id}`
      const inserting = store.insert([entryOf(key, positionOf(first))])
      await sleep(200)
      return { inserting }
    })
    expect(await late.inserting).toEqual(new Set())
    expect(await store.load(key)).toMatchObject({ erased: true, tail: [] })
  })
})

test('a row that somebody holds fails its group soon, as contended, with nothing written; let go, the same group is admitted', async () => {
  const { store } = sqlStoreUnderTest(database.sql)
  const tenant = freshTenant()
  const [held, free, fresh] = [recordKey('held', tenant), recordKey('free', tenant), recordKey('fresh', tenant)]
  const [first, second] = [entryOf(held), entryOf(free)]
  await store.insert([first, second])
  const group = [entryOf(held, positionOf(first)), entryOf(free, positionOf(second)), entryOf(fresh)]
  const outsider = postgres(server.url, { max: 1, onnotice: () => undefined })
  await outsider.begin(async (step) => {
    await step`select 1 from rapport.records where tenant = ${tenant} and id = 'held' for update`
    const failure = await store.insert(group).catch((error: unknown) => error)
    // The wait for the lock has ended it, at 1 s, and not the statement's own limit, at 8.
    expect(failure).toMatchObject({ name: 'PostgresError', code: '55P03' })
    expect(classifyFailure(failure)).toBe('contended')
    expect(await store.heads([held, free, fresh])).toEqual([positionOf(first), positionOf(second), undefined])
    expect((await store.insert(group.slice(1))).size).toBe(2)
  })
  await outsider.end()
  expect((await store.insert(group)).size).toBe(1)
  expect(await store.stored(group)).toEqual(new Set(group.map((entry) => entry.id)))
})

test('P10: a row that somebody holds keeps its own record from committing, and no other', async () => {
  const { store } = sqlStoreUnderTest(database.sql)
  const log = createUpdateLog({ store, classify: classifyFailure, clock: systemClock, log: silent, metrics: createMetrics() })
  const tenant = freshTenant()
  const [held, ...others] = ['held', 'one', 'two'].map((id) => entryOf(recordKey(id, tenant)))
  if (held === undefined) throw new Error('no entry')
  await log.append(held)
  const outsider = postgres(server.url, { max: 1, onnotice: () => undefined })
  let ended = false
  const waiting = await outsider.begin(async (step) => {
    await step`select 1 from rapport.records where tenant = ${tenant} and id = 'held' for update`
    const append = log.append(entryOf(held.key, positionOf(held))).finally(() => {
      ended = true
    })
    for (const entry of others) expect(await log.append(entry)).toMatchObject({ type: 'committed' })
    expect([ended, log.healthy()]).toEqual([false, true])
    return { append }
  })
  await outsider.end()
  expect(await waiting.append).toEqual({ type: 'committed', sequence: 2 })
  await log.close(1_000)
})

test('a plan made while the tables were empty still looks entries up by key', async () => {
  const url = await server.createDatabase()
  const fresh = await open(url)
  const { store } = sqlStoreUnderTest(fresh.sql)
  const scans = async (): Promise<number> => {
    const [row] = await fresh.sql<{ scans: number }[]>`
      select sum(seq_tup_read)::float8 as scans from pg_stat_user_tables 
      where relname in ('records', 'record_updates', 'record_clients', 'conflicts', 'field_changes', 'server_items')`
    return row?.scans ?? 0
  }
  const tenant = freshTenant()
  for (let round = 0; round < 60; round++) {
    const group = Array.from({ length: 50 }, (_, index) => entryOf(recordKey(`r${round}-${index}`, tenant)))
    await store.insert(group)
    const next = group.map((entry) => {
      const owner = { sub: 'ada', role: 'rep' }
      const clients = [{ client: 1, owner, relayed: false }]
      return entryOf(entry.key, positionOf(entry), { findings: found({ clients, conflicts: [conflict()] }) })
    })
    expect((await store.insert(next)).size).toBe(50)
    await store.bind(group.map(({ key }) => ({ key, client: round + 2, owner: { sub: 'eve', role: 'rep' } })))
    const last = next.map((entry) => {
      const [row] = entry.findings.conflicts
      const settled = row ? [{ id: row.id, status: 'restored' as const }] : []
      return entryOf(entry.key, positionOf(entry), { findings: found({ settled, withdrawn: [randomUUID()] }) })
    })
    expect((await store.insert(last)).size).toBe(50)
    await store.ledger(group[0]?.key ?? recordKey(), 3)
    await store.heads(group.map((entry) => entry.key))
    await store.stored(next)
    await store.load(group[0]?.key ?? recordKey())
  }
  await sleep(1_200)
  // Sixty rounds over up to 6,000 rows: one scan in each would have read hundreds of thousands.
  expect(await scans()).toBeLessThan(6_000)
  await fresh.close()
})

describe('a Postgres that fails', () => {
  let own: OwnPostgres
  let fragile: Database
  beforeAll(async () => {
    own = await startPostgres()
    fragile = await open(own.url)
  })
  afterAll(async () => {
    await fragile.close()
    await own.close()
  })

  test('P1: a crash under load loses nothing that was acknowledged, and the same pool goes on', async () => {
    const { store } = sqlStoreUnderTest(fragile.sql)
    const acknowledged: JudgedEntry[] = []
    const tenant = freshTenant()
    let stop = false
    const failures = new Set<string>()
    const write = async (writer: number): Promise<void> => {
      for (let n = 0; !stop; n++) {
        const entry = entryOf(recordKey(`w${writer}-${n}`, tenant))
        try {
          if ((await store.insert([entry])).has(entry.id)) acknowledged.push(entry)
        } catch (error) {
          failures.add(classifyFailure(error))
          await sleep(20)
        }
      }
    }
    const writers = [0, 1, 2, 3].map(write)
    for (let crash = 0; crash < 3; crash++) {
      await sleep(400)
      await own.restartImmediately()
    }
    await sleep(400)
    stop = true
    await Promise.all(writers)
    expect(failures).toEqual(new Set(['transient']))
    expect(acknowledged.length).toBeGreaterThan(100)
    expect((await store.stored(acknowledged)).size).toBe(acknowledged.length)
  })

  test('frozen, it makes statements fail instead of hanging, and the pool works again once it is thawed', async () => {
    const { store } = sqlStoreUnderTest(fragile.sql)
    const entries = Array.from({ length: 6 }, (_, index) => entryOf(recordKey(`f${index}`)))
    await Promise.all(entries.map((entry) => store.insert([entry])))
    own.freeze()
    const next = entries.map((entry) => entryOf(entry.key, positionOf(entry)))
    const outcomes = await Promise.allSettled(next.map((entry) => store.insert([entry])))
    const again = await store.stored(next).catch((error: unknown) => classifyFailure(error))
    own.thaw()
    expect(outcomes.map((outcome) => outcome.status)).toEqual(next.map(() => 'rejected'))
    expect(again).toBe('transient')
    await expect.poll(() => store.stored(next).catch(() => undefined), { timeout: 10_000 }).toBeDefined()
    await store.insert(next)
    expect((await store.stored(next)).size).toBe(6)
  })

  test.each(['synchronous_commit', 'fsync'])('with %s off it is not accepted', async (setting) => {
    const root = postgres(own.url, { max: 1, onnotice: () => undefined })
    const set = async (value: string): Promise<void> => {
      await root.unsafe(`alter system set ${setting} = ${value}`)
      await root`select pg_reload_conf()`
      await expect.poll(async () => (await root.unsafe(`show ${setting}`))[0]?.[setting]).toBe(value)
    }
    await set('off')
    await expect(open(own.url)).rejects.toMatchObject({ code: 'configuration', message: expect.stringContaining(setting) })
    await set('on')
    await (await open(own.url)).close()
    await root.end()
  })
})

test('a database that cannot be reached ends the start with one sentence that holds no password', async () => {
  const failure = await open('postgres://rapport:hunter2@127.0.0.1:99999/x').catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: 'configuration' })
  expect(String(failure)).not.toContain('hunter2')
})
