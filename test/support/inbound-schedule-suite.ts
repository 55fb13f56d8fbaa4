/** Writable tables under everything at once: several writers, several processes' worth of absorbers and projectors, and a database that fails. */
import type { RecordKey } from '@rapport/shared/ids.ts'
import { describe, expect, test } from 'vitest'
import type { Sql } from '../../server/db.ts'
import { createRandom, type Random } from '../simulation/random.ts'
import { freshTenant, recordKey } from './entries.ts'
import { failing } from './failing-sql.ts'
import { changesOf, historyOf, statuses } from './inbound-stage.ts'
import { onWritableStage, projectedContact, settle } from './inbound-suite.ts'
import { createProjectionStage, type ProjectionStage } from './projection-stage.ts'

const STEPS = 150
const COLUMNS = { title: 'title', department: 'department', last_name: 'lastName' } as const

/** What the run has written so far. */
interface Ledger {
  /** By record and field: values in the order of their statements. */
  readonly written: Map<string, string[]>
  count: number
}

export function describeInboundSchedules(name: string, sql: () => Sql, seeds: readonly number[]): void {
  describe(`schedules of writers on ${name}`, () => {
    test.each(seeds)(
      'P6, P7: edits, statements, failures of the database and two absorbers in any order end with rows = forward(document), nothing lost and nothing twice (seed %i)',
      (seed) =>
        onWritableStage(sql(), async (one) => {
          const other = createProjectionStage(sql())
          try {
            await runSchedule(createRandom(seed), [one, other])
          } finally {
            await other.close()
          }
        }),
    )

    test('two absorbers at once settle each change once, whoever is faster', () =>
      onWritableStage(sql(), async (one) => {
        const other = createProjectionStage(sql())
        try {
          const tenant = freshTenant()
          const keys = Array.from({ length: 12 }, (_, n) => recordKey(`r${n}`, tenant))
          for (const key of keys) await projectedContact(one, key)
          for (let round = 0; round < 4; round += 1) {
            await sql()`update contacts set title = ${`round ${round}`} where tenant = ${tenant}`
            await Promise.all([one.absorber().drain(), other.absorber().drain()])
          }
          await settle(one)
          expect(new Set(await statuses(sql(), tenant))).toEqual(new Set(['absorbed']))
          for (const key of keys) {
            const changes = (await historyOf(sql(), key)).filter(({ via }) => via === 'sql')
            expect(changes.map(({ after }) => after)).toEqual(['round 3', 'round 2', 'round 1', 'round 0'])
          }
          expect(await one.wrong(tenant)).toEqual([])
        } finally {
          await other.close()
        }
      }))

    test('P7: a change that waits is not overwritten: its row stays as it was written, its record’s other rows too, until it is absorbed', () =>
      onWritableStage(sql(), async (stage) => {
        const key = await projectedContact(stage)
        const { tenant, id } = key
        const projector = stage.projector()
        const rows = async () => [
          await stage.sql`select title from contacts where tenant = ${tenant}`,
          await stage.sql`select address from contact_emails where tenant = ${tenant} order by id`,
        ]
        await stage.sql`insert into contact_emails (tenant, contact_id, id, address) values (${tenant}, ${id}, 'e3', 'c@example.org')`
        await stage.edit(key, (editor) => editor.set('title', 'CFO'))
        await projector.drain()
        const [rebuild] = projector.rebuilds('contact')
        await rebuild?.begin('anew')
        while (await rebuild?.step());
        expect(await rows()).toEqual([
          [{ title: 'CEO' }],
          [{ address: 'a@example.org' }, { address: 'b@example.org' }, { address: 'c@example.org' }],
        ])
        await stage.absorber().drain()
        await projector.drain()
        expect(await rows()).toMatchObject([[{ title: 'CFO' }], [{}, {}, { address: 'c@example.org' }]])
        expect(await stage.wrong(tenant)).toEqual([])
      }))

    test('what is pending, and what became of changes, is counted', () =>
      onWritableStage(sql(), async (stage) => {
        const key = await projectedContact(stage)
        await stage.sql`update contacts set title = 'CTO' where tenant = ${key.tenant}`
        await stage.sql`update contacts set stage = 'nonsense' where tenant = ${key.tenant}`
        const absorber = stage.absorber()
        await absorber.drain()
        const metrics = await absorber.metrics.render()
        expect(metrics).toContain('rapport_inbound_changes_total{status="absorbed"} 1')
        expect(metrics).toContain('rapport_inbound_changes_total{status="refused"} 1')
        expect(metrics).toContain('rapport_inbound_seconds_count 2')
        expect(await statuses(stage.sql, key.tenant)).toEqual(['absorbed', 'refused'])
      }))

    test('P10: settled changes are removed after thirty days, and pending ones never', () =>
      onWritableStage(sql(), async (stage) => {
        const key = await projectedContact(stage)
        await stage.sql`update contacts set title = 'CTO' where tenant = ${key.tenant}`
        await stage.absorber().drain()
        await stage.sql`update contacts set title = 'COO' where tenant = ${key.tenant}`
        await stage.sql`update rapport.inbound_changes set at = now() - interval '31 days',
          settled_at = settled_at - interval '31 days' where tenant = ${key.tenant}`
        await stage.absorber().tidy()
        expect(await statuses(stage.sql, key.tenant)).toEqual(['pending'])
      }))
  })
}

async function runSchedule(random: Random, stages: readonly ProjectionStage[]): Promise<void> {
  const [first] = stages
  if (first === undefined) throw new Error('a stage')
  const { sql } = first
  const tenant = freshTenant()
  const keys = ['r1', 'r2', 'r3', 'r4'].map((id) => recordKey(id, tenant))
  for (const key of keys.slice(0, 3)) await projectedContact(first, key)
  const ledger: Ledger = { written: new Map(), count: 0 }
  const unreliable = failing(sql, () => random.chance(0.08))
  const inBackground: Promise<unknown>[] = []
  for (let step = 0; step < STEPS; step += 1) {
    const stage = random.pick(stages)
    const key = random.pick(keys)
    const kind = random.below(10)
    if (kind < 3) await editOne(random, stage, key, ledger)
    else if (kind < 7) await writeOne(random, sql, key, ledger)
    else if (kind === 7)
      inBackground.push(
        stage
          .absorber({ sql: random.chance(0.5) ? unreliable : sql })
          .drain()
          .catch(() => undefined),
      )
    else if (kind === 8)
      inBackground.push(
        stage
          .projector({ sql: random.chance(0.5) ? unreliable : sql })
          .drain()
          .catch(() => undefined),
      )
    else await Promise.all(inBackground.splice(0))
  }
  await Promise.all(inBackground)
  await settle(first)
  expect((await statuses(sql, tenant)).filter((status) => status === 'pending')).toEqual([])
  expect(await first.wrong(tenant)).toEqual([])
  await expectNothingLost(sql, keys, ledger)
  const changes = await changesOf(sql, tenant)
  expect(changes.filter(({ status }) => status !== 'absorbed')).toEqual([])
  expect(changes.length).toBeGreaterThan(10)
}

/** Of each field the newest value that a statement wrote became an edit, and no value became two. */
async function expectNothingLost(sql: Sql, keys: readonly RecordKey[], { written }: Ledger): Promise<void> {
  for (const key of keys) {
    const after = (await historyOf(sql, key)).filter(({ via }) => via === 'sql')
    for (const field of Object.values(COLUMNS)) {
      const values = after.filter(({ path }) => path === `fields.${field}`).map((change) => change.after)
      expect(new Set(values).size).toBe(values.length)
      const last = written.get(`${key.id} ${field}`)?.at(-1)
      if (last !== undefined) expect(values).toContain(last)
    }
  }
}

async function editOne(random: Random, stage: ProjectionStage, key: RecordKey, ledger: Ledger): Promise<void> {
  const value = `edit ${ledger.count++}`
  const entry = `e${1 + random.below(3)}`
  const kind = random.below(4)
  await stage.edit(key, (editor) => {
    if (kind === 0) editor.addEntry('emails', { label: value }, { id: entry })
    else if (kind === 1) editor.add('tags', random.pick(['vip', 'new']))
    else editor.set(random.pick(Object.values(COLUMNS)), value)
  })
}

async function writeOne(random: Random, sql: Sql, { tenant, id }: RecordKey, ledger: Ledger): Promise<void> {
  const value = `row ${ledger.count++}`
  const entry = `e${1 + random.below(3)}`
  switch (random.below(9)) {
    case 0:
      await sql`insert into contact_emails (tenant, contact_id, id, address, label)
        values (${tenant}, ${id}, ${entry}, 'a@example.org', ${value})
        on conflict (tenant, contact_id, id) do update set label = excluded.label`
      return
    case 1:
      await sql`delete from contact_emails where tenant = ${tenant} and contact_id = ${id} and id = ${entry}`
      return
    case 2:
      await sql`insert into contact_tags values (${tenant}, ${id}, 'row') on conflict do nothing`
      return
    case 3:
      await sql`delete from contact_tags where tenant = ${tenant} and contact_id = ${id}`
      return
    case 4:
      await sql`insert into contacts (tenant, id, last_name) values (${tenant}, ${id}, ${value}) on conflict do nothing`
      return
    case 5:
      if (random.chance(0.3)) await sql`delete from contacts where tenant = ${tenant} and id = ${id}`
      else await sql`update contacts set deleted_at = null where tenant = ${tenant} and id = ${id}`
      return
    default: {
      const column = random.pick(Object.keys(COLUMNS) as (keyof typeof COLUMNS)[])
      const rows = await sql`update contacts set ${sql({ [column]: value })} where tenant = ${tenant} and id = ${id} returning id`
      const name = `${id} ${COLUMNS[column]}`
      if (rows.length > 0) ledger.written.set(name, [...(ledger.written.get(name) ?? []), value])
    }
  }
}
