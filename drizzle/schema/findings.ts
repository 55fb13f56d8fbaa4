/**
 * What is known of a record's entries beside their bytes: what items stand for, whose client ids are, what changed, and which
 * writes met. Rows of an entry are added by the statement that stores it, or not at all; they are read by whole records.
 *
 * A field's value is kept as JSON in plain text: NUL and lone surrogates are escaped there, and jsonb would refuse them.
 */
import { sql } from 'drizzle-orm'
import { bigint, boolean, index, integer, primaryKey, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import { key, rapport } from './columns.ts'

/** The record that a row tells of. */
const record = () => ({ tenant: key('tenant').notNull(), type: key('type').notNull(), recordId: key('record_id').notNull() })

/** An id or a clock of Yjs: up to 2^32. */
const yjs = (name: string) => bigint(name, { mode: 'number' })

/** Of the entry that brought the row. */
const sequence = () => bigint('sequence', { mode: 'number' })

/**
 * What the server's own items stand for, and those items of clients that are no write of their own. `ordinal` is the order
 * within the entry. Nothing keeps two rows from telling of the same item: then the later one counts.
 */
export const serverItems = rapport.table(
  'server_items',
  {
    ...record(),
    client: yjs('client').notNull(),
    clock: yjs('clock').notNull(),
    length: integer('length').notNull(),
    authorSub: text('author_sub').notNull(),
    authorRole: text('author_role').notNull(),
    /** Both null: for no write, the key was empty. */
    standsForClient: yjs('stands_for_client'),
    standsForClock: yjs('stands_for_clock'),
    cleared: boolean('cleared').notNull().default(false),
    sequence: sequence().notNull(),
    ordinal: integer('ordinal').notNull(),
  },
  (table) => [
    primaryKey({ name: 'server_items_key', columns: [table.tenant, table.type, table.recordId, table.sequence, table.ordinal] }),
  ],
)

/** Whose a Yjs client id is, in one record. */
export const recordClients = rapport.table(
  'record_clients',
  {
    ...record(),
    client: yjs('client').notNull(),
    ownerSub: text('owner_sub').notNull(),
    ownerRole: text('owner_role').notNull(),
    relayed: boolean('relayed').notNull(),
    /** Null while the id was only announced in presence. */
    sequence: sequence(),
    /** The order in which ids came. */
    position: bigint('position', { mode: 'number' }).notNull().generatedAlwaysAsIdentity(),
    at: timestamp('at', { withTimezone: true }).notNull(),
  },
  (table) => [
    primaryKey({ name: 'record_clients_key', columns: [table.tenant, table.type, table.recordId, table.client] }),
    index('record_clients_announced')
      .on(table.tenant, table.type, table.recordId, table.ownerSub, table.position)
      .where(sql`${table.sequence} is null`),
  ],
)

/** Who set what when. `ordinal` is the order within the entry. */
export const fieldChanges = rapport.table(
  'field_changes',
  {
    ...record(),
    sequence: sequence().notNull(),
    ordinal: integer('ordinal').notNull(),
    path: text('path').array().notNull(),
    before: text('before'),
    after: text('after'),
    authorSub: text('author_sub').notNull(),
    authorRole: text('author_role').notNull(),
    device: text('device'),
    via: text('via').notNull(),
    itemClient: yjs('item_client'),
    itemClock: yjs('item_clock'),
    at: timestamp('at', { withTimezone: true }).notNull(),
  },
  (table) => [
    primaryKey({ name: 'field_changes_key', columns: [table.tenant, table.type, table.recordId, table.sequence, table.ordinal] }),
  ],
)

/** Two writes of one field of which neither had seen the other. */
export const conflicts = rapport.table(
  'conflicts',
  {
    ...record(),
    id: uuid('id').notNull(),
    path: text('path').array().notNull(),
    status: text('status').notNull(),
    keptClient: yjs('kept_client').notNull(),
    keptClock: yjs('kept_clock').notNull(),
    keptValue: text('kept_value'),
    keptSub: text('kept_sub').notNull(),
    keptRole: text('kept_role').notNull(),
    replacedClient: yjs('replaced_client').notNull(),
    replacedClock: yjs('replaced_clock').notNull(),
    replacedValue: text('replaced_value'),
    replacedSub: text('replaced_sub').notNull(),
    replacedRole: text('replaced_role').notNull(),
    /** Of the entry that put this version of the row, and when that was. */
    sequence: sequence().notNull(),
    at: timestamp('at', { withTimezone: true }).notNull(),
    settledAt: timestamp('settled_at', { withTimezone: true }),
    settledBy: text('settled_by'),
  },
  (table) => [primaryKey({ name: 'conflicts_key', columns: [table.tenant, table.type, table.recordId, table.id] })],
)

/** That the database was restored from a backup, and until when people's items are taken from others as well: for all tenants. */
export const restorations = rapport.table('restorations', {
  id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
  at: timestamp('at', { withTimezone: true }).notNull(),
  until: timestamp('until', { withTimezone: true }).notNull(),
})
