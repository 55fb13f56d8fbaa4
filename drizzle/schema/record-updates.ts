/**
 * The log: one row an entry, dense per record from sequence 1. The primary key is half of the compare-and-swap that keeps it
 * so; the other half is in the statement that inserts.
 */
import { sql } from 'drizzle-orm'
import { bigint, check, index, integer, jsonb, primaryKey, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import { bytea, key, rapport } from './columns.ts'

export const recordUpdates = rapport.table(
  'record_updates',
  {
    tenant: key('tenant').notNull(),
    type: key('type').notNull(),
    recordId: key('record_id').notNull(),
    sequence: bigint('sequence', { mode: 'number' }).notNull(),
    /** Drawn by the writer, so that an insert of unknown outcome can be looked for. */
    entry: uuid('entry').notNull(),
    update: bytea('update').notNull(),
    /** `[{sub, role}]`; subjects are printable, so jsonb holds every one of them. */
    authors: jsonb('authors').notNull(),
    at: timestamp('at', { withTimezone: true }).notNull(),
  },
  (table) => [
    primaryKey({ name: 'record_updates_key', columns: [table.tenant, table.type, table.recordId, table.sequence] }),
    check('record_updates_sequence', sql`${table.sequence} > 0`),
  ],
)

/**
 * What items written under the server's client ids stand for: such an item says nothing of its author, and this row does.
 * `entry` is the sequence of the entry that brought the item.
 */
export const serverItems = rapport.table(
  'server_items',
  {
    tenant: key('tenant').notNull(),
    type: key('type').notNull(),
    recordId: key('record_id').notNull(),
    client: bigint('client', { mode: 'number' }).notNull(),
    clock: bigint('clock', { mode: 'number' }).notNull(),
    length: integer('length').notNull(),
    authorSub: text('author_sub').notNull(),
    authorRole: text('author_role').notNull(),
    standsForClient: bigint('stands_for_client', { mode: 'number' }).notNull(),
    standsForClock: bigint('stands_for_clock', { mode: 'number' }).notNull(),
    sequence: bigint('sequence', { mode: 'number' }).notNull(),
  },
  (table) => [
    primaryKey({ name: 'server_items_key', columns: [table.tenant, table.type, table.recordId, table.client, table.clock] }),
  ],
)

/** Submissions that could not be applied, kept for a person to look at. `position` is the order in which they came. */
export const quarantine = rapport.table(
  'quarantine',
  {
    tenant: key('tenant').notNull(),
    id: uuid('id').notNull(),
    position: bigint('position', { mode: 'number' }).notNull().generatedAlwaysAsIdentity(),
    type: key('type').notNull(),
    recordId: key('record_id').notNull(),
    reason: text('reason').notNull(),
    authorSub: text('author_sub').notNull(),
    authorRole: text('author_role').notNull(),
    at: timestamp('at', { withTimezone: true }).notNull(),
    bytes: bytea('bytes').notNull(),
  },
  (table) => [
    primaryKey({ name: 'quarantine_key', columns: [table.tenant, table.id] }),
    index('quarantine_by_record').on(table.tenant, table.type, table.recordId, table.position),
  ],
)
