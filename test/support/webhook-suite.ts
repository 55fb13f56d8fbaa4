/** What webhooks promise, on any database: real requests to a server of this process, with time that a test moves. */
import { randomUUID } from 'node:crypto'
import { type Clock, systemClock } from '@rapport/shared/clock.ts'
import type { Tenant } from '@rapport/shared/ids.ts'
import { Webhook } from 'standardwebhooks'
import { describe, expect, test } from 'vitest'
import type { Sql } from '../../server/db.ts'
import { createAddressGuard } from '../../server/feed/addresses.ts'
import { type Courier, createCourier } from '../../server/feed/courier.ts'
import { createGuardedPost } from '../../server/feed/guarded-post.ts'
import { createFeedReader } from '../../server/feed/reader.ts'
import { createRetention } from '../../server/feed/retention.ts'
import { newSecret } from '../../server/feed/signature.ts'
import type { WebhookListing } from '../../server/feed/webhook.ts'
import { createWebhookSink } from '../../server/feed/webhook-sink.ts'
import { createWebhookStore, type WebhookStore } from '../../server/feed/webhook-store.ts'
import { createMetrics, type Metrics } from '../../server/observability/metrics.ts'
import { silent } from './database.ts'
import { freshTenant } from './entries.ts'
import { readFeed, relayOn, writeEvent, written } from './feed-stage.ts'
import { openReceiver, type Receiver } from './receiver.ts'
import { until } from './stock-client.ts'

const DAY = 86_400_000

interface Stage {
  readonly sql: Sql
  readonly tenant: Tenant
  readonly receiver: Receiver
  readonly store: WebhookStore
  readonly metrics: Metrics
  /** Moves the wall clock of all couriers. */
  pass(milliseconds: number): void
  now(): number
  courier(): Courier
  add(types?: readonly string[]): Promise<{ id: string; secret: string }>
  /** Writes events of records `r1`, `r2`, … and gives them positions. */
  write(count: number, type?: string): Promise<void>
  find(id: string): Promise<WebhookListing>
  /** The `webhook-id` of what was received. */
  ids(): readonly unknown[]
  feedIds(): Promise<readonly string[]>
}

async function onWebhooks(sql: Sql, use: (stage: Stage) => Promise<void>): Promise<void> {
  let shift = 0
  const clock: Clock = { ...systemClock, now: () => Date.now() + shift }
  const [tenant, receiver, store, metrics] = [freshTenant(), await openReceiver(), createWebhookStore(sql), createMetrics()]
  const couriers: Courier[] = []
  const made: string[] = []
  const post = createGuardedPost(clock, createAddressGuard([{ address: '127.0.0.1', bits: 32 }]))
  const stage: Stage = {
    ...{ sql, tenant, receiver, store, metrics },
    pass(milliseconds) {
      shift += milliseconds
    },
    now: clock.now,
    courier() {
      const sinkOf = (target: Parameters<typeof createWebhookSink>[0]) => createWebhookSink(target, post, clock)
      const courier = createCourier({ sql, reader: createFeedReader(sql), clock, logger: silent, metrics, sinkOf })
      couriers.push(courier)
      courier.start()
      return courier
    },
    async add(types) {
      const webhook = { id: randomUUID(), secret: newSecret() }
      const url = `http://127.0.0.1:${receiver.port}/hook`
      await store.add({ ...webhook, tenant, url, types: types ?? null, now: clock.now() })
      made.push(webhook.id)
      return webhook
    },
    async write(count, type = 'contact') {
      for (let n = 1; n <= count; n += 1) await writeEvent(sql, written(tenant, `r${n}`), { type, at: clock.now() })
      await relayOn(sql).drain()
    },
    async find(id) {
      const webhook = await store.find(id)
      if (webhook === undefined) throw new Error('no such webhook')
      return webhook
    },
    ids: () => receiver.received.map(({ headers }) => headers['webhook-id']),
    feedIds: async () => (await readFeed(sql, tenant)).map(({ id }) => id),
  }
  try {
    await use(stage)
  } finally {
    for (const courier of couriers) await courier.stop()
    for (const id of made) await store.remove(id)
    await receiver.close()
  }
}

export function describeWebhooks(name: string, sql: () => Sql): void {
  describe(`webhooks on ${name}`, () => {
    test('events from now on arrive once each, in order, as the feed has them, and verify with the reference library', () =>
      onWebhooks(sql(), async (stage) => {
        await stage.write(3)
        const { secret } = await stage.add()
        // Several processes, which share the work and not an event.
        for (let n = 0; n < 3; n += 1) stage.courier()
        await stage.write(40)
        await until(() => stage.receiver.received.length >= 40, 'all are delivered')
        const feed = (await readFeed(stage.sql, stage.tenant)).slice(3)
        expect(stage.ids()).toEqual(feed.map(({ id }) => id))
        expect(stage.receiver.received.map(({ body }) => body)).toEqual(feed.map(({ json }) => json))
        const verifier = new Webhook(secret)
        for (const { body, headers } of stage.receiver.received) {
          expect(verifier.verify(body, headers as Record<string, string>)).toEqual(JSON.parse(body))
          expect(headers['content-type']).toBe('application/cloudevents+json; charset=utf-8')
        }
        expect(await stage.metrics.render()).toMatch(/rapport_webhook_deliveries_total\{outcome="delivered"\} 40/)
      }))

    test('only the types that were asked for are sent, and the others are passed by', () =>
      onWebhooks(sql(), async (stage) => {
        const { id } = await stage.add(['rapport.account.changed.v1'])
        stage.courier()
        await stage.write(2, 'contact')
        await stage.write(1, 'account')
        await stage.write(2, 'contact')
        await until(async () => (await stage.find(id)).waiting === 0, 'nothing waits')
        expect(stage.ids()).toEqual([(await stage.feedIds())[2]])
      }))

    test('what fails is tried again under the same id and with a new time, and nothing overtakes it', () =>
      onWebhooks(sql(), async (stage) => {
        const { id, secret } = await stage.add()
        stage.receiver.answer(500)
        stage.courier()
        await stage.write(2)
        await until(async () => (await stage.find(id)).attempts === 1, 'the first attempt failed')
        const failed = await stage.find(id)
        expect(failed).toMatchObject({ state: 'active', lastError: 'HTTP 500', waiting: 2, position: 0 })
        const pause = failed.nextTry.getTime() - stage.now()
        expect(pause).toBeGreaterThan(0)
        expect(pause).toBeLessThanOrEqual(6_000)
        stage.pass(6_000)
        await until(async () => (await stage.find(id)).attempts === 2, 'the second attempt failed')
        stage.receiver.answer(204)
        stage.pass(400_000)
        await until(async () => (await stage.find(id)).waiting === 0, 'nothing waits')
        expect(await stage.find(id)).toMatchObject({ attempts: 0, lastError: null, state: 'active' })
        const [first, second] = await stage.feedIds()
        expect(stage.ids()).toEqual([first, first, first, second])
        const times = stage.receiver.received.map(({ headers }) => Number(headers['webhook-timestamp']))
        expect(times[1]).toBeGreaterThanOrEqual((times[0] ?? 0) + 5)
        // The library's own clock has not moved, so of these only the first is of its time.
        const [attempt] = stage.receiver.received
        expect(new Webhook(secret).verify(attempt?.body ?? '', attempt?.headers as Record<string, string>)).toBeTruthy()
      }))

    test('Retry-After is waited for, and a redirect is not followed', () =>
      onWebhooks(sql(), async (stage) => {
        const canary = await openReceiver()
        const { id } = await stage.add()
        stage.receiver.answer(429, { 'Retry-After': '3600' })
        stage.courier()
        await stage.write(1)
        await until(async () => (await stage.find(id)).attempts === 1, 'it is asked to wait')
        expect((await stage.find(id)).nextTry.getTime() - stage.now()).toBeGreaterThan(3_590_000)
        stage.receiver.answer(302, { Location: `http://127.0.0.1:${canary.port}/` })
        stage.pass(3_600_000)
        await until(async () => (await stage.find(id)).attempts === 2, 'it is sent elsewhere')
        expect((await stage.find(id)).lastError).toBe('HTTP 302')
        expect(canary.received).toEqual([])
        await canary.close()
      }))

    test('after ten failures it is parked; resumed, it gets what waited', () =>
      onWebhooks(sql(), async (stage) => {
        const { id } = await stage.add()
        stage.receiver.answer(503)
        stage.courier()
        await stage.write(2)
        for (let failures = 1; failures <= 10; failures += 1) {
          await until(async () => (await stage.find(id)).attempts === failures, `${failures} failures`)
          stage.pass(2 * DAY)
        }
        expect(await stage.find(id)).toMatchObject({ state: 'parked', lastError: 'HTTP 503', waiting: 2 })
        stage.receiver.answer(200)
        await stage.write(1)
        expect(stage.receiver.received).toHaveLength(10)
        expect(await stage.store.resume(id, stage.now())).toBe(true)
        await until(async () => (await stage.find(id)).waiting === 0, 'nothing waits')
        expect(stage.ids().slice(10)).toEqual(await stage.feedIds())
      }))

    test('who answers 410 gets no more', () =>
      onWebhooks(sql(), async (stage) => {
        const { id } = await stage.add()
        stage.receiver.answer(410)
        stage.courier()
        await stage.write(2)
        await until(async () => (await stage.find(id)).state === 'disabled', 'it is disabled')
        await stage.write(1)
        stage.pass(DAY)
        expect(stage.receiver.received).toHaveLength(1)
      }))

    test('a replay sends what is behind a cursor again, under the same ids; not what is removed or not there', () =>
      onWebhooks(sql(), async (stage) => {
        const { id } = await stage.add()
        stage.courier()
        await stage.write(4)
        await until(async () => (await stage.find(id)).waiting === 0, 'nothing waits')
        expect(await stage.store.replay(id, 2, stage.now())).toBe(true)
        await until(() => stage.receiver.received.length === 6, 'two are sent again')
        const ids = await stage.feedIds()
        expect(stage.ids()).toEqual([...ids, ...ids.slice(2)])
        await until(async () => (await stage.find(id)).waiting === 0, 'nothing waits')
        expect(await stage.store.replay(id, 5, stage.now())).toBe(false)
        await stage.sql`update rapport.outbox set at = at - interval '90 days' where tenant = ${stage.tenant} and position <= 3`
        const reader = createFeedReader(stage.sql)
        const retention = createRetention(stage.sql, systemClock, silent, 30)
        retention.start()
        await until(async () => (await reader.oldest(stage.tenant)) === 3, 'old events are removed')
        await retention.stop()
        expect(await stage.store.replay(id, 2, stage.now())).toBe(false)
        expect(await stage.store.replay(id, 3, stage.now())).toBe(true)
      }))

    test('what an active webhook has not been given is not removed, however old; what a parked one has not is, and it goes on behind', () =>
      onWebhooks(sql(), async (stage) => {
        const { id } = await stage.add()
        await stage.write(4)
        await stage.sql`update rapport.outbox set at = at - interval '90 days' where tenant = ${stage.tenant}`
        await stage.sql`update rapport.webhooks set position = 1 where id = ${id}`
        const reader = createFeedReader(stage.sql)
        const remove = async (oldest: number): Promise<void> => {
          const retention = createRetention(stage.sql, systemClock, silent, 30)
          retention.start()
          await until(async () => (await reader.oldest(stage.tenant)) === oldest, `removed up to ${oldest}`)
          await retention.stop()
        }
        await remove(1)
        await stage.sql`update rapport.webhooks set state = 'parked' where id = ${id}`
        await remove(4)
        await stage.store.resume(id, stage.now())
        expect(await stage.find(id)).toMatchObject({ state: 'active', position: 4 })
      }))

    test('after a rotation both secrets verify, and a day later only the new one', () =>
      onWebhooks(sql(), async (stage) => {
        const { id, secret } = await stage.add()
        const fresh = newSecret()
        await stage.store.rotate(id, fresh, stage.now() + DAY)
        stage.courier()
        await stage.write(1)
        await until(() => stage.receiver.received.length === 1, 'it is delivered')
        const [both] = stage.receiver.received
        for (const known of [secret, fresh]) {
          expect(new Webhook(known).verify(both?.body ?? '', both?.headers as Record<string, string>)).toBeTruthy()
        }
        stage.pass(DAY)
        await stage.write(1)
        await until(() => stage.receiver.received.length === 2, 'it is delivered')
        expect(String(stage.receiver.received[1]?.headers['webhook-signature']).split(' ')).toHaveLength(1)
      }))

    test('a courier that dies with an event in hand is followed by another, once its lease has run out', () =>
      onWebhooks(sql(), async (stage) => {
        const { id } = await stage.add()
        await stage.write(1)
        await stage.sql`
          update rapport.webhooks set lease = gen_random_uuid(), leased_until = ${new Date(stage.now() + 30_000)} where id = ${id}`
        stage.courier()
        await stage.sql`select pg_sleep(1.5)`
        expect(stage.receiver.received).toEqual([])
        stage.pass(31_000)
        await until(() => stage.receiver.received.length === 1, 'it is delivered')
      }))
  })
}
