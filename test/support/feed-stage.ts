/** Events in the outbox as transactions write them, straight in SQL, and who reads the feed behind them. */
import { randomUUID } from 'node:crypto'
import { systemClock } from '@rapport/shared/clock.ts'
import type { Tenant } from '@rapport/shared/ids.ts'
import type { Sql } from '../../server/db.ts'
import type { FeedEvent } from '../../server/feed/event.ts'
import { createFeedReader } from '../../server/feed/reader.ts'
import { createRelay, type Relay, type RelayDeps } from '../../server/feed/relay.ts'
import { silent } from './database.ts'

/** What a test writes of an event; the rest is always the same. */
export interface Written {
  readonly tenant: Tenant
  readonly id: string
  readonly recordId: string
  readonly documentSequence: number
}

export function written(tenant: Tenant, recordId = 'r1', documentSequence = 1): Written {
  return { tenant, id: randomUUID(), recordId, documentSequence }
}

type Session = Pick<Sql, 'unsafe'>

/** `more` goes into the payload, `at` is when it was written, `type` its record type. */
export async function writeEvent(
  session: Session,
  { tenant, id, recordId, documentSequence }: Written,
  { at = Date.now(), type = 'contact', more = {} }: { at?: number; type?: string; more?: object } = {},
): Promise<void> {
  const payload = { op: 'u', before: null, after: {}, changed: [], documentSequence, mappingVersion: 1, authors: [], ...more }
  await session.unsafe(
    `insert into rapport.outbox (tenant, id, aggregatetype, aggregateid, type, payload, at)
     values ($1, $2::text::uuid, $3, $4, $5, $6::text::jsonb, $7::text::timestamptz)`,
    [tenant, id, type, recordId, `rapport.${type}.changed.v1`, JSON.stringify(payload), new Date(at).toISOString()],
  )
}

/** Not started. */
export function relayOn(sql: Sql, given: Partial<RelayDeps> = {}): Relay {
  return createRelay({
    sql,
    clock: systemClock,
    logger: silent,
    onMoved: () => undefined,
    eventsAtOnce: 500,
    vacuums: false,
    ...given,
  })
}

/** Everything behind a position, page by page. */
export async function readFeed(sql: Sql, tenant: Tenant, after = 0, limit = 100): Promise<readonly FeedEvent[]> {
  const reader = createFeedReader(sql)
  const all: FeedEvent[] = []
  for (let place = after; ; ) {
    const { events, next } = await reader.page(tenant, place, limit)
    if (events.length === 0) return all
    all.push(...events)
    place = next
  }
}

export interface CloudEvent {
  readonly id: string
  readonly type: string
  readonly source: string
  readonly subject: string
  readonly time: string
  readonly data: {
    readonly op: string
    readonly before: Readonly<Record<string, unknown>> | null
    readonly after: Readonly<Record<string, unknown>>
    readonly documentSequence: number
  }
}

export function parsed({ json }: Pick<FeedEvent, 'json'>): CloudEvent {
  return JSON.parse(json) as CloudEvent
}
