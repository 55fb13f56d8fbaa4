/**
 * The log: one row an entry, dense per record from sequence 1. The primary key is half of the compare-and-swap that keeps it
 * so; the other half is in the statement that inserts.
 */
import { sql } from 'drizzle-orm'
import { bigint, check, jsonb, primaryKey, timestamp, uuid } from 'drizzle-orm/pg-core'
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
