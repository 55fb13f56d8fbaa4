/** Writable tables from outside: the real server, a SQL client of its own, stock phones, and kills. On any database. */
import { parseTenant, type Tenant } from '@rapport/shared/ids.ts'
import { describe, expect, test } from 'vitest'
import { type Database, joinDatabase, type Sql } from '../../server/db.ts'
import { createRandom } from '../simulation/random.ts'
import { silent } from './database.ts'
import { createProjectionStage } from './projection-stage.ts'
import { type RestClient, recordIn, restClient } from './rest-client.ts'
import type { ServerProcess } from './server-process.ts'
import { openStock, until } from './stock-client.ts'
import type { Setting } from './traffic-suite.ts'

const DEMO = parseTenant('demo') as Tenant
const CONTACTS = '/v1/records/contact'
const ABSORBED_MILLISECONDS = 120_000
/** Of a test that starts servers again and again. */
const LONG_MILLISECONDS = 240_000

/** A server, and a client at its database as a CRM has one. */
interface Running {
  readonly setting: Setting
  readonly server: ServerProcess
  readonly sql: Sql
  readonly rest: RestClient
  readonly token: string
}

/** As a conflict is told. */
type Sides = Readonly<Record<'kept' | 'replaced', { readonly value: string; readonly author: { readonly sub: string } }>>

async function running(setting: Setting, use: (running: Running) => Promise<void>): Promise<void> {
  const server = await setting.start()
  let database: Database | undefined
  try {
    database = await joinDatabase(setting, silent)
    const token = await setting.token('phil')
    await use({ setting, server, sql: database.sql, token, rest: restClient(server.address, token) })
  } finally {
    await database?.close()
    await server.stop()
  }
}

async function pending(sql: Sql): Promise<number> {
  const [row] = await sql<{ count: number }[]>`select count(*) as count from rapport.inbound_changes where status = 'pending'`
  return row?.count ?? 0
}

/** Nothing waits to be absorbed or projected any more. */
async function settled(sql: Sql): Promise<void> {
  await until(async () => (await pending(sql)) === 0, 'all is absorbed', ABSORBED_MILLISECONDS)
  const marks = () => sql<{ count: number }[]>`select count(*) as count from rapport.projection_marks`
  await until(async () => (await marks())[0]?.count === 0, 'all is projected', ABSORBED_MILLISECONDS)
}

/** Records whose rows are not what their documents say. */
async function wrong(sql: Sql): Promise<readonly string[]> {
  const stage = createProjectionStage(sql)
  try {
    return await stage.wrong(DEMO)
  } finally {
    await stage.close()
  }
}

export function describeWritableServer(name: string, open: () => Setting, bulk: number, seeds: readonly number[]): void {
  describe(`a server with writable tables on ${name}`, () => {
    test('an UPDATE shows on a connected phone; one offline keeps its edit of another column, and of the same column has it in the conflicts', () =>
      running(open(), async ({ sql, server, rest, token }) => {
        recordIn(await rest.post(CONTACTS, { id: 'w1', content: { fields: { lastName: 'Ada', title: 'CEO', stage: 'lead' } } }))
        const [near, far] = [1, 2].map(() => openStock(server.address, 'contact', 'w1', { token }))
        if (near === undefined || far === undefined) throw new Error('two phones')
        await Promise.all([near.synced(), far.synced()])
        await settled(sql)
        far.provider.disconnect()
        far.doc.getMap('fields').set('department', 'Sales')
        far.doc.getMap('fields').set('title', 'CFO')
        await sql.begin(async (session) => {
          await session`set local rapport.actor = 'carla'`
          await session`update contacts set stage = 'customer', title = 'CTO' where tenant = 'demo' and id = 'w1'`
        })
        await until(() => near.doc.getMap('fields').get('stage') === 'customer', 'the connected phone shows it')
        await until(() => near.doc.getMap('fields').get('title') === 'CTO', 'all of it')
        far.provider.connect()
        await until(() => near.doc.getMap('fields').get('department') === 'Sales', 'the offline edit arrives')
        const { content } = recordIn(await rest.get(`${CONTACTS}/w1`))
        expect(content).toMatchObject({ fields: { stage: 'customer', department: 'Sales' } })
        const { items } = (await rest.get(`${CONTACTS}/w1/conflicts`)).body as { readonly items: readonly Sides[] }
        const sides = items.flatMap(({ kept, replaced }) => [kept, replaced]).map(({ value, author }) => [value, author.sub])
        expect(sides.sort()).toEqual([
          ['CFO', 'phil'],
          ['CTO', 'carla'],
        ])
        await settled(sql)
        expect(await wrong(sql)).toEqual([])
        near.destroy()
        far.destroy()
      }))

    test('what does not fit comes back in the row, INSERT and DELETE work, and REST sees what SQL did', () =>
      running(open(), async ({ sql, rest }) => {
        const [row] = await sql<{ id: string }[]>`insert into contacts (tenant, last_name) values ('demo', 'Grace') returning id`
        const path = `${CONTACTS}/${row?.id}`
        await until(async () => (await rest.get(path)).status === 200, 'the record is there')
        await sql`update contacts set stage = 'nonsense' where tenant = 'demo' and id = ${row?.id ?? ''}`
        await settled(sql)
        expect(await sql`select last_name, stage from contacts where id = ${row?.id ?? ''}`).toEqual([
          { last_name: 'Grace', stage: null },
        ])
        expect(
          await sql`select status, reason from rapport.inbound_changes where record_id = ${row?.id ?? ''} order by id desc limit 1`,
        ).toEqual([{ status: 'refused', reason: expect.stringContaining('stage is none of') }])
        await sql`delete from contacts where tenant = 'demo' and id = ${row?.id ?? ''}`
        await until(async () => (await rest.get(path)).status === 410, 'the record is deleted')
        await settled(sql)
        await sql`update contacts set deleted_at = null where tenant = 'demo' and id = ${row?.id ?? ''}`
        await until(async () => (await rest.get(path)).status === 200, 'the record is back')
        await settled(sql)
        expect(await wrong(sql)).toEqual([])
      }))

    test.each(seeds)(
      'P7: killed in the middle of absorption, again and again, each statement is taken in once, whole (seed %i)',
      async (seed) => {
        const random = createRandom(seed)
        const setting = open()
        const [rounds, records] = [4, 300]
        const id = `k${seed}-`
        await running(setting, async ({ sql }) => {
          await sql`insert into contacts (tenant, id, last_name) select 'demo', ${id} || n, 'Ada' from generate_series(1, ${records}::int) as n`
          await settled(sql)
        })
        for (let round = 0; round < rounds; round += 1) {
          await running(setting, async ({ sql, server }) => {
            await settled(sql)
            await sql`update contacts set title = ${`round ${round}`} where tenant = 'demo' and id like ${`${id}%`}`
            const left = random.below(records)
            await until(async () => (await pending(sql)) <= left, 'some of it is absorbed')
            await server.kill()
          })
        }
        await running(setting, async ({ sql }) => {
          await settled(sql)
          const histories = await sql<{ values: string[] }[]>`
            select distinct values from (
              select array_agg(after order by sequence) as values from rapport.field_changes
              where record_id like ${`${id}%`} and path = '{fields,title}' and via = 'sql' group by record_id
            ) as each`
          const expected = Array.from({ length: rounds }, (_, round) => `"round ${round}"`)
          expect(histories).toEqual([{ values: expected }])
          expect(await sql`select distinct status from rapport.inbound_changes where record_id like ${`${id}%`}`).toEqual([
            { status: 'absorbed' },
          ])
          expect(await wrong(sql)).toEqual([])
        })
      },
      LONG_MILLISECONDS,
    )

    test(`P10: a statement over ${bulk} rows is absorbed, each row once, and keeps nobody from editing`, () =>
      running(open(), async ({ sql, rest }) => {
        recordIn(await rest.post(CONTACTS, { id: 'live', content: { fields: { lastName: 'Live' } } }))
        await sql`insert into contacts (tenant, id, last_name) select 'demo', 'bulk-' || n, 'Ada' from generate_series(1, ${bulk}::int) as n`
        for (let n = 0; n < 20; n += 1) {
          recordIn(await rest.patch(`${CONTACTS}/live`, { fields: { title: `edit ${n}` } }))
        }
        expect(await pending(sql)).toBeGreaterThan(0)
        await settled(sql)
        const [done] = await sql<{ records: number; last: number; rows: number }[]>`
          select (select count(*) from rapport.record_updates where record_id like 'bulk-%' and tenant = 'demo') as records,
            (select max(sequence) from rapport.record_updates where record_id like 'bulk-%' and tenant = 'demo') as last,
            (select count(*) from contacts where id like 'bulk-%' and sequence = 1 and tenant = 'demo') as rows`
        expect(done).toEqual({ records: bulk, last: 1, rows: bulk })
      }))
  })
}
