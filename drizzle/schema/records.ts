/**
 * One row a record: that it exists, since when, its newest snapshot, and whether it was erased. The row is created by the
 * statement that stores the record's first entry, and never leaves: an erased id stays dead.
 */
import { sql } from 'drizzle-orm'
import { bigint, boolean, check, integer, primaryKey, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import { bytea, key, rapport } from './columns.ts'

export const records = rapport.table(
  'records',
  {
    tenant: key('tenant').notNull(),
    type: key('type').notNull(),
    id: key('id').notNull(),
    /** Version of the record type's declaration that the record was created under. */
    schemaVersion: integer('schema_version').notNull().default(1),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull(),
    createdBy: text('created_by').notNull(),
    erased: boolean('erased').notNull().default(false),
    /** The entry that the snapshot ends with; 0 and null until the first compaction. */
    snapshotSequence: bigint('snapshot_sequence', { mode: 'number' }).notNull().default(0),
    snapshotEntry: uuid('snapshot_entry'),
    /** When that entry was written. */
    snapshotAt: timestamp('snapshot_at', { withTimezone: true }),
    snapshot: bytea('snapshot'),
    snapshotVector: bytea('snapshot_vector'),
  },
  (table) => [
    primaryKey({ name: 'records_key', columns: [table.tenant, table.type, table.id] }),
    check('records_snapshot_whole', sql`(${table.snapshotSequence} = 0) = (${table.snapshot} is null)`),
  ],
)
