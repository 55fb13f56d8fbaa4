/** A new mapping version coming into force in processes that are killed without a word, on any database. */
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '@rapport/shared/clock.ts'
import { describe, expect, test } from 'vitest'
import { reportDrift } from '../../server/projection/drift-report.ts'
import { createRandom } from '../simulation/random.ts'
import { freshTenant, recordKey } from './entries.ts'
import { createFirstTables, expandTables, peoplePlan } from './people-mapping.ts'
import { createContacts, expectChained, PROJECTOR, type SharedDatabase, startProcess } from './projection-kill-suite.ts'
import { onStage } from './projection-suite.ts'
import { until } from './stock-client.ts'

export function describeKilledSwitch(name: string, open: () => SharedDatabase, count: number, seed: number): void {
  describe(`killed switch of a mapping on ${name}`, () => {
    test(`P6, P8: of ${count} records, killed again and again beside edits and an old process, is resumed and exact (seed ${seed})`, () =>
      onStage(open().sql, async (stage) => {
        const { sql } = stage
        const random = createRandom(seed)
        const [v1, v2] = [peoplePlan(1), peoplePlan(2)]
        const tenant = freshTenant()
        await createFirstTables(sql)
        await createContacts(stage, tenant, count)
        await stage.projector({ plans: [v1], recordsAtOnce: 50 }).drain()
        const old = startProcess(open(), PROJECTOR, '1')
        await until(() => old.lines.length > 0, 'the old process projects', 30_000)
        await until(
          async () => (await sql`select 1 from rapport.projection_rebuilds where finished_at is not null`).length === 1,
          'its backfill is finished',
          120_000,
        )
        await expandTables(sql)
        await sql`alter table people add column score integer default 7`

        const edited = new Map<string, number>()
        const edit = async (): Promise<void> => {
          const id = `c${random.below(count)}`
          edited.set(id, (edited.get(id) ?? 0) + 1)
          await stage.edit(recordKey(id, tenant), (editor) => editor.set('title', `Title ${edited.get(id)}`))
        }
        const progress = async (): Promise<{ version: number; seen: number; finished: boolean }> => {
          const [row] = await sql<{ version: number; seen: number; finished: boolean }[]>`
            select version, seen, finished_at is not null as finished from rapport.projection_rebuilds where mapping = 'people'`
          return row ?? { version: 0, seen: 0, finished: false }
        }
        const seen = async (): Promise<number> => {
          const now = await progress()
          return now.version === 2 ? now.seen : -1
        }
        let kills = 0
        for (let reached = -1; kills < 5; kills += 1) {
          const projector = startProcess(open(), PROJECTOR, '2')
          const goal = Math.min(reached + 1 + random.below(Math.ceil(count / 6)), count - 1)
          await until(async () => (await seen()) >= goal, 'it gets on', 120_000)
          await edit()
          await sleep(random.below(30))
          expect(await projector.kill()).toBe(true)
          const now = await seen()
          expect(now).toBeGreaterThan(reached)
          reached = now
          if ((await progress()).finished) break
        }
        expect(kills).toBeGreaterThan(2)

        const last = startProcess(open(), PROJECTOR, '2')
        await until(async () => (await progress()).finished, 'the switch is finished', 120_000)
        await until(async () => (await stage.marks(tenant)).length === 0, 'all is projected', 60_000)
        expect([await last.kill(), await old.kill()]).toEqual([true, true])

        const report = await reportDrift({ sql, log: stage.log, clock: systemClock, recordsAtOnce: 50 }, v2, [v2])
        expect(report.records).toBe(count)
        expect(Object.entries(report.drift).filter(([, kind]) => kind.count > 0)).toEqual([])
        expect(
          await sql`
          select count(*) as rows, count(*) filter (where score = 7) as scores, count(distinct last_name) as names,
            count(*) filter (where job_title is null) as untitled, max(title) as title
          from people`,
        ).toEqual([{ rows: count, scores: count, names: 1, untitled: count - edited.size, title: null }])
        expect(await sql`select count(*) as rows from people_emails`).toEqual([{ rows: count }])
        expect(await sql`select count(*) as rows from people_phones`).toEqual([{ rows: count }])

        // One event for each record and step, and none of them twice.
        await expectChained(stage, tenant)
        const events = (await stage.events(tenant)).filter(({ payload }) => payload.mappingVersion === 2)
        const operations = Map.groupBy(events, ({ aggregateid }) => aggregateid)
        expect(operations.size).toBe(count)
        for (const [id, ofRecord] of operations) {
          const [first, ...later] = ofRecord.map(({ payload }) => payload.op)
          if (edited.has(id)) expect(['r', 'u']).toContain(first)
          else expect([first, later]).toEqual(['r', []])
          expect(later.every((op) => op === 'u')).toBe(true)
        }
      }))
  })
}
