/**
 * What the projector keeps: which records wait (marks), how far each one is (state), how far a rebuild is, and the events that
 * the change feed will hand out.
 */
import { sql } from 'drizzle-orm'
import { bigint, index, integer, jsonb, primaryKey, text, timestamp, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { key, rapport } from './columns.ts'

/** Insert-only for writers of the log: the projector alone deletes, so no commit ever waits for it. */
export const projectionMarks = rapport.table(
  'projection_marks',
  {
    tenant: key('tenant').notNull(),
    type: key('type').notNull(),
    recordId: key('record_id').notNull(),
    /** Of the entry that left the mark; 0 for one that a rebuild left. */
    sequence: bigint('sequence', { mode: 'number' }).notNull(),
    at: timestamp('at', { withTimezone: true }).notNull(),
  },
  (table) => [primaryKey({ name: 'projection_marks_key', columns: [table.tenant, table.type, table.recordId, table.sequence] })],
)

/** One row a record and mapping. Its lock is the claim on the record's rows. */
export const projectionState = rapport.table(
  'projection_state',
  {
    tenant: key('tenant').notNull(),
    type: key('type').notNull(),
    recordId: key('record_id').notNull(),
    mapping: key('mapping').notNull(),
    /** Of the rows as they stand; 0 while there are none, or where they are not sure to be right. */
    mappingVersion: integer('mapping_version').notNull().default(0),
    sequence: bigint('sequence', { mode: 'number' }).notNull().default(0),
    /** The shadow: owned values as last written, `{column: value, table: [row]}`, and under an empty name what the way back must know beside. */
    base: jsonb('base'),
    /** What earlier versions of the mapping wrote into columns and tables that this one does not own, as it stood when they were left. */
    retired: jsonb('retired'),
    projectedAt: timestamp('projected_at', { withTimezone: true }),
    /** Paths whose values do not fit and read as NULL, and messages of guards; null where there are none. */
    misfits: jsonb('misfits'),
    /** Why the newest attempt failed; null while all is well. Holds no field value. */
    fault: text('fault'),
    faultAt: timestamp('fault_at', { withTimezone: true }),
    attempts: integer('attempts').notNull().default(0),
    /** When a faulty record is tried again. */
    retryAt: timestamp('retry_at', { withTimezone: true }),
  },
  (table) => [
    primaryKey({ name: 'projection_state_key', columns: [table.tenant, table.type, table.recordId, table.mapping] }),
    index('projection_state_faults').on(table.retryAt).where(sql`${table.fault} is not null`),
  ],
)

/** One row a mapping: where its rebuild stands. The same walk brings rows under a new version of the mapping. */
export const projectionRebuilds = rapport.table(
  'projection_rebuilds',
  {
    mapping: key('mapping').notNull(),
    recordType: key('record_type').notNull(),
    /** The one in force: processes of another version leave the rows alone. */
    version: integer('version').notNull(),
    /** The last record that is done; empty at the beginning. */
    cursorTenant: key('cursor_tenant').notNull().default(''),
    cursorId: key('cursor_id').notNull().default(''),
    seen: bigint('seen', { mode: 'number' }).notNull().default(0),
    changed: bigint('changed', { mode: 'number' }).notNull().default(0),
    startedAt: timestamp('started_at', { withTimezone: true }).notNull(),
    finishedAt: timestamp('finished_at', { withTimezone: true }),
  },
  (table) => [primaryKey({ name: 'projection_rebuilds_key', columns: [table.mapping] })],
)

/** Change events, written in the projection's own transaction; column names as Debezium's outbox router expects them. */
export const outbox = rapport.table(
  'outbox',
  {
    tenant: key('tenant').notNull(),
    id: uuid('id').notNull(),
    /** In the order of writing. Of one record that is the order of its commits too, since a record is projected by one at a time. */
    serial: bigint('serial', { mode: 'number' }).notNull().generatedAlwaysAsIdentity(),
    /** Given after the commit, one event at a time: serial numbers commit out of order. */
    position: bigint('position', { mode: 'number' }),
    aggregatetype: text('aggregatetype').notNull(),
    aggregateid: text('aggregateid').notNull(),
    type: text('type').notNull(),
    payload: jsonb('payload').notNull(),
    at: timestamp('at', { withTimezone: true }).notNull(),
  },
  (table) => [
    primaryKey({ name: 'outbox_key', columns: [table.tenant, table.id] }),
    index('outbox_unpositioned').on(table.serial).where(sql`${table.position} is null`),
    uniqueIndex('outbox_feed').on(table.tenant, table.position).where(sql`${table.position} is not null`),
  ],
)
