/**
 * What the tables of all customer records share. They stand in `public` and are the CRM's to read, to index and to extend by
 * columns of its own. They carry no foreign keys: a reference may arrive before the record that it names.
 */
import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  index,
  integer,
  jsonb,
  type PgColumnBuilderBase,
  pgTable,
  primaryKey,
  text,
  timestamp,
} from 'drizzle-orm/pg-core'
import { key, wordsIndex } from './columns.ts'

/** For SQL writers that name none; the server always does. */
const id = () => key('id').notNull().default(sql`gen_random_uuid()::text`)

/** The key of a main table. */
export const identity = () => ({ tenant: key('tenant').notNull(), id: id() })

/** What a main table has behind the columns of its own. */
export const commonColumns = () => ({
  summary: text('summary'),
  notesText: text('notes_text'),
  custom: jsonb('custom').notNull().default({}),
  /** Of the record's log: the rows show the record as of this entry. */
  sequence: bigint('sequence', { mode: 'number' }),
  deletedAt: timestamp('deleted_at', { withTimezone: true }),
  createdAt: timestamp('created_at', { withTimezone: true }),
})

/** The tables of e-mail addresses, telephone numbers and postal addresses of one type's records. */
export function contactPointTables<P extends string>(parent: P) {
  const label = () => text('label')
  const order = () => integer('sort_order')
  return {
    emails: childTable(
      `${parent}_emails`,
      parent,
      { label: label(), address: text('address'), isPrimary: boolean('is_primary'), sortOrder: order() },
      'address',
      'address',
    ),
    phones: childTable(
      `${parent}_phones`,
      parent,
      { label: label(), number: text('number'), isPrimary: boolean('is_primary'), sortOrder: order() },
      'number',
    ),
    addresses: childTable(`${parent}_addresses`, parent, {
      label: label(),
      street: text('street'),
      city: text('city'),
      region: text('region'),
      postalCode: text('postal_code'),
      country: text('country'),
      sortOrder: order(),
    }),
  }
}

/** The tables of tags and activities of one type's records. */
export function commonTables<P extends string>(parent: P) {
  return {
    tags: pgTable(
      `${parent}_tags`,
      { tenant: key('tenant').notNull(), parentId: key(`${parent}_id`).notNull(), tag: key('tag').notNull() },
      (table) => [
        primaryKey({ name: `${parent}_tags_key`, columns: [table.tenant, table.parentId, table.tag] }),
        index(`${parent}_tags_by_tag`).on(table.tenant, table.tag),
      ],
    ),
    activities: childTable(`${parent}_activities`, parent, {
      kind: text('kind'),
      at: timestamp('at', { withTimezone: true }),
      subject: text('subject'),
      body: text('body'),
    }),
  }
}

/**
 * A row for each entry of a collection: the record's key, the entry's id, and its columns; `searched` is one to look rows up by,
 * `worded` one whose words are searched.
 */
function childTable<N extends string, P extends string, C extends Record<string, PgColumnBuilderBase>>(
  name: N,
  parent: P,
  columns: C,
  searched?: keyof C & string,
  worded?: keyof C & string,
) {
  return pgTable(
    name,
    { tenant: key('tenant').notNull(), parentId: key(`${parent}_id`).notNull(), id: id(), ...columns },
    (table) => {
      const column = searched === undefined ? undefined : table[searched]
      const words = worded === undefined ? undefined : table[worded]
      return [
        primaryKey({ name: `${name}_key`, columns: [table.tenant, table.parentId, table.id] }),
        ...(column === undefined ? [] : [index(`${name}_by_${searched}`).on(table.tenant, column)]),
        ...(words === undefined ? [] : [wordsIndex(`${name}_words`, words)]),
      ]
    },
  )
}
