/** Opportunities as rows, and the contacts who take part in them. */
import * as tables from '../schema/opportunities.ts'
import { commonRules, commonTableRules, fields, identity, parentOf } from './common-rules.ts'
import type { ShippedMapping } from './shipped-mapping.ts'

export const opportunity: ShippedMapping = {
  tables: Object.values(tables),
  mapping: {
    id: 'opportunity',
    version: 1,
    recordType: 'opportunity',
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
  },
}
