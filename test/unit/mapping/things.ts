/** A small record type with one of everything, tables for it, and a mapping of all of it that compiles. */
import type { Mapping } from '@rapport/shared/mapping/mapping.ts'
import type { ColumnShape, TableShape } from '@rapport/shared/mapping/table-shape.ts'
import { collection, recordType, richText, set, text } from '@rapport/shared/schema/record-type.ts'
import { boolean, date, datetime, money, number, oneOf, reference, string } from '@rapport/shared/schema/register.ts'

export const thing = recordType({
  name: 'thing',
  schemaVersion: 1,
  fields: {
    name: string({ maxLength: 200 }),
    size: number(),
    born: date(),
    seen: datetime(),
    price: money(),
    done: boolean(),
    level: oneOf(['low', 'middle', 'high']),
    boss: reference('thing'),
  },
  roots: {
    summary: text({ maxLength: 1000 }),
    notes: richText({ maxLength: 1000 }),
    tags: set({ maxMembers: 5, maxLength: 20 }),
    phones: collection({ label: string({ maxLength: 10 }), main: boolean() }, { maxEntries: 5 }),
    peers: collection({ peer: reference('thing'), role: string({ maxLength: 10 }) }, { maxEntries: 5, keyedBy: 'peer' }),
  },
})

/** `text`, `numeric(19, 4)`; `!` behind it means NOT NULL, `=` a default, `*` generated. */
export function column(name: string, declaration: string): ColumnShape {
  const [, type = '', inside, marks = ''] = /^([a-z ]+)(?:\((.*)\))?([!=*]*)$/.exec(declaration) ?? []
  return {
    name,
    type,
    modifiers: inside === undefined ? [] : inside.split(',').map(Number),
    notNull: marks.includes('!'),
    hasDefault: marks.includes('='),
    generated: marks.includes('*'),
  }
}

export function table(name: string, primaryKey: readonly string[], columns: Readonly<Record<string, string>>): TableShape {
  const keys = primaryKey.map((one) => column(one, 'text!'))
  const rest = Object.entries(columns).map(([one, declaration]) => column(one, declaration))
  return { name, columns: [...keys, ...rest], primaryKey, uniques: [], foreignKeys: [] }
}

export const tables = {
  things: table('things', ['tenant', 'id'], {
    name: 'text',
    size: 'double precision',
    born: 'date',
    seen: 'timestamp with time zone',
    price: 'numeric(19, 4)',
    done: 'boolean',
    level: 'text',
    boss_id: 'text',
    kind: 'text',
    summary: 'text',
    notes: 'text',
    custom: 'jsonb!=',
    sequence: 'bigint!',
    created_at: 'timestamp with time zone',
    created_by: 'text',
    deleted_at: 'timestamp with time zone',
  }),
  phones: table('thing_phones', ['tenant', 'thing_id', 'id'], { label: 'text', main: 'boolean', sort_order: 'integer!' }),
  tags: table('thing_tags', ['tenant', 'thing_id', 'tag'], {}),
  peers: table('thing_peers', ['tenant', 'thing_id', 'peer_id'], { role: 'text' }),
} satisfies Record<string, TableShape>

const parent = { tenant: 'tenant', id: 'thing_id' }

export const mapping = {
  id: 'things',
  version: 1,
  recordType: 'thing',
  table: 'things',
  identity: { tenant: 'tenant', id: 'id' },
  rules: [
    { rule: 'field', field: 'name', column: 'name' },
    { rule: 'field', field: 'size', column: 'size' },
    { rule: 'field', field: 'born', column: 'born' },
    { rule: 'field', field: 'seen', column: 'seen' },
    { rule: 'field', field: 'price', column: 'price' },
    { rule: 'field', field: 'done', column: 'done' },
    { rule: 'enum', field: 'level', column: 'level', values: { low: 'L', middle: 'M', high: 'H' } },
    { rule: 'lookup', field: 'boss', column: 'boss_id' },
    { rule: 'const', column: 'kind', value: 'thing' },
    { rule: 'text', root: 'summary', column: 'summary' },
    { rule: 'text', root: 'notes', column: 'notes' },
    { rule: 'custom', column: 'custom' },
    { rule: 'system', source: 'sequence', column: 'sequence' },
    { rule: 'system', source: 'createdAt', column: 'created_at' },
    { rule: 'system', source: 'createdBy', column: 'created_by' },
    { rule: 'lifecycle', column: 'deleted_at' },
    {
      rule: 'child',
      root: 'phones',
      table: 'thing_phones',
      parent,
      id: 'id',
      order: 'sort_order',
      columns: [
        { rule: 'field', field: 'label', column: 'label' },
        { rule: 'field', field: 'main', column: 'main' },
      ],
    },
    { rule: 'members', root: 'tags', table: 'thing_tags', parent, member: 'tag' },
    {
      rule: 'link',
      root: 'peers',
      table: 'thing_peers',
      parent,
      other: 'peer_id',
      columns: [{ rule: 'field', field: 'role', column: 'role' }],
    },
  ],
} satisfies Mapping
