/** Submissions that were not applied, whole, with the roles and teams that their sender had. */
import { bigint, index, jsonb, primaryKey, text, timestamp, unique, uuid } from 'drizzle-orm/pg-core'
import { bytea, key, rapport } from './columns.ts'

/** What could not be applied, kept for a person to look at. `position` is the order in which they came. */
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
    roles: text('roles').array().notNull().default([]),
    teams: text('teams').array().notNull().default([]),
    at: timestamp('at', { withTimezone: true }).notNull(),
    bytes: bytea('bytes').notNull(),
  },
  (table) => [
    primaryKey({ name: 'quarantine_key', columns: [table.tenant, table.id] }),
    index('quarantine_by_record').on(table.tenant, table.type, table.recordId, table.position),
  ],
)

/** What waits for somebody else's edits: one row a record and sender, the newest. */
export const setAside = rapport.table(
  'set_aside',
  {
    tenant: key('tenant').notNull(),
    type: key('type').notNull(),
    recordId: key('record_id').notNull(),
    authorSub: text('author_sub').notNull(),
    id: uuid('id').notNull(),
    reason: text('reason').notNull(),
    authorRole: text('author_role').notNull(),
    roles: text('roles').array().notNull(),
    teams: text('teams').array().notNull(),
    /** `[{client, clock}]`; clocks are exclusive. */
    awaits: jsonb('awaits').notNull(),
    at: timestamp('at', { withTimezone: true }).notNull(),
    bytes: bytea('bytes').notNull(),
  },
  (table) => [
    primaryKey({ name: 'set_aside_key', columns: [table.tenant, table.type, table.recordId, table.authorSub] }),
    unique('set_aside_id').on(table.tenant, table.id),
  ],
)
