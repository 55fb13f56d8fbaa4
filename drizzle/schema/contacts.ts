/** Contacts, the customers, as rows. */
import { boolean, date, index, numeric, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { key, wordsIndex } from './columns.ts'
import { commonColumns, commonTables, contactPointTables, identity } from './customer-tables.ts'

export const contacts = pgTable(
  'contacts',
  {
    ...identity(),
    salutation: text('salutation'),
    firstName: text('first_name'),
    lastName: text('last_name'),
    title: text('title'),
    department: text('department'),
    stage: text('stage'),
    owner: text('owner'),
    accountId: key('account_id'),
    birthday: date('birthday'),
    website: text('website'),
    doNotCall: boolean('do_not_call'),
    creditLimit: numeric('credit_limit', { precision: 19, scale: 4 }),
    currency: text('currency'),
    ...commonColumns(),
  },
  (table) => [
    primaryKey({ name: 'contacts_key', columns: [table.tenant, table.id] }),
    index('contacts_by_name').on(table.tenant, table.lastName, table.firstName),
    index('contacts_by_account').on(table.tenant, table.accountId),
    wordsIndex('contacts_words', table.firstName, table.lastName, table.summary),
  ],
)

export const { emails: contactEmails, phones: contactPhones, addresses: contactAddresses } = contactPointTables('contact')

export const { tags: contactTags, activities: contactActivities } = commonTables('contact')
