import { expect, it } from 'vitest'
import { compileShipped } from '../../../drizzle/mappings/mappings.ts'

const REACH = (parent: string) => ({
  [`${parent}_emails`]: ['tenant', `${parent}_id`, 'id', 'label', 'address', 'is_primary', 'sort_order'],
  [`${parent}_phones`]: ['tenant', `${parent}_id`, 'id', 'label', 'number', 'is_primary', 'sort_order'],
  [`${parent}_addresses`]: [
    'tenant',
    `${parent}_id`,
    'id',
    'label',
    'street',
    'city',
    'region',
    'postal_code',
    'country',
    'sort_order',
  ],
})

const COMMON = (parent: string) => ({
  [`${parent}_tags`]: ['tenant', `${parent}_id`, 'tag'],
  [`${parent}_activities`]: ['tenant', `${parent}_id`, 'id', 'kind', 'at', 'subject', 'body'],
})

/** The tables as the public contract lists them, column for column. */
const CONTRACT: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  account: {
    accounts: [
      'tenant',
      'id',
      'name',
      'industry',
      'website',
      'employees',
      'stage',
      'owner',
      'parent_id',
      'credit_limit',
      'currency',
      'summary',
      'notes_text',
      'custom',
      'sequence',
      'deleted_at',
      'created_at',
    ],
    ...REACH('account'),
    ...COMMON('account'),
  },
  contact: {
    contacts: [
      'tenant',
      'id',
      'salutation',
      'first_name',
      'last_name',
      'title',
      'department',
      'stage',
      'owner',
      'account_id',
      'birthday',
      'website',
      'do_not_call',
      'credit_limit',
      'currency',
      'summary',
      'notes_text',
      'custom',
      'sequence',
      'deleted_at',
      'created_at',
    ],
    ...REACH('contact'),
    ...COMMON('contact'),
  },
  opportunity: {
    opportunities: [
      'tenant',
      'id',
      'name',
      'stage',
      'amount',
      'currency',
      'close_date',
      'probability',
      'owner',
      'account_id',
      'summary',
      'notes_text',
      'custom',
      'sequence',
      'deleted_at',
      'created_at',
    ],
    opportunity_contacts: ['tenant', 'opportunity_id', 'contact_id', 'role'],
    ...COMMON('opportunity'),
  },
}

it('P8: the mappings that ship compile, and own exactly the columns of the contract', () => {
  const owned = compileShipped().map(({ mapping, type, main, children }) => {
    expect(type.name).toBe(mapping.recordType)
    return [
      mapping.id,
      Object.fromEntries([main, ...children].map((table) => [table.name, sorted(table.columns.map((column) => column.name))])),
    ]
  })
  const wanted = Object.entries(CONTRACT).map(([id, tables]) => [
    id,
    Object.fromEntries(Object.entries(tables).map(([name, columns]) => [name, sorted(columns)])),
  ])
  expect(Object.fromEntries(owned)).toEqual(Object.fromEntries(wanted))
  expect(owned).toHaveLength(3)
})

it('money is numeric, references and ids are text, and the rest has the type of its kind', () => {
  const types = Object.fromEntries(
    compileShipped().flatMap(({ main }) => main.columns.map(({ name, type }) => [`${main.name}.${name}`, type])),
  )
  expect(types).toMatchObject({
    'contacts.credit_limit': 'numeric',
    'accounts.credit_limit': 'numeric',
    'opportunities.amount': 'numeric',
    'contacts.account_id': 'text',
    'contacts.birthday': 'date',
    'contacts.do_not_call': 'boolean',
    'contacts.custom': 'jsonb',
    'contacts.sequence': 'bigint',
    'contacts.deleted_at': 'timestamp with time zone',
    'accounts.employees': 'integer',
  })
})

function sorted(names: readonly string[]): readonly string[] {
  return [...names].sort()
}
