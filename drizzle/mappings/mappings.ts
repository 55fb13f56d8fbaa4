/** The mappings that ship. A new one is a file beside this one and a line in the list; a record type without one has no tables. */
import { compileMappings } from '@rapport/shared/mapping/compile.ts'
import type { Plan } from '@rapport/shared/mapping/plan.ts'
import { recordTypes } from '@rapport/shared/records/record-types.ts'
import { tableShape } from '../table-shapes.ts'
import { account } from './account.ts'
import { contact } from './contact.ts'
import { opportunity } from './opportunity.ts'
import type { ShippedMapping } from './shipped-mapping.ts'

const shipped: readonly ShippedMapping[] = [account, contact, opportunity]

/** Throws a `configuration` error that says all that is wrong. */
export function compileShipped(): readonly Plan[] {
  return compileMappings(
    shipped.map(({ mapping }) => mapping),
    recordTypes,
    shipped.flatMap(({ tables }) => tables.map(tableShape)),
  )
}
