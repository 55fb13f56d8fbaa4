/** Opportunities as rows, and the contacts who take part in them (N:M). */
import { date, doublePrecision, index, numeric, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { key, wordsIndex } from './columns.ts'
import { commonColumns, commonTables, identity } from './customer-tables.ts'

export const opportunities = pgTable(
  'opportunities',
  {
    ...identity(),
    name: text('name'),
    stage: text('stage'),
    amount: numeric('amount', { precision: 19, scale: 4 }),
    currency: text('currency'),
    closeDate: date('close_date'),
    /** In per cent; documents hold any finite number, which numeric would not give back exactly. */
    probability: doublePrecision('probability'),
    owner: text('owner'),
    accountId: key('account_id'),
    ...commonColumns(),
  },
  (table) => [
    primaryKey({ name: 'opportunities_key', columns: [table.tenant, table.id] }),
    index('opportunities_by_account').on(table.tenant, table.accountId),
    wordsIndex('opportunities_words', table.name, table.summary),
  ],
)

export const opportunityContacts = pgTable(
  'opportunity_contacts',
  {
    tenant: key('tenant').notNull(),
    opportunityId: key('opportunity_id').notNull(),
    contactId: key('contact_id').notNull(),
    role: text('role'),
  },
  (table) => [
    primaryKey({ name: 'opportunity_contacts_key', columns: [table.tenant, table.opportunityId, table.contactId] }),
    index('opportunity_contacts_by_contact').on(table.tenant, table.contactId),
  ],
)

export const { tags: opportunityTags, activities: opportunityActivities } = commonTables('opportunity')
