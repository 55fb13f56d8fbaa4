/**
 * The change feed beside its events, which are the outbox: how far each tenant's positions go, and who is sent the events.
 */
import { bigint, integer, primaryKey, text, timestamp, unique, uuid } from 'drizzle-orm/pg-core'
import { key, rapport } from './columns.ts'

/** One row a tenant. Its lock keeps removal of old events and a replay from passing each other. */
export const feedHeads = rapport.table(
  'feed_heads',
  {
    tenant: key('tenant').notNull(),
    /** The last one given; the first is 1, and none is left out. */
    position: bigint('position', { mode: 'number' }).notNull(),
    /** Events up to here were removed because of their age. */
    removed: bigint('removed', { mode: 'number' }).notNull().default(0),
  },
  (table) => [primaryKey({ name: 'feed_heads_key', columns: [table.tenant] })],
)

/** Addresses that events are sent to, in order, each with a place of its own. */
export const webhooks = rapport.table(
  'webhooks',
  {
    tenant: key('tenant').notNull(),
    id: uuid('id').notNull(),
    url: text('url').notNull(),
    /** `whsec_…`, as it stands: it signs, so it cannot be a hash. */
    secret: text('secret').notNull(),
    /** The one before, which signs too until then. */
    previousSecret: text('previous_secret'),
    previousUntil: timestamp('previous_until', { withTimezone: true }),
    /** Types of events that are sent; null for all. */
    types: text('types').array(),
    /** Events up to here were delivered, or are not for it. */
    position: bigint('position', { mode: 'number' }).notNull(),
    /** `active`; `parked` after too many failures; `disabled` by the other side. */
    state: text('state').notNull().default('active'),
    /** Failures since the last success. */
    attempts: integer('attempts').notNull().default(0),
    nextTry: timestamp('next_try', { withTimezone: true }).notNull(),
    /** Of the newest attempt, if that failed. Names no address and no value. */
    lastError: text('last_error'),
    deliveredAt: timestamp('delivered_at', { withTimezone: true }),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull(),
    /** Which process delivers, and until when it may be taken to live. */
    lease: uuid('lease'),
    leasedUntil: timestamp('leased_until', { withTimezone: true }),
  },
  (table) => [primaryKey({ name: 'webhooks_key', columns: [table.tenant, table.id] }), unique('webhooks_id').on(table.id)],
)
