/** How a mapping gets a new version, step by step, on any database of its own. */
import { systemClock } from '@rapport/shared/clock.ts'
import { compileMapping } from '@rapport/shared/mapping/compile.ts'
import type { Plan } from '@rapport/shared/mapping/plan.ts'
import { contact } from '@rapport/shared/records/contact.ts'
import { describe, expect, test } from 'vitest'
import { contact as shipped } from '../../drizzle/mappings/contact.ts'
import { tableShape } from '../../drizzle/table-shapes.ts'
import type { Sql } from '../../server/db.ts'
import { contract } from '../../server/projection/contraction.ts'
import { reportDrift } from '../../server/projection/drift-report.ts'
import { listVersions } from '../../server/projection/mapping-phases.ts'
import { admitMappings } from '../../server/projection/mapping-versions.ts'
import { unseen } from './drift-suite.ts'
import { freshTenant, recordKey } from './entries.ts'
import { createFirstTables, expandTables, peoplePlan } from './people-mapping.ts'
import type { ProjectionStage } from './projection-stage.ts'
import { onStage } from './projection-suite.ts'
import { until } from './stock-client.ts'

const NOTHING = { keep: false, discard: false, dry: false }

const driftOf = async ({ sql, log }: ProjectionStage, plan: Plan) => {
  const { drift } = await reportDrift({ sql, log, clock: systemClock, recordsAtOnce: 10 }, plan, [plan])
  return Object.entries(drift).flatMap(([kind, { samples }]) => samples.map(({ id, tables }) => [kind, id, tables]))
}

const finished = (sql: Sql, version: number): Promise<void> =>
  until(
    async () =>
      (
        await sql`select 1 from rapport.projection_rebuilds where mapping = 'people' and version = ${version} and finished_at is not null`
      ).length > 0,
    'the backfill is finished',
  )

const rules = (plan: Plan, order: (one: readonly unknown[]) => readonly unknown[]): Plan =>
  ({ ...plan, mapping: { ...plan.mapping, rules: order(plan.mapping.rules) } }) as Plan

export function describeMappingSwitch(name: string, sql: () => Sql): void {
  describe(`a mapping’s versions on ${name}`, () => {
    test('a mapping that changed under its version is refused in one sentence, and one told in another order is not', async () => {
      const plan = compileMapping(shipped.mapping, contact, shipped.tables.map(tableShape))
      await admitMappings(sql(), [plan])
      const shuffled = { ...plan, mapping: JSON.parse(JSON.stringify(plan.mapping)) as typeof plan.mapping }
      const reversed = { ...shuffled, mapping: Object.fromEntries(Object.entries(shuffled.mapping).reverse()) as never }
      await admitMappings(sql(), [reversed])
      await expect(admitMappings(sql(), [rules(plan, (all) => all.slice(1))])).rejects.toMatchObject({
        code: 'configuration',
        message:
          'Mapping contact is not what it was when its version 1 was first used with this database: give it a higher version.',
      })
      // Two processes that begin at once with different rules: one of them is refused.
      const [one, other] = [1, 2].map((n) => ({
        ...rules(plan, (all) => all.slice(n)),
        mapping: { ...plan.mapping, rules: plan.mapping.rules.slice(n), id: 'race' },
      }))
      const outcomes = await Promise.allSettled([
        admitMappings(sql(), one ? [one] : []),
        admitMappings(sql(), other ? [other] : []),
      ])
      expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
      await sql()`delete from rapport.mappings`
    })

    test('P6, P8: expanded, backfilled, switched and contracted beside edits; what anybody typed into old columns is named', () =>
      onStage(sql(), async (stage) => {
        const [v1, v2] = [peoplePlan(1), peoplePlan(2)]
        await createFirstTables(stage.sql)
        const tenant = freshTenant()
        const keys = [1, 2, 3, 4, 5].map((n) => recordKey(`p${n}`, tenant))
        for (const key of keys) {
          await stage.edit(key, (editor) => {
            editor.set('lastName', 'Lovelace')
            editor.set('title', 'Countess')
            editor.set('department', 'Engines')
            editor.addEntry('phones', { number: '+49 30 1' }, { id: 'n1' })
            editor.addEntry('emails', { address: 'ada@example.org' }, { id: 'e1' })
          })
        }
        await admitMappings(stage.sql, [v1])
        const first = stage.projector({ plans: [v1] })
        first.start()
        await finished(stage.sql, 1)
        expect(await driftOf(stage, v1)).toEqual([])

        // The tables are not ready.
        const refusal = {
          code: 'configuration',
          message:
            'Mapping people cannot come into force in version 2: table people has no job_title (text), there is no table people_emails.',
        }
        await expect(admitMappings(stage.sql, [v2])).rejects.toMatchObject(refusal)
        await expandTables(stage.sql)
        await stage.sql`alter table people alter column job_title type integer using null, add column region text not null default 'north'`
        await stage.sql`alter table people alter column region drop default`
        await expect(admitMappings(stage.sql, [v2])).rejects.toMatchObject({
          message:
            'Mapping people cannot come into force in version 2: job_title of people is integer and not text, region of people is NOT NULL without a default, and no rule fills it.',
        })
        await stage.sql`alter table people alter column job_title type text, drop column region, add column score integer default 7`
        await admitMappings(stage.sql, [v2])
        expect(await listVersions(stage.sql, [v2])).toMatchObject([
          { mapping: 'people', version: 1, phase: 'in force' },
          { mapping: 'people', version: 2, phase: 'waiting' },
        ])
        await expect(contract(stage.sql, v2, [v2], NOTHING)).rejects.toThrow(
          'Version 2 of the mapping people is not in force yet: start a server of this release first.',
        )

        // By hand, before the record is switched.
        await unseen(stage.sql, `update people set department = 'Sales' where id = 'p1'`)
        expect(await driftOf(stage, v1)).toEqual([['foreign', 'p1', { people: ['department'] }]])

        const second = stage.projector({ plans: [v2], recordsAtOnce: 2 })
        const [rebuild] = second.rebuilds()
        await rebuild?.begin('outdated')
        await rebuild?.step()
        expect(await listVersions(stage.sql, [v2])).toMatchObject([
          { version: 1, phase: 'earlier' },
          {
            version: 2,
            phase: 'backfill',
            seen: 2,
            total: 5,
            left: { people: ['title', 'department'], people_phones: ['number'] },
          },
        ])
        await expect(contract(stage.sql, v2, [v2], NOTHING)).rejects.toThrow(
          'The backfill of people is at 2 of 5 records: wait until it is finished.',
        )
        // An edit of a record that is not switched yet, while a process of the old version still runs; and old columns edited by hand.
        await stage.edit(recordKey('p5', tenant), (editor) => editor.set('title', 'Queen'))
        await unseen(stage.sql, `update people set title = 'By hand' where id in ('p2', 'p4')`)
        expect(await driftOf(stage, v2)).toEqual(
          expect.arrayContaining([
            ['foreign', 'p2', { people: ['title'] }],
            ['outdated', 'p3', undefined],
            ['outdated', 'p4', undefined],
          ]),
        )
        second.start()
        await finished(stage.sql, 2)
        await second.drain()

        // Whatever was typed into the old columns, before or after they were left, is named.
        const named = [
          ['foreign', 'p1', { people: ['department'] }],
          ['foreign', 'p2', { people: ['title'] }],
          ['foreign', 'p4', { people: ['title'] }],
        ]
        expect(await driftOf(stage, v2)).toEqual(named)
        await unseen(stage.sql, `delete from people_phones where person_id = 'p3'`)
        expect(await driftOf(stage, v2)).toEqual([named[0], named[1], ['foreign', 'p3', { people_phones: [] }], named[2]])
        expect(await stage.sql`select id, job_title, score from people where tenant = ${tenant} order by id`).toEqual(
          keys.map(({ id }) => ({ id, job_title: id === 'p5' ? 'Queen' : 'Countess', score: 7 })),
        )
        const events = (await stage.events(tenant)).filter(({ payload }) => payload.mappingVersion === 2)
        expect(events.map(({ aggregateid, payload }) => [aggregateid, payload.op]).sort()).toEqual([
          ['p1', 'r'],
          ['p2', 'r'],
          ['p3', 'r'],
          ['p4', 'r'],
          ['p5', 'u'],
        ])

        await expect(contract(stage.sql, v2, [v2], NOTHING)).rejects.toThrow(/^Of 4 records somebody changed what version 2 /)
        await stage.sql`create view phone_list as select number from people_phones`
        const discard = { ...NOTHING, discard: true }
        await expect(contract(stage.sql, v2, [v2], discard)).rejects.toThrow(/^A view, or something else of yours, depends /)
        await stage.sql`drop view phone_list`
        await stage.sql`update rapport.projection_state set mapping_version = 0 where record_id = 'p1' and mapping = 'people'`
        await expect(contract(stage.sql, v2, [v2], discard)).rejects.toThrow(
          /^1 records have no rows of version 2 of people yet; /,
        )
        await stage.sql`update rapport.projection_state set mapping_version = 2 where record_id = 'p1' and mapping = 'people'`

        const contraction = {
          mapping: 'people',
          version: 2,
          dropped: { tables: ['people_phones'], columns: { people: ['title', 'department'] } },
          kept: {},
        }
        expect(await contract(stage.sql, v2, [v2], { ...discard, dry: true })).toEqual({ ...contraction, dryRun: true })
        expect(await stage.sql`select title from people where id = 'p3'`).toEqual([{ title: 'Countess' }])
        expect(await contract(stage.sql, v2, [v2], discard)).toEqual({ ...contraction, dryRun: false })
        expect(await stage.sql`select * from people where tenant = ${tenant} and id = 'p3'`).toEqual([
          { tenant, id: 'p3', last_name: 'Lovelace', sequence: 1, job_title: 'Countess', score: 7 },
        ])
        expect(await stage.sql`select to_regclass('people_phones') as there`).toEqual([{ there: null }])
        expect(await listVersions(stage.sql, [v2])).toMatchObject([{ phase: 'contracted' }, { phase: 'in force' }])
        expect(await driftOf(stage, v2)).toEqual([])
        expect((await contract(stage.sql, v2, [v2], NOTHING)).dropped).toEqual({ tables: [], columns: {} })

        // A version that is in force is not held up by what somebody does to its tables: its records carry the fault.
        await stage.sql`alter table people drop column job_title`
        await admitMappings(stage.sql, [v2])
        await stage.sql`drop table people, people_emails`
        await stage.sql`delete from rapport.projection_state where mapping = 'people'`
        await stage.sql`delete from rapport.projection_rebuilds where mapping = 'people'`
        await stage.sql`delete from rapport.mappings where id = 'people'`
      }))

    test('P8: kept instead of dropped, what was left is the CRM’s own, and no drift any more; so is a table with columns of its own', () =>
      onStage(sql(), async (stage) => {
        const [v1, v2] = [peoplePlan(1), peoplePlan(2)]
        await createFirstTables(stage.sql)
        await expandTables(stage.sql)
        await stage.sql`alter table people_phones add column note text`
        const key = recordKey('k1')
        await stage.edit(key, (editor) => {
          editor.set('title', 'Countess')
          editor.addEntry('phones', { number: '+49 30 1' }, { id: 'n1' })
        })
        for (const plan of [v1, v2]) {
          await admitMappings(stage.sql, [plan])
          const [rebuild] = stage.projector({ plans: [plan] }).rebuilds()
          await rebuild?.begin('outdated')
          while (await rebuild?.step());
        }
        await unseen(stage.sql, `update people set title = 'The CRM’s' where id = 'k1'`)
        expect((await contract(stage.sql, v2, [v2], { ...NOTHING, discard: true, dry: true })).kept).toEqual({
          people_phones: ['number'],
        })
        expect(await contract(stage.sql, v2, [v2], { ...NOTHING, keep: true })).toMatchObject({
          dropped: { tables: [], columns: {} },
          kept: { people: ['title', 'department'], people_phones: ['number'] },
        })
        expect((await driftOf(stage, v2)).filter(([, id]) => id === 'k1')).toEqual([])
        expect(await stage.sql`select title from people where id = 'k1'`).toEqual([{ title: 'The CRM’s' }])
      }))
  })
}
