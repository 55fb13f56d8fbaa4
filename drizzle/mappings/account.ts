/** Accounts as rows. */
import * as tables from '../schema/accounts.ts'
import { commonRules, commonTableRules, contactPointRules, fields, identity } from './common-rules.ts'
import type { ShippedMapping } from './shipped-mapping.ts'

export const account: ShippedMapping = {
  tables: Object.values(tables),
  mapping: {
    id: 'account',
    version: 1,
    recordType: 'account',
    table: 'accounts',
    identity,
    rules: [
      ...fields({ name: 'name', industry: 'industry', website: 'website', employees: 'employees' }),
      { rule: 'enum', field: 'stage', column: 'stage' },
      ...fields({ owner: 'owner' }),
      { rule: 'lookup', field: 'parent', column: 'parent_id' },
      ...fields({ creditLimit: 'credit_limit', currency: 'currency' }),
      ...commonRules,
      ...contactPointRules('account'),
      ...commonTableRules('account'),
    ],
  },
}
