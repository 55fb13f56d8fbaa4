/**
 * What SQL writers did to mapped rows, as triggers captured it (the functions are in the migration, the triggers in
 * server/inbound/capture.ts): one row for each row of a statement, in the transaction of the statement. Rows are absorbed into
 * documents by status, never by a cursor: `id` is the order of capture, and transactions commit in another one.
 */
import { sql } from 'drizzle-orm'
import { bigint, index, integer, jsonb, primaryKey, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import { key, rapport } from './columns.ts'

export const inboundChanges = rapport.table(
  'inbound_changes',
  {
    tenant: key('tenant').notNull(),
    /** Of one row, in the order in which its statements took effect, since each held the row's lock. */
    id: bigint('id', { mode: 'number' }).notNull().generatedAlwaysAsIdentity(),
    tableName: key('table_name').notNull(),
    /** The record that the row belongs to. */
    type: key('type').notNull(),
    recordId: key('record_id').notNull(),
    /** `insert`, `update` or `delete`. */
    op: text('op').notNull(),
    /** Owned columns alone; numeric, bigint and double precision as text, so that no reader rounds them. */
    before: jsonb('before'),
    after: jsonb('after'),
    /** `rapport.actor` of the statement's session, else `sql:ROLE`. */
    author: text('author').notNull(),
    /** Of the statement: what one transaction did belongs together. */
    transaction: bigint('transaction', { mode: 'number' }).notNull(),
    /** When the statement began. */
    at: timestamp('at', { withTimezone: true }).notNull(),
    /** `pending`, then for ever `absorbed`, `partial` (some columns were refused) or `refused`. */
    status: text('status').notNull().default('pending'),
    /** Which columns were refused and why, for people; holds no value. */
    reason: text('reason'),
    settledAt: timestamp('settled_at', { withTimezone: true }),
  },
  (table) => [
    primaryKey({ name: 'inbound_changes_key', columns: [table.tenant, table.id] }),
    index('inbound_changes_pending')
      .on(table.tenant, table.type, table.recordId, table.id)
      .where(sql`${table.status} = 'pending'`),
    index('inbound_changes_settled').on(table.settledAt).where(sql`${table.settledAt} is not null`),
  ],
)

/** One row: which process absorbs, and until when others leave it to that one. */
export const inboundAbsorber = rapport.table('inbound_absorber', {
  place: integer('place').primaryKey(),
  holder: uuid('holder').notNull(),
  until: timestamp('until', { withTimezone: true }).notNull(),
})
