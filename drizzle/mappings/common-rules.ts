/** The rules that mappings of customer records share, as customer-tables.ts declares what the tables share. */
import type { ColumnRule, MainRule, TableRule } from '@rapport/shared/mapping/mapping.ts'

/** The key of a main table. */
export const identity = { tenant: 'tenant', id: 'id' } as const

/** Registers that stand in their columns as they are: field to column. */
export function fields(columns: Readonly<Record<string, string>>): ColumnRule[] {
  return Object.entries(columns).map(([field, column]) => ({ rule: 'field', field, column }))
}

/** What stands behind the columns of its own in every main table. */
export const commonRules: readonly MainRule[] = [
  { rule: 'text', root: 'summary', column: 'summary' },
  { rule: 'text', root: 'notes', column: 'notes_text' },
  { rule: 'custom', column: 'custom' },
  { rule: 'system', source: 'sequence', column: 'sequence' },
  { rule: 'lifecycle', column: 'deleted_at' },
  { rule: 'system', source: 'createdAt', column: 'created_at' },
]

/** Tags and activities of the table whose name in the singular is `parent`. */
export function commonTableRules(parent: string): TableRule[] {
  return [
    { rule: 'members', root: 'tags', table: `${parent}_tags`, parent: parentOf(parent), member: 'tag' },
    {
      rule: 'child',
      root: 'activities',
      table: `${parent}_activities`,
      parent: parentOf(parent),
      id: 'id',
      columns: [{ rule: 'enum', field: 'kind', column: 'kind' }, ...fields({ at: 'at', subject: 'subject', body: 'body' })],
    },
  ]
}

/** E-mail addresses, telephone numbers and postal addresses, in their order. */
export function contactPointRules(parent: string): TableRule[] {
  const ordered = (root: string, columns: Readonly<Record<string, string>>): TableRule => ({
    rule: 'child',
    root,
    table: `${parent}_${root}`,
    parent: parentOf(parent),
    id: 'id',
    order: 'sort_order',
    columns: fields(columns),
  })
  return [
    ordered('emails', { label: 'label', address: 'address', primary: 'is_primary' }),
    ordered('phones', { label: 'label', number: 'number', primary: 'is_primary' }),
    ordered('addresses', {
      label: 'label',
      street: 'street',
      city: 'city',
      region: 'region',
      postalCode: 'postal_code',
      country: 'country',
    }),
  ]
}

/** The columns of a child table that name the record. */
export function parentOf(parent: string) {
  return { tenant: 'tenant', id: `${parent}_id` } as const
}
