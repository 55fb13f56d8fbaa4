/**
 * A mapping of contacts in two versions, with tables of its own: the second renames a column, leaves another and a child table behind, and
 * adds a child table.
 */
import { compileMapping } from '@rapport/shared/mapping/compile.ts'
import type { Mapping } from '@rapport/shared/mapping/mapping.ts'
import type { Plan } from '@rapport/shared/mapping/plan.ts'
import type { TableShape } from '@rapport/shared/mapping/table-shape.ts'
import { contact } from '@rapport/shared/records/contact.ts'
import type { Sql } from '../../server/db.ts'

const KEY = 'tenant text collate "C" not null, person_id text collate "C" not null, id text collate "C" not null'

export async function createFirstTables(sql: Sql): Promise<void> {
  await sql.unsafe(`create table people (tenant text collate "C" not null, id text collate "C" not null, last_name text, title text,
    department text, sequence bigint, primary key (tenant, id))`)
  await sql.unsafe(`create table people_phones (${KEY}, number text, primary key (tenant, person_id, id))`)
}

/** The step before the second version. */
export async function expandTables(sql: Sql): Promise<void> {
  await sql.unsafe('alter table people add column job_title text')
  await sql.unsafe(`create table people_emails (${KEY}, address text, primary key (tenant, person_id, id))`)
}

export function peoplePlan(version: 1 | 2): Plan {
  const parent = { tenant: 'tenant', id: 'person_id' }
  const child = (root: string, field: string) =>
    ({
      rule: 'child',
      root,
      table: `people_${root}`,
      parent,
      id: 'id',
      columns: [{ rule: 'field', field, column: field }],
    }) as const
  const mapping: Mapping = {
    id: 'people',
    version,
    recordType: 'contact',
    table: 'people',
    identity: { tenant: 'tenant', id: 'id' },
    rules: [
      { rule: 'field', field: 'lastName', column: 'last_name' },
      { rule: 'field', field: 'title', column: version === 1 ? 'title' : 'job_title' },
      { rule: 'system', source: 'sequence', column: 'sequence' },
      ...(version === 1
        ? [{ rule: 'field', field: 'department', column: 'department' } as const, child('phones', 'number')]
        : [child('emails', 'address')]),
    ],
  }
  const names = (...columns: readonly string[]) => [...columns, 'sequence']
  return compileMapping(mapping, contact, [
    shape('people', ['tenant', 'id'], names('last_name', 'title', 'job_title', 'department')),
    shape('people_phones', ['tenant', 'person_id', 'id'], ['number']),
    shape('people_emails', ['tenant', 'person_id', 'id'], ['address']),
  ])
}

function shape(name: string, primaryKey: readonly string[], columns: readonly string[]): TableShape {
  const column = (one: string, notNull: boolean) => {
    const type = one === 'sequence' ? 'bigint' : 'text'
    return { name: one, type, modifiers: [], notNull, hasDefault: false, generated: false }
  }
  return {
    name,
    columns: [...primaryKey.map((one) => column(one, true)), ...columns.map((one) => column(one, false))],
    primaryKey,
    uniques: [],
    foreignKeys: [],
  }
}
