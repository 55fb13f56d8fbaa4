import { compileMapping } from '@rapport/shared/mapping/compile.ts'
import { contact } from '@rapport/shared/records/contact.ts'
import { opportunity } from '@rapport/shared/records/opportunity.ts'
import { jsonb, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { expect, it } from 'vitest'
import { contact as shipped } from '../../../drizzle/mappings/contact.ts'
import { defineMapping } from '../../../drizzle/mappings/define-mapping.ts'
import { key } from '../../../drizzle/schema/columns.ts'
import * as contactTables from '../../../drizzle/schema/contacts.ts'
import * as opportunityTables from '../../../drizzle/schema/opportunities.ts'
import { tableShape } from '../../../drizzle/table-shapes.ts'

const customers = pgTable(
  'customers',
  {
    company: key('company').notNull(),
    customerId: key('customer_id').notNull(),
    name: text('name'),
    phoneWork: text('phone_work'),
    phonesMore: jsonb('phones_more'),
  },
  (table) => [primaryKey({ columns: [table.company, table.customerId] })],
)

const head = { id: 'customer', version: 1, table: 'customers', identity: { tenant: 'company', id: 'customer_id' } } as const
const name = { rule: 'merge', fields: ['firstName', 'lastName'], column: 'name', by: 'words@1', ambiguous: 'parse' } as const
const number = { rule: 'field', field: 'number', column: 'phone_work' } as const
const slots = {
  rule: 'slots',
  root: 'phones',
  by: 'label',
  slots: [{ value: 'work', columns: [number] }],
  overflow: { column: 'phones_more' },
} as const

it('a declared mapping is plain data that compiles', () => {
  const { mapping, tables } = defineMapping(contact, { customers }, { ...head, rules: [name, slots] })
  expect(JSON.parse(JSON.stringify(mapping))).toEqual(mapping)
  expect(mapping.recordType).toBe('contact')
  expect(JSON.parse(JSON.stringify(shipped.mapping))).toEqual(shipped.mapping)
  expect(compileMapping(mapping, contact, tables.map(tableShape)).main.columns.map((column) => column.name)).toEqual([
    'company',
    'customer_id',
    'name',
    'phone_work',
    'phones_more',
  ])
})

it('a name that neither the type nor its tables have is an error of the type checker, which reads the lines below', declarations)

/** Compiles only as long as each line that is marked does not. */
function declarations(): void {
  const { identity: _, ...headless } = head
  // @ts-expect-error a field that contacts do not have
  defineMapping(contact, { customers }, { ...head, rules: [{ rule: 'field', field: 'surname', column: 'name' }] })
  // @ts-expect-error a column that the table does not have
  defineMapping(contact, { customers }, { ...head, rules: [{ rule: 'field', field: 'lastName', column: 'last_name' }] })
  // @ts-expect-error a column by the name that the code has for it
  defineMapping(contact, { customers }, { ...head, rules: [{ rule: 'field', field: 'lastName', column: 'phoneWork' }] })
  // @ts-expect-error a rule that there is not
  defineMapping(contact, { customers }, { ...head, rules: [{ rule: 'filed', field: 'lastName', column: 'name' }] })
  // @ts-expect-error a merge without a word on what is ambiguous
  defineMapping(contact, { customers }, { ...head, rules: [{ ...name, ambiguous: undefined }] })
  // @ts-expect-error a merge of a field that contacts do not have
  defineMapping(contact, { customers }, { ...head, rules: [{ ...name, fields: ['firstName', 'surname'] }] })
  // @ts-expect-error a table that is not given
  defineMapping(contact, { customers }, { ...head, table: 'contacts', rules: [name] })
  // @ts-expect-error an identity of other columns
  defineMapping(contact, { customers }, { ...headless, identity: { tenant: 'tenant', id: 'customer_id' }, rules: [name] })
  // @ts-expect-error slots of a root that contacts do not have
  defineMapping(contact, { customers }, { ...head, rules: [{ ...slots, root: 'telephones' }] })
  // @ts-expect-error slots of a set
  defineMapping(contact, { customers }, { ...head, rules: [{ ...slots, root: 'tags' }] })
  // @ts-expect-error slots by a column that phones do not have
  defineMapping(contact, { customers }, { ...head, rules: [{ ...slots, by: 'kind' }] })
  // @ts-expect-error slots without overflow
  defineMapping(contact, { customers }, { ...head, rules: [{ ...slots, overflow: undefined }] })
  // @ts-expect-error an overflow into a column that the table does not have
  defineMapping(contact, { customers }, { ...head, rules: [{ ...slots, overflow: { column: 'phones' } }] })
  // @ts-expect-error a guard of a field that contacts do not have
  defineMapping(contact, { customers }, { ...head, rules: [], guards: [guardOf('surname')] })

  const contactHead = { ...head, table: 'contacts', identity: { tenant: 'tenant', id: 'id' } } as const
  const emails = {
    rule: 'child',
    root: 'emails',
    table: 'contact_emails',
    parent: { tenant: 'tenant', id: 'contact_id' },
    id: 'id',
  } as const
  const address = { rule: 'field', field: 'address', column: 'address' } as const
  defineMapping(contact, contactTables, { ...contactHead, rules: [{ ...emails, columns: [address] }] })
  // @ts-expect-error a table of another mapping
  defineMapping(contact, contactTables, { ...contactHead, rules: [{ ...emails, table: 'account_emails', columns: [address] }] })
  // @ts-expect-error a column of an entry that e-mails do not have
  defineMapping(contact, contactTables, { ...contactHead, rules: [{ ...emails, columns: [{ ...address, field: 'number' }] }] })
  // @ts-expect-error a column that another child table has
  defineMapping(contact, contactTables, { ...contactHead, rules: [{ ...emails, columns: [{ ...address, column: 'number' }] }] })
  const elsewhere = { tenant: 'tenant', id: 'account_id' } as const
  // @ts-expect-error a parent that another table has
  defineMapping(contact, contactTables, { ...contactHead, rules: [{ ...emails, parent: elsewhere, columns: [address] }] })
  // @ts-expect-error a text of a root that is none
  defineMapping(contact, contactTables, { ...contactHead, rules: [{ rule: 'text', root: 'tags', column: 'summary' }] })

  const opportunityHead = { ...contactHead, table: 'opportunities' } as const
  const parent = { tenant: 'tenant', id: 'opportunity_id' } as const
  const people = { rule: 'link', root: 'contacts', table: 'opportunity_contacts', parent, other: 'contact_id' } as const
  const role = { rule: 'enum', field: 'role', column: 'role' } as const
  defineMapping(opportunity, opportunityTables, { ...opportunityHead, rules: [{ ...people, columns: [role] }] })
  const stray = { ...people, other: 'account_id', columns: [role] } as const
  // @ts-expect-error a link by a column that the join table does not have
  defineMapping(opportunity, opportunityTables, { ...opportunityHead, rules: [stray] })
}

function guardOf<const F extends string>(field: F) {
  return { when: [{ by: 'empty@1', fields: [field] }], severity: 'warn', message: 'It is empty.' } as const
}
