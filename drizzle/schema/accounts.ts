/** Accounts as rows. */
import { index, integer, numeric, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { key, wordsIndex } from './columns.ts'
import { commonColumns, commonTables, contactPointTables, identity } from './customer-tables.ts'

export const accounts = pgTable(
  'accounts',
  {
    ...identity(),
    name: text('name'),
    industry: text('industry'),
    website: text('website'),
    employees: integer('employees'),
    stage: text('stage'),
    owner: text('owner'),
    parentId: key('parent_id'),
    creditLimit: numeric('credit_limit', { precision: 19, scale: 4 }),
    currency: text('currency'),
    ...commonColumns(),
  },
  (table) => [
    primaryKey({ name: 'accounts_key', columns: [table.tenant, table.id] }),
    index('accounts_by_name').on(table.tenant, table.name),
    index('accounts_by_parent').on(table.tenant, table.parentId),
    wordsIndex('accounts_words', table.name, table.summary),
  ],
)

export const { emails: accountEmails, phones: accountPhones, addresses: accountAddresses } = contactPointTables('account')

export const { tags: accountTags, activities: accountActivities } = commonTables('account')
