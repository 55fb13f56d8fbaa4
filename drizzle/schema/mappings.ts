/** Which versions of which mappings have ever projected here, and what they owned: so that a change without a version is noticed, and what a version left behind is known. */
import { integer, jsonb, primaryKey, text, timestamp } from 'drizzle-orm/pg-core'
import { key, rapport } from './columns.ts'

/** One row a mapping and version. Written once, but for the time of its contraction. */
export const mappings = rapport.table(
  'mappings',
  {
    id: key('id').notNull(),
    version: integer('version').notNull(),
    /** The mapping as it was declared. */
    definition: jsonb('definition').notNull(),
    /** Of the definition, whatever the order of its properties. */
    hash: text('hash').notNull(),
    /** What it writes: the tables of its plan with their keys, columns and types, the main one first. */
    tables: jsonb('tables').notNull(),
    firstSeen: timestamp('first_seen', { withTimezone: true }).notNull().defaultNow(),
    /** When what it owned, and no later version does, was dropped or given away. */
    contractedAt: timestamp('contracted_at', { withTimezone: true }),
  },
  (table) => [primaryKey({ name: 'mappings_key', columns: [table.id, table.version] })],
)
