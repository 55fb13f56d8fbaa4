/** What a rebuild promises, and the mappings and versions of mappings that begin with one, on any database of their own. */

import type { Tenant } from '@rapport/shared/ids.ts'
import { compileMapping } from '@rapport/shared/mapping/compile.ts'
import type { Mapping } from '@rapport/shared/mapping/mapping.ts'
import type { Plan } from '@rapport/shared/mapping/plan.ts'
import { contact } from '@rapport/shared/records/contact.ts'
import { describe, expect, test } from 'vitest'
import { contact as shipped } from '../../drizzle/mappings/contact.ts'
import { tableShape } from '../../drizzle/table-shapes.ts'
import type { Sql } from '../../server/db.ts'
import type { Logger } from '../../server/observability/logger.ts'
import type { Projector } from '../../server/projection/projector.ts'
import type { Rebuild } from '../../server/projection/rebuild.ts'
import { createRandom } from '../simulation/random.ts'
import { silent } from './database.ts'
import { freshTenant, recordKey } from './entries.ts'
import { failing } from './failing-sql.ts'
import type { ProjectionStage } from './projection-stage.ts'
import { onStage, versions } from './projection-suite.ts'
import { until } from './stock-client.ts'

async function rebuildContacts(projector: Projector): Promise<Rebuild> {
  const [rebuild] = projector.rebuilds('contact')
  if (rebuild === undefined) throw new Error('contacts are mapped')
  await rebuild.begin('again')
  while (await rebuild.step());
  return rebuild
}

/** What one test leaves unfinished, the next would go on with. */
const finished = (sql: Sql): Promise<void> =>
  until(
    async () => (await sql`select 1 from rapport.projection_rebuilds where finished_at is null`).length === 0,
    'no rebuild is left unfinished',
  )

async function createContacts(stage: ProjectionStage, count: number): Promise<Tenant> {
  const tenant = freshTenant()
  for (let n = 0; n < count; n += 1) {
    await stage.edit(recordKey(`r${String(n).padStart(3, '0')}`, tenant), (editor) => {
      editor.set('lastName', `Name ${n}`)
      editor.addEntry('emails', { address: `a${n}@example.org` }, { id: 'e1' })
      editor.add('tags', 'vip')
    })
  }
  return tenant
}

/** Wrong values, a missing row, a row too many, a missing child: of everything something. */
async function damage(sql: Sql, tenant: string): Promise<void> {
  await sql`update contacts set last_name = 'damaged' where tenant = ${tenant}`
  await sql`delete from contacts where tenant = ${tenant} and id = 'r003'`
  await sql`delete from contact_emails where tenant = ${tenant} and contact_id < 'r005'`
  await sql`insert into contact_tags (tenant, contact_id, tag) select tenant, id, 'foreign' from contacts where tenant = ${tenant}`
}

const otherVersion = (version: number): Plan =>
  compileMapping(
    {
      ...shipped.mapping,
      version,
      rules: [
        ...shipped.mapping.rules.filter((rule) => !('column' in rule) || rule.column !== 'title'),
        { rule: 'const', column: 'title', value: `version ${version}` },
      ],
    },
    contact,
    shipped.tables.map(tableShape),
  )

const titles = async (sql: Sql, tenant: string): Promise<readonly unknown[]> =>
  (await sql`select distinct title from contacts where tenant = ${tenant}`).map((row) => row.title)

export function describeRebuild(name: string, sql: () => Sql): void {
  describe(`rebuild on ${name}`, () => {
    test('records that are older than their mapping get their rows at the start, as read again, new ones as created', () =>
      onStage(sql(), async (stage) => {
        const tenant = await createContacts(stage, 3)
        await stage.sql`delete from rapport.projection_marks where tenant = ${tenant}`
        await stage.edit(recordKey('new', tenant), (editor) => editor.set('lastName', 'New'))
        stage.projector().start()
        await until(async () => (await stage.wrong(tenant)).length === 0, 'all have rows')
        await finished(stage.sql)
        const events = await stage.events(tenant)
        expect(events.map(({ aggregateid, payload }) => [aggregateid, payload.op, payload.before])).toEqual([
          ['new', 'c', null],
          ['r000', 'r', null],
          ['r001', 'r', null],
          ['r002', 'r', null],
        ])
      }))

    test('P6: mends whatever is wrong with rows, says how much that was, and touches nothing the second time', () =>
      onStage(sql(), async (stage) => {
        const tenant = await createContacts(stage, 20)
        const projector = stage.projector()
        await projector.drain()
        await damage(stage.sql, tenant)
        const rebuild = await rebuildContacts(projector)
        expect(await stage.wrong(tenant)).toEqual([])
        expect(rebuild.progress()).toEqual({ seen: await rebuild.total(), changed: 20 })
        const events = (await stage.events(tenant)).filter(({ payload }) => payload.op === 'r')
        expect(events).toHaveLength(20)
        const before = await versions(stage, tenant)
        expect((await rebuildContacts(projector)).progress().changed).toBe(0)
        expect(await versions(stage, tenant)).toEqual(before)
      }))

    test.each([1, 2, 3])('interrupted at any statement it goes on where it was, and counts each record once (seed %i)', (seed) =>
      onStage(sql(), async (stage) => {
        const random = createRandom(seed)
        const tenant = await createContacts(stage, 30)
        const projector = stage.projector()
        await projector.drain()
        await damage(stage.sql, tenant)
        let resumed = 0
        for (;;) {
          // Another process each time: nothing but the database knows how far it was.
          const [rebuild] = stage
            .projector({ sql: failing(stage.sql, () => random.chance(0.05)), recordsAtOnce: 4 })
            .rebuilds('contact')
          if (rebuild === undefined) throw new Error('contacts are mapped')
          try {
            if ((await rebuild.begin(resumed === 0 ? 'again' : 'outdated')).state === 'unfinished') resumed += 1
            while (await rebuild.step());
            if (
              (await stage.sql`select 1 from rapport.projection_rebuilds where mapping = 'contact' and finished_at is null`)
                .length === 0
            ) {
              expect(rebuild.progress()).toEqual({ seen: await projector.rebuilds('contact')[0]?.total(), changed: 30 })
              break
            }
          } catch (error) {
            expect(error).toMatchObject({ code: 'CONNECTION_CLOSED' })
          }
        }
        expect(resumed).toBeGreaterThan(0)
        expect(await stage.wrong(tenant)).toEqual([])
      }),
    )

    test('two processes at the same rebuild share it, beside a running projector and edits', () =>
      onStage(sql(), async (stage) => {
        const tenant = await createContacts(stage, 40)
        const projector = stage.projector()
        await projector.drain()
        await damage(stage.sql, tenant)
        projector.start()
        const [one, other] = [stage.projector({ recordsAtOnce: 3 }), stage.projector({ recordsAtOnce: 5 })]
        const edits = async (): Promise<void> => {
          for (let n = 0; n < 40; n += 1) {
            await stage.edit(recordKey(`r${String((n * 7) % 40).padStart(3, '0')}`, tenant), (editor) =>
              editor.set('title', `T ${n}`),
            )
            projector.wake()
          }
        }
        await Promise.all([rebuildContacts(one), rebuildContacts(other), edits()])
        await until(async () => (await stage.marks(tenant)).length === 0, 'no mark is left')
        expect(await stage.wrong(tenant)).toEqual([])
        const [rebuild] = projector.rebuilds('contact')
        expect(await rebuild?.step()).toBe(false)
        expect(rebuild?.progress().seen).toBe(await rebuild?.total())
      }))

    test('the highest version of a mapping is in force, whoever starts last; one of a lower version leaves the rows alone and says so', () =>
      onStage(sql(), async (stage) => {
        const tenant = await createContacts(stage, 5)
        const key = recordKey('r001', tenant)
        const warnings: unknown[] = []
        const logger = Object.assign(Object.create(silent) as Logger, { warn: (said: unknown) => warnings.push(said) })
        const old = stage.projector()
        old.start()
        await until(async () => (await stage.marks(tenant)).length === 0, 'projected')
        const next = stage.projector({ plans: [otherVersion(2)] })
        next.start()
        await until(async () => (await titles(stage.sql, tenant)).join() === 'version 2', 'all are of version 2')
        await finished(stage.sql)

        const restarted = stage.projector({ logger })
        restarted.start()
        await until(async () => warnings.length > 0, 'the restarted one says that it is outdated')
        expect(warnings).toEqual([{ mapping: 'contact', version: 1 }])
        await stage.edit(key, (editor) => editor.set('lastName', 'Later'))
        expect(await next.reached(key, 2, 10_000)).toBe(true)
        expect(await titles(stage.sql, tenant)).toEqual(['version 2'])
        await next.stop()
        await stage.edit(key, (editor) => editor.set('lastName', 'Last'))
        restarted.wake()
        expect(await old.reached(key, 3, 1_500)).toBe(false)
        expect((await restarted.rebuilds('contact')[0]?.begin('anew'))?.state).toBe('newer')
        expect(await titles(stage.sql, tenant)).toEqual(['version 2'])

        const back = stage.projector({
          plans: stage.plans.map((plan) => ({ ...plan, mapping: { ...plan.mapping, version: 3 } })),
        })
        back.start()
        await until(async () => (await stage.wrong(tenant)).length === 0, 'the first rules are in force again')
        await finished(stage.sql)
        const [last] = (await stage.events(tenant)).filter(({ aggregateid }) => aggregateid === 'r002').slice(-1)
        expect(last?.payload).toMatchObject({ op: 'r', mappingVersion: 3, changed: ['title'], before: { title: 'version 2' } })
        for (const projector of [old, restarted, back]) await projector.stop()
        await stage.sql`delete from rapport.projection_rebuilds`
      }))

    test('P6: an unfinished rebuild is gone on with for an hour; after that, or if told to, rows behind its cursor are looked at again', () =>
      onStage(sql(), async (stage) => {
        const tenant = await createContacts(stage, 20)
        const projector = stage.projector({ recordsAtOnce: 4 })
        await projector.drain()
        const [rebuild] = projector.rebuilds('contact')
        if (rebuild === undefined) throw new Error('contacts are mapped')
        for (const when of ['again', 'anew'] as const) {
          expect((await rebuild.begin('anew')).state).toBe('begun')
          await rebuild.step()
          await damage(stage.sql, tenant)
          expect(await rebuild.begin('again')).toMatchObject({
            state: 'unfinished',
            seen: 4,
            since: expect.stringMatching(/^20.*Z$/),
          })
          if (when === 'again') {
            await stage.sql`update rapport.projection_rebuilds set started_at = now() - interval '61 minutes' where mapping = 'contact'`
          }
          expect(await rebuild.begin(when)).toMatchObject({ state: 'begun', seen: 0 })
          while (await rebuild.step());
          expect(await stage.wrong(tenant)).toEqual([])
        }
      }))

    test('two mappings of one type are apart: a fault of one is none of the other’s; names need quoting', () =>
      onStage(sql(), async (stage) => {
        const table = 'odd "names"; --'
        await stage.sql.unsafe(`create table "odd ""names""; --" (
          "select" text collate "C", "id's" text collate "C", "Last ""Name""" text check ("Last ""Name""" <> 'Bad'),
          "order" bigint, own integer, primary key ("select", "id's"))`)
        const mapping: Mapping = {
          id: 'odd',
          version: 1,
          recordType: 'contact',
          table,
          identity: { tenant: 'select', id: "id's" },
          rules: [
            { rule: 'field', field: 'lastName', column: 'Last "Name"' },
            { rule: 'system', source: 'sequence', column: 'order' },
          ],
        }
        const column = (columnName: string, type = 'text') => {
          const notNull = columnName === 'select' || columnName === "id's"
          return { name: columnName, type, modifiers: [], notNull, hasDefault: false, generated: false }
        }
        const shape = {
          name: table,
          columns: [column('select'), column("id's"), column('Last "Name"'), column('order', 'bigint')],
          primaryKey: ['select', "id's"],
          uniques: [],
          foreignKeys: [],
        }
        const plans = [...stage.plans, compileMapping(mapping, contact, [shape])]
        const tenant = freshTenant()
        const [good, bad] = [recordKey('good', tenant), recordKey('bad', tenant)]
        await stage.edit(good, (editor) => editor.set('lastName', 'Good'))
        await stage.edit(bad, (editor) => editor.set('lastName', 'Bad'))
        const projector = stage.projector({ plans })
        await projector.drain()
        const odd = () => stage.sql.unsafe(`select * from "odd ""names""; --" where "select" = $1 order by "id's"`, [tenant])
        expect(await odd()).toEqual([{ select: tenant, "id's": 'good', 'Last "Name"': 'Good', order: 1, own: null }])
        expect(await stage.wrong(tenant)).toEqual([])
        expect(await stage.marks(tenant)).toEqual([])
        await stage.sql.unsafe(`update "odd ""names""; --" set own = 7`)
        await stage.edit(bad, (editor) => editor.set('lastName', 'Better'))
        await stage.edit(good, (editor) => editor.set('lastName', 'Best'))
        await projector.drain()
        expect(await odd()).toMatchObject([
          { "id's": 'bad', 'Last "Name"': 'Better', order: 2, own: null },
          { "id's": 'good', 'Last "Name"': 'Best', order: 2, own: 7 },
        ])
        expect(await stage.marks(tenant)).toEqual([])

        // While one of the two is in other hands, marks stay for it, and the other does not begin again and again.
        await stage.sql`update rapport.projection_rebuilds set version = 9 where mapping = 'contact'`
        await stage.edit(good, (editor) => editor.set('lastName', 'Later'))
        await projector.drain()
        const written = await stage.sql.unsafe(`select xmin::text, "order" from "odd ""names""; --" where "select" = $1`, [
          tenant,
        ])
        await projector.drain()
        expect(
          await stage.sql.unsafe(`select xmin::text, "order" from "odd ""names""; --" where "select" = $1`, [tenant]),
        ).toEqual(written)
        expect(written.map(({ order }) => order).sort()).toEqual([2, 3])
        expect(await stage.marks(tenant)).toEqual([3])
        await stage.sql`update rapport.projection_rebuilds set version = 1 where mapping = 'contact'`
        await projector.drain()
        expect(await stage.marks(tenant)).toEqual([])
        expect(await stage.wrong(tenant)).toEqual([])
      }))
  })
}
