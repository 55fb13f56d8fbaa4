/** A possible sale to an account, with the contacts who take part in it and the role each of them plays. */

import { collection, recordType } from '../schema/record-type.ts'
import { date, money, number, oneOf, reference, string } from '../schema/register.ts'
import { commonRoots } from './common.ts'

export const opportunity = recordType({
  name: 'opportunity',
  schemaVersion: 1,
  fields: {
    name: string({ maxLength: 200, required: true }),
    stage: oneOf(['discovery', 'qualified', 'proposal', 'won', 'lost']),
    amount: money(),
    currency: string({ maxLength: 3 }),
    closeDate: date(),
    /** In per cent. */
    probability: number({ minimum: 0, maximum: 100 }),
    /** A user's `sub`. */
    owner: string({ maxLength: 255 }),
    account: reference('account'),
  },
  roots: {
    ...commonRoots,
    // Named after the contact, so that two people who add the same one concurrently add it once.
    contacts: collection(
      { contact: reference('contact'), role: oneOf(['decider', 'influencer', 'user', 'other']) },
      { maxEntries: 500, keyedBy: 'contact' },
    ),
  },
})
