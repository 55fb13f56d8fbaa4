/** Rules that need more than a column a field, and guards, through the projector into the tables of any database. */
import { compileMapping } from '@rapport/shared/mapping/compile.ts'
import type { Plan } from '@rapport/shared/mapping/plan.ts'
import { contact } from '@rapport/shared/records/contact.ts'
import { jsonb, numeric, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { describe, expect, test } from 'vitest'
import { defineMapping } from '../../drizzle/mappings/define-mapping.ts'
import { key } from '../../drizzle/schema/columns.ts'
import { tableShape } from '../../drizzle/table-shapes.ts'
import type { Sql } from '../../server/db.ts'
import { listFaults } from '../../server/projection/fault-list.ts'
import { freshTenant, recordKey } from './entries.ts'
import { onStage } from './projection-suite.ts'

const mobileCustomers = pgTable(
  'mobile_customers',
  {
    tenant: key('tenant').notNull(),
    customerId: key('customer_id').notNull(),
    name: text('name'),
    phone: text('phone'),
    phonesMore: jsonb('phones_more'),
    division: text('division'),
    region: text('region'),
    currency: text('currency').notNull(),
    creditLimit: numeric('credit_limit', { precision: 19, scale: 4 }),
    rank: text('rank'),
  },
  (table) => [primaryKey({ columns: [table.tenant, table.customerId] })],
)

const CREATE = `create table mobile_customers (
  tenant text collate "C", customer_id text collate "C", name text, phone text, phones_more jsonb, division text, region text,
  currency text not null, credit_limit numeric(19, 4), rank text, primary key (tenant, customer_id))`

const mobile = defineMapping(
  contact,
  { mobileCustomers },
  {
    id: 'mobile',
    version: 1,
    table: 'mobile_customers',
    identity: { tenant: 'tenant', id: 'customer_id' },
    rules: [
      { rule: 'merge', fields: ['firstName', 'lastName'], column: 'name', by: 'words@1', ambiguous: 'parse' },
      { rule: 'split', field: 'department', columns: ['division', 'region'], by: 'commas@1' },
      { rule: 'default', field: 'currency', column: 'currency', value: 'EUR' },
      { rule: 'field', field: 'creditLimit', column: 'credit_limit' },
      { rule: 'readonly', field: 'owner', column: 'rank' },
      {
        rule: 'slots',
        root: 'phones',
        first: 'primary',
        slots: [{ columns: [{ rule: 'field', field: 'number', column: 'phone' }] }],
        overflow: { column: 'phones_more' },
      },
    ],
    guards: [
      {
        when: [{ by: 'above@1', fields: ['creditLimit'], options: { limit: 1_000_000 } }],
        severity: 'block',
        message: 'No credit limit is above a million.',
      },
      {
        when: [
          { by: 'present@1', fields: ['creditLimit'] },
          { by: 'empty@1', fields: ['currency'] },
        ],
        severity: 'quarantine',
        message: 'A credit limit needs a currency.',
        columns: ['credit_limit'],
      },
    ],
  },
)

const plan: Plan = compileMapping(mobile.mapping, contact, mobile.tables.map(tableShape))

export function describeMappingLanguage(name: string, sql: () => Sql): void {
  describe(`the mapping language on ${name}`, () => {
    test('P6, P8: parts, slots, defaults and what guards withhold stand in the tables, and the CRM’s own column is left alone', () =>
      onStage(sql(), async (stage) => {
        await stage.sql.unsafe(CREATE)
        try {
          const customer = recordKey('c1', freshTenant())
          const projector = stage.projector({ plans: [...stage.plans, plan] })
          const row = async () => {
            await projector.drain()
            const [found] = await stage.sql`
              select name, phone, phones_more, division, region, currency, credit_limit, rank from mobile_customers
              where tenant = ${customer.tenant}`
            return found
          }
          const faults = async () =>
            (await listFaults(stage.sql))
              .filter((one) => one.tenant === customer.tenant && one.mapping === 'mobile')
              .map(({ fault, misfits }) => ({ fault, misfits }))

          await stage.edit(customer, (editor) => {
            editor.set('firstName', 'Ana María')
            editor.set('lastName', 'Cruz')
            editor.set('department', 'Sales, Northern Europe')
            editor.set('creditLimit', '500.00')
            editor.addEntry('phones', { label: 'work', number: '+34 600 000 001' }, { id: 'p1' })
            editor.addEntry('phones', { label: 'home', number: '+34 600 000 002' }, { id: 'p2' })
          })
          const first = {
            name: 'Ana María Cruz',
            phone: '+34 600 000 001',
            phones_more: { p2: { label: 'home', number: '+34 600 000 002' } },
            division: 'Sales',
            region: 'Northern Europe',
            currency: 'EUR',
            credit_limit: null,
            rank: null,
          }
          expect(await row()).toEqual(first)
          expect(await faults()).toEqual([{ fault: null, misfits: [['guards', 'A credit limit needs a currency.']] }])

          await stage.sql`update mobile_customers set rank = 'gold' where tenant = ${customer.tenant}`
          await stage.edit(customer, (editor) => editor.set('creditLimit', '1000000.01'))
          expect(await row()).toEqual({ ...first, rank: 'gold' })
          expect(await faults()).toMatchObject([{ fault: 'No credit limit is above a million.' }])
          // The rows of the other mapping do not wait for this one.
          expect((await stage.rows(customer))?.main).toMatchObject({ credit_limit: 1_000_000.01 })

          await stage.edit(customer, (editor) => {
            editor.set('creditLimit', '750.00')
            editor.set('currency', 'USD')
            editor.setColumn('phones', 'p2', 'primary', true)
          })
          expect(await row()).toEqual({
            ...first,
            phone: '+34 600 000 002',
            phones_more: { p1: { label: 'work', number: '+34 600 000 001' } },
            currency: 'USD',
            credit_limit: '750.0000',
            rank: 'gold',
          })
          expect(await faults()).toEqual([])

          const [state] = await stage.sql`
            select base -> '' as bindings from rapport.projection_state
            where tenant = ${customer.tenant} and type = 'contact' and record_id = 'c1' and mapping = 'mobile'`
          expect(state?.bindings).toEqual({ phone: 'p2', 'name/firstName': 'Ana María', 'name/lastName': 'Cruz' })
          const told = (await stage.events(customer.tenant)).filter(({ payload }) => 'phones_more' in payload.after)
          expect(told.map(({ payload }) => [...payload.changed].sort())).toEqual([
            expect.arrayContaining(['name', 'phone']),
            ['credit_limit', 'currency', 'phone', 'phones_more'],
          ])
          for (const { payload } of told) expect(Object.keys({ ...payload.before, ...payload.after })).not.toContain('')

          // Projected again, the row is not written again.
          const [again] = await stage.sql`select xmin::text from mobile_customers where tenant = ${customer.tenant}`
          await stage.sql`insert into rapport.projection_marks (tenant, type, record_id, sequence, at)
            values (${customer.tenant}, 'contact', 'c1', 0, now())`
          await row()
          const [still] = await stage.sql`select xmin::text from mobile_customers where tenant = ${customer.tenant}`
          expect(still).toEqual(again)
        } finally {
          await stage.sql.unsafe('drop table mobile_customers')
        }
      }))
  })
}
