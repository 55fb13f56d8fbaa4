/** What goes wrong for one record, or for the database, and what the projector makes of it, on any database. */
import { describe, expect, test } from 'vitest'
import type { Sql } from '../../server/db.ts'
import { listFaults } from '../../server/projection/fault-list.ts'
import { createRandom } from '../simulation/random.ts'
import { sqlStoreUnderTest } from './database.ts'
import { entryOf, freshTenant, recordKey } from './entries.ts'
import { failing } from './failing-sql.ts'
import { onStage } from './projection-suite.ts'
import { until } from './stock-client.ts'

/** Of a value that may appear in no fault, metric or log. */
const SECRET = 'Unspeakable'

export function describeProjectionFaults(name: string, sql: () => Sql): void {
  describe(`projection faults on ${name}`, () => {
    test('a constraint added by hand blocks one record alone, which says why without its values, and heals', () =>
      onStage(sql(), async (stage) => {
        const tenant = freshTenant()
        const keys = Array.from({ length: 20 }, (_, n) => recordKey(`r${String(n).padStart(2, '0')}`, tenant))
        const [guilty] = keys.slice(7)
        if (guilty === undefined) throw new Error('twenty keys')
        const projector = stage.projector()
        await stage.edit(guilty, (editor) => editor.set('lastName', 'Good'))
        await projector.drain()
        await stage.sql`alter table contacts add constraint decent_name check (last_name not like 'Unspeakable%')`
        try {
          for (const key of keys) await stage.edit(key, (editor) => editor.set('firstName', 'Ada'))
          await stage.edit(guilty, (editor) => {
            editor.set('lastName', SECRET)
            editor.addEntry('emails', { address: 'a@example.org' }, { id: 'e1' })
          })
          await projector.drain()
          expect(await stage.wrong(tenant)).toEqual([`contact/${guilty.id}`])
          expect((await stage.rows(guilty))?.main).toMatchObject({ last_name: 'Good', first_name: null, sequence: 1 })
          expect((await stage.rows(guilty))?.children.contact_emails).toEqual([])
          expect(await stage.marks(tenant)).toEqual([])
          const faults = (await listFaults(stage.sql)).filter((fault) => fault.tenant === tenant)
          expect(faults).toEqual([
            {
              tenant,
              type: 'contact',
              id: guilty.id,
              mapping: stage.plans.find((plan) => plan.type.name === 'contact')?.mapping.id,
              fault: 'The database refuses the rows: check_violation (23514), table contacts, constraint decent_name.',
              since: expect.stringMatching(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
              attempts: 1,
              nextTry: expect.stringMatching(/Z$/),
              misfits: [],
            },
          ])
          const events = (await stage.events(tenant)).filter(({ aggregateid }) => aggregateid === guilty.id)
          expect(events.map(({ payload }) => payload.op)).toEqual(['c'])

          projector.start()
          await until(
            async () => (await projector.metrics.render()).includes('rapport_projection_faults{type="contact"} 1'),
            'counted',
          )
          const attempts = async (): Promise<number> =>
            (await listFaults(stage.sql)).find((one) => one.tenant === tenant)?.attempts ?? 0
          await until(async () => (await attempts()) >= 2, 'it is tried again')
          const [delay] = await stage.sql<{ seconds: number }[]>`
            select round(extract(epoch from retry_at - projected_at))::int as seconds, attempts from rapport.projection_state
            where tenant = ${tenant} and fault is not null`
          expect(delay?.seconds).toBeGreaterThanOrEqual(2)
        } finally {
          await stage.sql`alter table contacts drop constraint decent_name`
        }
        await until(async () => (await stage.wrong(tenant)).length === 0, 'it heals by itself')
        expect((await listFaults(stage.sql)).filter((fault) => fault.tenant === tenant)).toEqual([])
        await until(
          async () => (await projector.metrics.render()).includes('rapport_projection_faults{type="contact"} 0'),
          'counted',
        )
        const healed = (await stage.events(tenant)).filter(({ aggregateid }) => aggregateid === guilty.id).at(-1)
        expect(healed?.payload).toMatchObject({ op: 'u', before: { last_name: 'Good' }, after: { last_name: SECRET } })
      }))

    test.each(['57P01', '08001', '25P02', '53100'])(
      'a trigger that raises SQLSTATE %s for one record stops no other: an answer of a live session is the record’s',
      (state) =>
        onStage(sql(), async (stage) => {
          const tenant = freshTenant()
          const keys = Array.from({ length: 9 }, (_, n) => recordKey(`r${n}`, tenant))
          await stage.sql.unsafe(`
            create function refuse() returns trigger language plpgsql as
              $$ begin raise exception 'no' using errcode = '${state}'; end $$;
            create trigger refuse before insert on contacts for each row when (new.last_name = 'Unspeakable') execute function refuse()`)
          try {
            for (const key of keys) {
              await stage.edit(key, (editor) => editor.set('lastName', key.id === 'r4' ? SECRET : key.id))
            }
            await stage.projector().drain()
            expect(await stage.wrong(tenant)).toEqual(['contact/r4'])
            expect((await listFaults(stage.sql)).filter((fault) => fault.tenant === tenant)).toMatchObject([
              { id: 'r4', fault: state === '25P02' ? expect.any(String) : `The database refuses the rows: SQLSTATE ${state}.` },
            ])
            expect(await stage.marks(tenant)).toEqual([])
          } finally {
            await stage.sql.unsafe('drop trigger refuse on contacts; drop function refuse()')
          }
        }),
    )

    test('a faulty record is tried at once when it is edited, and a rebuild tries it too', () =>
      onStage(sql(), async (stage) => {
        const tenant = freshTenant()
        const key = recordKey('r1', tenant)
        const projector = stage.projector()
        await stage.sql`alter table contacts add constraint no_vip check (title <> 'VIP')`
        try {
          await stage.edit(key, (editor) => editor.set('title', 'VIP'))
          await projector.drain()
          expect(await stage.rows(key)).toBeUndefined()
          await stage.edit(key, (editor) => editor.set('title', 'Director'))
          await projector.drain()
          expect(await stage.wrong(tenant)).toEqual([])
          await stage.edit(key, (editor) => editor.set('title', 'VIP'))
          await projector.drain()
          expect(await stage.wrong(tenant)).toEqual(['contact/r1'])
          await stage.sql`update contacts set title = 'damaged' where tenant = ${tenant}`
          const [rebuild] = projector.rebuilds('contact')
          await rebuild?.begin('again')
          while (await rebuild?.step());
          expect((await listFaults(stage.sql)).find((fault) => fault.tenant === tenant)?.attempts).toBe(2)
          expect((await stage.rows(key))?.main).toMatchObject({ title: 'damaged' })
        } finally {
          await stage.sql`alter table contacts drop constraint no_vip`
        }
        const [rebuild] = projector.rebuilds('contact')
        await rebuild?.begin('again')
        while (await rebuild?.step());
        expect(await stage.wrong(tenant)).toEqual([])
        // The rebuild came first, but what it brought was news of the record.
        expect((await stage.events(tenant)).map(({ payload }) => payload.op)).toEqual(['c', 'u'])
      }))

    test('a log that cannot be read back is its own record’s fault, and is projected once it can be', () =>
      onStage(sql(), async (stage) => {
        const tenant = freshTenant()
        const [good, bad] = [recordKey('good', tenant), recordKey('bad', tenant)]
        for (const key of [good, bad]) await stage.edit(key, (editor) => editor.set('lastName', 'Ada'))
        const damage = (bytes: string) => stage.sql`
          update rapport.record_updates set update = ${bytes === '' ? stage.sql`substring(update from 5)` : stage.sql`decode(${bytes}, 'hex')`}
          where tenant = ${tenant} and record_id = 'bad'`
        const [kept] = await stage.sql<{ hex: string }[]>`
          select encode(update, 'hex') as hex from rapport.record_updates where tenant = ${tenant} and record_id = 'bad'`
        await damage('')
        const projector = stage.projector()
        await projector.drain()
        expect((await stage.rows(good))?.main).toMatchObject({ last_name: 'Ada' })
        expect(await stage.rows(bad)).toBeUndefined()
        expect((await listFaults(stage.sql)).filter((fault) => fault.tenant === tenant)).toMatchObject([
          { id: 'bad', fault: 'The log of the record cannot be read back.' },
        ])
        expect(await stage.marks(tenant)).toEqual([])
        await damage(kept?.hex ?? '')
        projector.start()
        await until(async () => (await stage.wrong(tenant)).length === 0, 'it is projected')
      }))

    test('P12: an erased record gets no rows, whenever it is erased, and leaves neither marks nor state', () =>
      onStage(sql(), async (stage) => {
        const tenant = freshTenant()
        const [early, late] = [recordKey('early', tenant), recordKey('late', tenant)]
        for (const key of [early, late]) await stage.edit(key, (editor) => editor.set('lastName', 'Ada'))
        const { erase } = sqlStoreUnderTest(stage.sql)
        await erase(early)
        const projector = stage.projector({
          log: {
            async load(key) {
              const stored = await stage.log.load(key)
              // Read before, written after.
              if (key.id === 'late' && stored?.erased === false) await erase(key)
              return stored
            },
          },
        })
        await projector.drain()
        expect(await stage.sql`select * from contacts where tenant = ${tenant}`).toEqual([])
        expect(await stage.sql`select * from rapport.projection_state where tenant = ${tenant}`).toEqual([])
        expect(await stage.sql`select * from rapport.outbox where tenant = ${tenant}`).toEqual([])
        expect(await stage.marks(tenant)).toEqual([])
      }))

    test.each([1, 2, 3])('P6: a database that fails at any statement loses no record and doubles no event (seed %i)', (seed) =>
      onStage(sql(), async (stage) => {
        const random = createRandom(seed)
        const tenant = freshTenant()
        const keys = Array.from({ length: 15 }, (_, n) => recordKey(`r${n}`, tenant))
        const projector = stage.projector({ sql: failing(stage.sql, () => random.chance(0.04)), recordsAtOnce: 4 })
        projector.start()
        for (let round = 0; round < 8; round += 1) {
          for (const key of keys) {
            await stage.edit(key, (editor) => {
              editor.set('lastName', `${key.id} ${round}`)
              editor.addEntry('phones', { number: `+49 30 ${100_000 + round}` }, { id: `p${round % 3}` })
            })
          }
          projector.wake()
        }
        await until(async () => (await stage.marks(tenant)).length === 0, 'no mark is left', 30_000)
        expect(await stage.wrong(tenant)).toEqual([])
        const events = await stage.events(tenant)
        for (const [index, { aggregateid, payload }] of events.entries()) {
          const before = events[index - 1]
          expect(payload.before).toEqual(before?.aggregateid === aggregateid ? before.payload.after : null)
        }
      }),
    )

    test('the lag is the age of the oldest mark, and grows while nobody projects', () =>
      onStage(sql(), async (stage) => {
        const tenant = freshTenant()
        const key = recordKey('r1', tenant)
        const entry = entryOf(key, undefined, { at: Date.now() - 120_000 })
        await sqlStoreUnderTest(stage.sql).store.insert([entry])
        let release = (): void => undefined
        const stuck = new Promise<undefined>((resolve) => {
          release = () => resolve(undefined)
        })
        const projector = stage.projector({ log: { load: () => stuck } })
        projector.start()
        const lag = async (): Promise<number> =>
          Number(/^rapport_projection_lag_seconds (\S+)$/m.exec(await projector.metrics.render())?.[1])
        await until(async () => (await lag()) > 119, 'the lag is seen')
        const first = await lag()
        await until(async () => (await lag()) > first, 'it grows')
        const other = stage.projector()
        other.start()
        await until(async () => (await stage.marks(tenant)).length === 0, 'another one projects')
        await until(async () => (await lag()) < 119, 'it falls')
        release()
      }))
  })
}
