/** Contacts as rows. */
import { contact as contactType } from '@rapport/shared/records/contact.ts'
import * as tables from '../schema/contacts.ts'
import { commonRules, commonTableRules, contactPointRules, fields, identity } from './common-rules.ts'
import { defineMapping } from './define-mapping.ts'

export const contact = defineMapping(contactType, tables, {
  id: 'contact',
  version: 1,
  table: 'contacts',
  identity,
  rules: [
    ...fields({
      salutation: 'salutation',
      firstName: 'first_name',
      lastName: 'last_name',
      title: 'title',
      department: 'department',
    }),
    { rule: 'enum', field: 'stage', column: 'stage' },
    ...fields({ owner: 'owner' }),
    { rule: 'lookup', field: 'account', column: 'account_id' },
    ...fields({
      birthday: 'birthday',
      website: 'website',
      doNotCall: 'do_not_call',
      creditLimit: 'credit_limit',
      currency: 'currency',
    }),
    ...commonRules,
    ...contactPointRules('contact'),
    ...commonTableRules('contact'),
  ],
})
