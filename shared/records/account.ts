/** A company or another organisation that customers belong to. */

import { recordType } from '../schema/record-type.ts'
import { money, number, oneOf, reference, string, url } from '../schema/register.ts'
import { commonRoots } from './common.ts'
import { contactPoints } from './contact-points.ts'

export const account = recordType({
  name: 'account',
  schemaVersion: 1,
  fields: {
    name: string({ maxLength: 200, required: true }),
    industry: string({ maxLength: 200 }),
    website: url(),
    employees: number({ integer: true, minimum: 0, maximum: 2_147_483_647 }),
    stage: oneOf(['prospect', 'active', 'former']),
    /** A user's `sub`. */
    owner: string({ maxLength: 255 }),
    parent: reference('account'),
    creditLimit: money(),
    currency: string({ maxLength: 3 }),
  },
  roots: { ...commonRoots, ...contactPoints },
})
