/** The customer: a person, usually at an account. A field more is a line more in `fields`. */

import { recordType } from '../schema/record-type.ts'
import { boolean, date, money, oneOf, reference, string, url } from '../schema/register.ts'
import { commonRoots } from './common.ts'
import { contactPoints } from './contact-points.ts'

export const contact = recordType({
  name: 'contact',
  schemaVersion: 1,
  fields: {
    salutation: string({ maxLength: 50 }),
    firstName: string({ maxLength: 200 }),
    lastName: string({ maxLength: 200 }),
    title: string({ maxLength: 200 }),
    department: string({ maxLength: 200 }),
    stage: oneOf(['lead', 'qualified', 'customer', 'former']),
    /** A user's `sub`. */
    owner: string({ maxLength: 255 }),
    account: reference('account'),
    birthday: date(),
    website: url(),
    doNotCall: boolean(),
    creditLimit: money(),
    currency: string({ maxLength: 3 }),
  },
  roots: { ...commonRoots, ...contactPoints },
})
