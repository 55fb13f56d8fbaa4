/** Opportunities as rows, and the contacts who take part in them. */
import { opportunity as opportunityType } from '@rapport/shared/records/opportunity.ts'
import * as tables from '../schema/opportunities.ts'
import { commonRules, commonTableRules, fields, identity, parentOf } from './common-rules.ts'
import { defineMapping } from './define-mapping.ts'

export const opportunity = defineMapping(opportunityType, tables, {
  id: 'opportunity',
  version: 1,
  table: 'opportunities',
  identity,
  rules: [
    ...fields({ name: 'name' }),
    { rule: 'enum', field: 'stage', column: 'stage' },
    ...fields({
      amount: 'amount',
      currency: 'currency',
      closeDate: 'close_date',
      probability: 'probability',
      owner: 'owner',
    }),
    { rule: 'lookup', field: 'account', column: 'account_id' },
    ...commonRules,
    {
      rule: 'link',
      root: 'contacts',
      table: 'opportunity_contacts',
      parent: parentOf('opportunity'),
      other: 'contact_id',
      columns: [{ rule: 'enum', field: 'role', column: 'role' }],
    },
    ...commonTableRules('opportunity'),
  ],
})
