import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../server/db.ts'
import { createRandom } from '../simulation/random.ts'
import { silent } from '../support/database.ts'
import { freshTenant, recordKey } from '../support/entries.ts'
import { openPostgres, type TestPostgres } from '../support/postgres.ts'
import { createProjectionStage } from '../support/projection-stage.ts'
import { onStage } from '../support/projection-suite.ts'
import { until } from '../support/stock-client.ts'

let server: TestPostgres
let database: Database
/** The CRM's own connections: no limits but Postgres's. */
let crm: postgres.Sql
beforeAll(async () => {
  server = await openPostgres()
  database = await openDatabase({ databaseUrl: server.url, dataDirectory: '' }, silent)
  crm = postgres(server.url, { max: 4, onnotice: () => undefined })
})
afterAll(async () => {
  await crm.end()
  await database.close()
  await server.close()
})

test('P7: a row that a CRM’s transaction holds delays its own record alone, and never the CRM', () =>
  onStage(database.sql, async (stage) => {
    const tenant = freshTenant()
    const [held, child, free] = ['r1', 'r2', 'r3'].map((id) => recordKey(id, tenant))
    if (held === undefined || child === undefined || free === undefined) throw new Error('three keys')
    const edit = (title: string) =>
      Promise.all(
        [held, child, free].map((key) =>
          stage.edit(key, (editor) => {
            editor.set('title', title)
            editor.addEntry('emails', { address: 'a@example.org', label: title }, { id: 'e1' })
          }),
        ),
      )
    await edit('first')
    const projector = stage.projector()
    await projector.drain()
    await edit('second')
    await crm.begin(async (session) => {
      // What a CRM does last decides between its own columns and its own rows; it must be able to go on as long as it likes.
      await session`update contacts set title = title where tenant = ${tenant} and id = 'r1'`
      await session`select 1 from contact_emails where tenant = ${tenant} and contact_id = 'r2' for update`
      await projector.drain()
      expect(await stage.wrong(tenant)).toEqual(['contact/r1', 'contact/r2'])
      const [rebuild] = projector.rebuilds('contact')
      await rebuild?.begin('again')
      while (await rebuild?.step());
      await session`set local lock_timeout = '20ms'`
      await session`update contacts set title = title where tenant = ${tenant}`
      await session`update contact_emails set label = label where tenant = ${tenant}`
      expect(await stage.wrong(tenant)).toEqual(['contact/r1', 'contact/r2'])
    })
    projector.start()
    await until(async () => (await stage.wrong(tenant)).length === 0, 'they are projected once they are free')
    expect(await stage.marks(tenant)).toEqual([])
  }))

test('a record that somebody holds while a rebuild comes by is mended afterwards', () =>
  onStage(database.sql, async (stage) => {
    const tenant = freshTenant()
    const keys = ['main', 'child', 'free'].map((id) => recordKey(id, tenant))
    for (const key of keys) await stage.edit(key, (editor) => editor.addEntry('emails', { label: 'right' }, { id: 'e1' }))
    const projector = stage.projector()
    await projector.drain()
    await crm`update contacts set title = 'damaged' where tenant = ${tenant}`
    await crm`update contact_emails set label = 'damaged' where tenant = ${tenant}`
    await crm.begin(async (session) => {
      await session`select 1 from contacts where tenant = ${tenant} and id = 'main' for update`
      await session`select 1 from contact_emails where tenant = ${tenant} and contact_id = 'child' for update`
      const [rebuild] = projector.rebuilds('contact')
      await rebuild?.begin('again')
      while (await rebuild?.step());
      expect(await stage.wrong(tenant)).toEqual(['contact/child', 'contact/main'])
      expect(await stage.marks(tenant)).toEqual([0, 0])
    })
    await projector.drain()
    expect(await stage.wrong(tenant)).toEqual([])
    expect(await stage.marks(tenant)).toEqual([])
  }))

test('P7: of a CRM and a projector that would deadlock, the CRM goes on', () =>
  onStage(database.sql, async (stage) => {
    const tenant = freshTenant()
    const keys = Array.from({ length: 8 }, (_, n) => recordKey(`r${n}`, tenant))
    const projectors = [stage.projector(), stage.projector()]
    for (const projector of projectors) projector.start()
    let stopped = false
    const failures: unknown[] = []
    const random = createRandom(1)
    const writer = async (): Promise<number> => {
      let done = 0
      for (; !stopped; done += 1) {
        try {
          await crm.begin(async (session) => {
            // Less than Postgres takes to look for deadlocks: who waits for the other to be found out has lost.
            await session`set local lock_timeout = '800ms'`
            // Children first, and the last records first: against every order that a projector could take.
            for (const table of ['contact_tags', 'contact_emails'] as const) {
              await session`select 1 from ${session(table)} where tenant = ${tenant} order by contact_id desc for update`
            }
            await sleep(60 + random.below(60))
            for (const key of keys.toReversed()) {
              await session`update contacts set title = title where tenant = ${tenant} and id = ${key.id}`
            }
          })
        } catch (error) {
          failures.push(error)
        }
      }
      return done
    }
    const writing = writer()
    for (let round = 0; round < 40; round += 1) {
      await Promise.all(
        keys.map((key) =>
          stage.edit(key, (editor) => {
            editor.set('lastName', `${round}`)
            editor.addEntry('emails', { label: `${round}` }, { id: `e${round % 3}` })
            if (round % 2 === 0) editor.add('tags', 'vip')
            else editor.remove('tags', 'vip')
          }),
        ),
      )
      for (const projector of projectors) projector.wake()
      await sleep(40)
    }
    stopped = true
    expect(await writing).toBeGreaterThan(3)
    expect(failures).toEqual([])
    await until(async () => (await stage.marks(tenant)).length === 0, 'all is projected')
    expect(await stage.wrong(tenant)).toEqual([])
  }))

test('P6: connections that are cut again and again lose no record and double no event', () =>
  onStage(database.sql, async (stage) => {
    const random = createRandom(7)
    const tenant = freshTenant()
    const keys = Array.from({ length: 40 }, (_, n) => recordKey(`r${n}`, tenant))
    const own = await openDatabase({ databaseUrl: server.url, dataDirectory: '' }, silent)
    const cut = createProjectionStage(own.sql)
    try {
      const projector = stage.projector({ sql: own.sql, log: cut.log, recordsAtOnce: 5 })
      projector.start()
      let cuts = 0
      for (let round = 0; cuts < 6; round += 1) {
        for (const key of keys) await stage.edit(key, (editor) => editor.set('lastName', `${key.id} ${round}`))
        // Its next turn begins at once, and takes a while.
        void projector.reached(recordKey('r0', tenant), round + 1, 1_000)
        await sleep(random.below(20))
        // The projector's, and no other: the log of this test writes in single statements.
        const terminated = await crm`
          select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and application_name = 'rapport' and pid <> pg_backend_pid()
            and (query like '%jsonb_to_recordset%' or query like '%projection_state%' or state = 'idle in transaction')
            and xact_start is not null`
        cuts += terminated.length
      }
      await until(async () => (await stage.marks(tenant)).length === 0, 'no mark is left', 30_000)
      expect(await stage.wrong(tenant)).toEqual([])
      const events = await stage.events(tenant)
      for (const [index, { aggregateid, payload }] of events.entries()) {
        const before = events[index - 1]
        expect(payload.before).toEqual(before?.aggregateid === aggregateid ? before.payload.after : null)
      }
      await projector.stop()
    } finally {
      await cut.close()
      await own.close()
    }
  }))

test('plans made while the tables were empty still find rows by key', async () => {
  const fresh = await openDatabase({ databaseUrl: await server.createDatabase(), dataDirectory: '' }, silent)
  await onStage(fresh.sql, async (stage) => {
    const tenant = freshTenant()
    const projector = stage.projector({ recordsAtOnce: 32 })
    const scanned = async (): Promise<number> => {
      const [row] = await fresh.sql<{ scans: number }[]>`
        select coalesce(sum(seq_tup_read), 0)::float8 as scans from pg_stat_user_tables
        where relname like 'contact%' or relname in ('projection_state', 'outbox', 'records', 'record_updates')`
      return row?.scans ?? 0
    }
    for (let round = 0; round < 20; round += 1) {
      for (let n = 0; n < 64; n += 1) {
        const key = recordKey(`r${round}-${n}`, tenant)
        await stage.edit(key, (editor) => editor.addEntry('emails', { address: 'a@example.org' }, { id: 'e1' }))
      }
      await projector.drain()
    }
    await sleep(1_200)
    // 40 batches on up to 1,280 records: a scan of one table in each would have read more than 20,000 rows.
    expect(await scanned()).toBeLessThan(2_000)
  })
  await fresh.close()
})

test('a mark is written by the log’s own statement while the projector holds its transaction open', () =>
  onStage(database.sql, async (stage) => {
    const tenant = freshTenant()
    const key = recordKey('r1', tenant)
    await stage.edit(key, (editor) => editor.set('lastName', 'Ada'))
    await crm.begin(async (session) => {
      await session`
        insert into rapport.projection_state (tenant, type, record_id, mapping) values (${tenant}, 'contact', 'r1', 'contact')
        on conflict do nothing`
      await session`select 1 from rapport.projection_state where tenant = ${tenant} for update`
      await session`delete from rapport.projection_marks where tenant = ${tenant}`
      await stage.edit(key, (editor) => editor.set('lastName', 'Eve'))
    })
    expect(await stage.marks(tenant)).toEqual([2])
    await stage.projector().drain()
    expect(await stage.wrong(tenant)).toEqual([])
  }))
