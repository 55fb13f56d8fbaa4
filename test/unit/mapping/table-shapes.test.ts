import { compileMapping } from '@rapport/shared/mapping/compile.ts'
import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  date,
  foreignKey,
  integer,
  jsonb,
  numeric,
  pgSchema,
  pgTable,
  primaryKey,
  serial,
  text,
  timestamp,
  unique,
  uniqueIndex,
  uuid,
  varchar,
} from 'drizzle-orm/pg-core'
import { expect, it } from 'vitest'
import { key } from '../../../drizzle/schema/columns.ts'
import { tableShape } from '../../../drizzle/table-shapes.ts'
import { mapping, thing } from './things.ts'

const owners = pgTable('owners', { id: integer('id').primaryKey() })

const everything = pgTable(
  'everything',
  {
    tenant: key('tenant').notNull(),
    id: varchar('id', { length: 128 }).notNull(),
    price: numeric('price', { precision: 19, scale: 4 }),
    any: numeric('any'),
    at: timestamp('at', { withTimezone: true, precision: 3 }),
    local: timestamp('local'),
    rank: serial('rank'),
    place: integer('place').generatedAlwaysAsIdentity(),
    full: text('full').generatedAlwaysAs(sql`id || tenant`),
    token: uuid('token')
      .notNull()
      .$defaultFn(() => 'x'),
    code: text('code').notNull().default('none').unique(),
    owner: integer('owner').references(() => owners.id),
    other: integer('other'),
    names: text('names').array(),
  },
  (table) => [
    primaryKey({ columns: [table.tenant, table.id] }),
    unique('one').on(table.tenant, table.price),
    uniqueIndex('two').on(table.tenant, sql`lower(${table.code})`),
    foreignKey({ columns: [table.owner, table.other], foreignColumns: [owners.id, owners.id] }),
  ],
)

it('a table as drizzle declares it is described in the words of Postgres', () => {
  const shape = tableShape(everything)
  const plain = { modifiers: [], notNull: false, hasDefault: false, generated: false }
  expect(shape.name).toBe('everything')
  expect(shape.columns).toEqual([
    { ...plain, name: 'tenant', type: 'text', notNull: true },
    { ...plain, name: 'id', type: 'character varying', modifiers: [128], notNull: true },
    { ...plain, name: 'price', type: 'numeric', modifiers: [19, 4] },
    { ...plain, name: 'any', type: 'numeric' },
    { ...plain, name: 'at', type: 'timestamp with time zone', modifiers: [3] },
    { ...plain, name: 'local', type: 'timestamp without time zone' },
    { ...plain, name: 'rank', type: 'serial', notNull: true, hasDefault: true },
    { ...plain, name: 'place', type: 'integer', notNull: true, hasDefault: true, generated: true },
    { ...plain, name: 'full', type: 'text', generated: true },
    { ...plain, name: 'token', type: 'uuid', notNull: true },
    { ...plain, name: 'code', type: 'text', notNull: true, hasDefault: true },
    { ...plain, name: 'owner', type: 'integer' },
    { ...plain, name: 'other', type: 'integer' },
    { ...plain, name: 'names', type: 'text[]' },
  ])
  expect(shape.primaryKey).toEqual(['tenant', 'id'])
  expect(shape.uniques).toEqual([['code'], ['tenant', 'price'], ['tenant']])
  expect(shape.foreignKeys).toEqual([
    { columns: ['owner'], deferrable: false },
    { columns: ['owner', 'other'], deferrable: false },
  ])
  expect(tableShape(owners).primaryKey).toEqual(['id'])
})

it('tables declared with drizzle compile, and one outside of public is not found', () => {
  const columns = {
    tenant: key('tenant').notNull(),
    id: key('id').notNull(),
    name: text('name'),
    born: date('born'),
    done: boolean('done'),
    custom: jsonb('custom').notNull(),
    sequence: bigint('sequence', { mode: 'number' }),
  }
  const small = {
    ...mapping,
    rules: mapping.rules.filter((rule) => 'column' in rule && Object.keys(columns).includes(rule.column)),
  }
  const things = pgTable('things', columns, (table) => [primaryKey({ columns: [table.tenant, table.id] })])
  expect(compileMapping(small, thing, [tableShape(things)]).main.columns.map((column) => column.name)).toEqual(
    Object.keys(columns),
  )
  const hidden = pgSchema('hidden').table('things', columns)
  expect(() => compileMapping(small, thing, [tableShape(hidden)])).toThrow('Mapping things: there is no table things.')
})
