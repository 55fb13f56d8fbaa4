/** How a person or a company is reached: e-mail addresses, telephone numbers and postal addresses. */

import { collection } from '../schema/record-type.ts'
import { boolean, email, phone, string } from '../schema/register.ts'

const label = string({ maxLength: 100 })

export const contactPoints = {
  emails: collection({ label, address: email(), primary: boolean() }, { maxEntries: 100 }),
  phones: collection({ label, number: phone(), primary: boolean() }, { maxEntries: 100 }),
  addresses: collection(
    {
      label,
      street: string({ maxLength: 500 }),
      city: string({ maxLength: 200 }),
      region: string({ maxLength: 200 }),
      postalCode: string({ maxLength: 32 }),
      country: string({ maxLength: 100 }),
    },
    { maxEntries: 100 },
  ),
} as const
