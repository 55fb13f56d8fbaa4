/**
 * Requests that came with an `Idempotency-Key`, and how they were answered. Nothing of a record's content is in here: an answer is kept
 * as what it was about, and told again from the log.
 */
import { bigint, index, integer, primaryKey, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import { bytea, key, rapport } from './columns.ts'

export const idempotencyKeys = rapport.table(
  'idempotency_keys',
  {
    tenant: key('tenant').notNull(),
    sub: key('sub').notNull(),
    key: key('key').notNull(),
    /** SHA-256 of method, path, conditions and body: another request may not use the key. */
    request: bytea('request').notNull(),
    /** What ids of records are drawn from that the request makes, alike in every attempt. */
    seed: uuid('seed').notNull(),
    /** When the first attempt began. */
    begunAt: timestamp('begun_at', { withTimezone: true }).notNull(),
    /** The newest attempt, and until when nobody else makes one. */
    attempt: uuid('attempt').notNull(),
    busyUntil: timestamp('busy_until', { withTimezone: true }).notNull(),
    /** Null until it is answered. */
    status: integer('status'),
    /** Of the record that the answer shows; null where it shows none. */
    type: key('type'),
    recordId: key('record_id'),
    sequence: bigint('sequence', { mode: 'number' }),
    /** JSON of a body that holds nothing of a record's: a problem, or what became of a batch. */
    body: text('body'),
  },
  (table) => [
    primaryKey({ name: 'idempotency_keys_key', columns: [table.tenant, table.sub, table.key] }),
    index('idempotency_keys_by_age').on(table.begunAt),
    index('idempotency_keys_of_one').on(table.tenant, table.sub, table.begunAt),
  ],
)
