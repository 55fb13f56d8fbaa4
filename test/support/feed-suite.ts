/** What the change feed promises of order, completeness and age, on any database. */
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '@rapport/shared/clock.ts'
import type { RecordKey, Tenant } from '@rapport/shared/ids.ts'
import type { Projection, Row } from '@rapport/shared/mapping/plan.ts'
import { describe, expect, test } from 'vitest'
import type { Sql } from '../../server/db.ts'
import { createFeedNews } from '../../server/feed/news.ts'
import { createFeedReader } from '../../server/feed/reader.ts'
import { createRetention } from '../../server/feed/retention.ts'
import { createRandom } from '../simulation/random.ts'
import { silent } from './database.ts'
import { freshTenant, recordKey } from './entries.ts'
import { parsed, readFeed, relayOn, type Written, writeEvent, written } from './feed-stage.ts'
import { comparableRows } from './projected-rows.ts'
import { onStage } from './projection-suite.ts'
import { randomEdit } from './random-edits.ts'
import { until } from './stock-client.ts'

const WRITERS = 100
const DAY = 86_400_000

/** `writers`: connections that take transactions of their own, on the same database. */
export function describeFeed(name: string, sql: () => Sql, writers: () => Sql, seeds: readonly number[]): void {
  describe(`the feed on ${name}`, () => {
    test.each(seeds)(
      'P6: of 100 writers with long and short transactions, and two relays, a reader gets every event once, in order (seed %i)',
      async (seed) => {
        const random = createRandom(seed)
        const [one, two] = [freshTenant(), freshTenant()]
        const committed: Written[] = []
        const relays = [relayOn(sql(), { eventsAtOnce: 7 }), relayOn(sql(), { eventsAtOnce: 30 })]
        for (const relay of relays) relay.start()
        const write = async (index: number): Promise<void> => {
          const tenant = index % 3 === 0 ? two : one
          for (let sequence = 1; sequence <= 6; ) {
            const events = Array.from({ length: 1 + random.below(3) }, () => written(tenant, `r${index}`, sequence++))
            const pauses = events.map(() => (random.chance(0.2) ? random.below(120) : random.below(3)))
            const undone = random.chance(0.1)
            const done = await writers()
              .begin(async (session) => {
                for (const [place, event] of events.entries()) {
                  await writeEvent(session as unknown as Sql, event)
                  await sleep(pauses[place])
                }
                if (undone) throw new Error('rolled back')
              })
              .then(
                () => true,
                (error: Error) => {
                  if (!undone) throw error
                  return false
                },
              )
            if (done) committed.push(...events)
            relays[random.below(2)]?.wake()
          }
        }
        // Reads all the while, never back, as a subscriber does.
        let writing = true
        const follow = async (tenant: Tenant): Promise<ReturnType<typeof parsed>[]> => {
          const got: ReturnType<typeof parsed>[] = []
          for (let place = 0, last = false; !last; ) {
            last = !writing
            const events = await readFeed(sql(), tenant, place, 9)
            expect(events.map(({ position }) => position)).toEqual(events.map((_, index) => place + index + 1))
            got.push(...events.map(parsed))
            place += events.length
            await sleep(10)
          }
          return got
        }
        const followers = [follow(one), follow(two)]
        await Promise.all(Array.from({ length: WRITERS }, (_, index) => write(index)))
        for (const relay of relays) await relay.stop()
        await relays[0]?.drain()
        writing = false
        const got = (await Promise.all(followers)).flat()
        expect(got.map(({ id }) => id).sort()).toEqual(committed.map(({ id }) => id).sort())
        for (const ofRecord of Map.groupBy(got, ({ subject }) => subject).values()) {
          const sequences = ofRecord.map(({ data }) => data.documentSequence)
          expect(sequences).toEqual(sequences.toSorted((a, b) => a - b))
        }
      },
    )

    test('P6: the events of random edits replay to the rows, and each begins where the one before ended', () =>
      onStage(sql(), async (stage) => {
        const random = createRandom(7)
        const tenant = freshTenant()
        const keys: RecordKey[] = stage.plans.flatMap(({ type }) => [1, 2].map((n) => recordKey(`r${n}`, tenant, type.name)))
        const projector = stage.projector()
        for (let round = 0; round < 60; round += 1) {
          const key = random.pick(keys)
          const type = stage.plans.find((plan) => plan.type.name === key.type)?.type
          if (type === undefined) throw new Error('this type is not mapped')
          await stage.edit(key, (_editor, document) => randomEdit(random, type, document))
          if (random.chance(0.4)) await projector.drain()
        }
        await projector.drain()
        await relayOn(stage.sql).drain()
        const rows = new Map<string, Readonly<Record<string, unknown>>>()
        for (const { subject, data } of (await readFeed(stage.sql, tenant, 0, 5)).map(parsed)) {
          // An entry that no column shows moves the count and makes no event.
          expect({ ...data.before, sequence: 0 }).toEqual({ ...rows.get(subject), sequence: 0 })
          rows.set(subject, data.after)
        }
        for (const key of keys) {
          const plan = stage.plans.find((one) => one.type.name === key.type)
          const after = rows.get(`${key.type}/${key.id}`)
          if (plan === undefined || after === undefined) throw new Error('no event')
          const children = Object.fromEntries(plan.children.map((table) => [table.name, after[table.name] as readonly Row[]]))
          const replayed = comparableRows(plan, { main: after as Projection['main'], children })
          const there = await stage.rows(key)
          expect({ ...replayed, main: { ...replayed.main, sequence: 0 } }).toEqual({
            ...there,
            main: { ...there?.main, sequence: 0 },
          })
        }
      }))

    test('an event is a CloudEvent, and its numbers keep all of their digits', async () => {
      const tenant = freshTenant()
      const event = written(tenant, 'c1', 3)
      await writeEvent(sql(), event, { at: 1_800_000_000_123 })
      await sql()`
        update rapport.outbox set payload = jsonb_set(payload, '{after}', '{"credit_limit": 12345678901234567890.1250}')
        where tenant = ${tenant}`
      await relayOn(sql()).drain()
      const [read, ...more] = await readFeed(sql(), tenant)
      expect(more).toEqual([])
      expect(read?.json).toContain('12345678901234567890.1250')
      expect(parsed(read ?? { json: '' })).toEqual({
        specversion: '1.0',
        id: event.id,
        source: `/tenants/${tenant}`,
        type: 'rapport.contact.changed.v1',
        subject: 'contact/c1',
        time: '2027-01-15T08:00:00.123Z',
        datacontenttype: 'application/json',
        data: {
          ...{ op: 'u', before: null, after: { credit_limit: expect.any(Number) }, changed: [], documentSequence: 3 },
          ...{ mappingVersion: 1, authors: [] },
        },
      })
    })

    test('P10: a page is bounded in bytes, whatever its limit, and has an event even so', async () => {
      const tenant = freshTenant()
      const noise = createRandom(1)
      const large = Array.from({ length: 600_000 }, () => noise.below(36).toString(36)).join('')
      for (let n = 1; n <= 12; n += 1) await writeEvent(sql(), written(tenant, `r${n}`), { more: { after: { large } } })
      await writeEvent(sql(), written(tenant, 'huge'), { more: { after: { large: 'x'.repeat(5_000_000) } } })
      await relayOn(sql()).drain()
      const reader = createFeedReader(sql())
      const lengths: number[] = []
      for (let place = 0; ; ) {
        const { events, next } = await reader.page(tenant, place, 1_000)
        if (events.length === 0) break
        lengths.push(events.length)
        place = next
      }
      expect(lengths.reduce((sum, length) => sum + length)).toBe(13)
      expect(Math.max(...lengths)).toBeLessThanOrEqual(8)
    })

    test('P11: a feed shows its tenant alone; behind its end there is nothing, and the cursor stays', async () => {
      const [tenant, other] = [freshTenant(), freshTenant()]
      await writeEvent(sql(), written(tenant))
      await writeEvent(sql(), written(other))
      await relayOn(sql()).drain()
      const reader = createFeedReader(sql())
      const { events, next } = await reader.page(tenant, 0, 10)
      expect(events.map((event) => parsed(event).source)).toEqual([`/tenants/${tenant}`])
      expect(next).toBe(1)
      expect(await reader.page(tenant, 1, 10)).toEqual({ events: [], next: 1 })
      expect(await reader.page(tenant, 900, 10)).toEqual({ events: [], next: 900 })
      expect(await reader.page(freshTenant(), 0, 10)).toEqual({ events: [], next: 0 })
    })

    test('P10: old events go, in order and without a gap, and a cursor before them is told so', async () => {
      const tenant = freshTenant()
      const ages = [40, 35, 10, 33, 1]
      for (const [index, age] of ages.entries()) {
        await writeEvent(sql(), written(tenant, `r${index}`), { at: Date.now() - age * DAY })
      }
      await relayOn(sql()).drain()
      const retention = createRetention(sql(), systemClock, silent, 30)
      const reader = createFeedReader(sql())
      retention.start()
      await until(async () => (await reader.oldest(tenant)) > 0, 'old events are removed')
      await retention.stop()
      // The fourth is old as well, but behind one that is not.
      expect(await reader.oldest(tenant)).toBe(2)
      expect((await readFeed(sql(), tenant, 2)).map(({ position }) => position)).toEqual([3, 4, 5])
      for (const cursor of [0, 1]) await expect(reader.page(tenant, cursor, 10)).rejects.toMatchObject({ code: 'gone' })
      await writeEvent(sql(), written(tenant))
      await relayOn(sql()).drain()
      expect((await readFeed(sql(), tenant, 5)).map(({ position }) => position)).toEqual([6])
    })

    test('who follows is told of events that another process positioned', async () => {
      const tenant = freshTenant()
      const follower = createFeedNews(sql(), systemClock, silent).follow(tenant)
      await writeEvent(sql(), written(tenant))
      await relayOn(sql()).drain()
      // Far longer than it looks; a follower that is told of nothing would answer only then.
      const start = performance.now()
      await follower.moved(50_000)
      expect(performance.now() - start).toBeLessThan(50_000)
      follower.end()
    })
  })
}
