/** The rules that mappings of customer records share, as customer-tables.ts declares what the tables share. */
import type { FieldRule, MainRule, TableRule } from '@rapport/shared/mapping/mapping.ts'

/** The key of a main table. */
export const identity = { tenant: 'tenant', id: 'id' } as const

/** Registers that stand in their columns as they are: field to column. */
export function fields<const M extends Readonly<Record<string, string>>>(columns: M): FieldsRules<M> {
  return Object.entries(columns).map(([field, column]) => ({ rule: 'field', field, column })) as FieldsRules<M>
}

type FieldsRules<M> = { readonly [F in keyof M & string]: FieldRule<F, M[F]> }[keyof M & string][]

/** What stands behind the columns of its own in every main table. */
export const commonRules = [
  { rule: 'text', root: 'summary', column: 'summary' },
  { rule: 'text', root: 'notes', column: 'notes_text' },
  { rule: 'custom', column: 'custom' },
  { rule: 'system', source: 'sequence', column: 'sequence' },
  { rule: 'lifecycle', column: 'deleted_at' },
  { rule: 'system', source: 'createdAt', column: 'created_at' },
] as const satisfies readonly MainRule[]

/** Tags and activities of the table whose name in the singular is `parent`. */
export function commonTableRules<P extends string>(parent: P) {
  return [
    { rule: 'members', root: 'tags', table: `${parent}_tags` as const, parent: parentOf(parent), member: 'tag' },
    {
      rule: 'child',
      root: 'activities',
      table: `${parent}_activities` as const,
      parent: parentOf(parent),
      id: 'id',
      columns: [{ rule: 'enum', field: 'kind', column: 'kind' }, ...fields({ at: 'at', subject: 'subject', body: 'body' })],
    },
  ] as const satisfies readonly TableRule[]
}

/** E-mail addresses, telephone numbers and postal addresses, in their order. */
export function contactPointRules<P extends string>(parent: P) {
  const ordered = <R extends string, const M extends Readonly<Record<string, string>>>(root: R, columns: M) =>
    ({
      rule: 'child',
      root,
      table: `${parent}_${root}` as const,
      parent: parentOf(parent),
      id: 'id',
      order: 'sort_order',
      columns: fields(columns),
    }) as const satisfies TableRule
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
export function parentOf<P extends string>(parent: P) {
  return { tenant: 'tenant', id: `${parent}_id` as const } as const
}
