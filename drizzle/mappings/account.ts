/** Accounts as rows. */
import { account as accountType } from '@rapport/shared/records/account.ts'
import * as tables from '../schema/accounts.ts'
import { commonRules, commonTableRules, contactPointRules, fields, identity } from './common-rules.ts'
import { defineMapping } from './define-mapping.ts'

export const account = defineMapping(accountType, tables, {
  id: 'account',
  version: 1,
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
})
