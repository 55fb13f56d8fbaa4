/** A record type on the command line. */
import type { Plan } from '@rapport/shared/mapping/plan.ts'
import { recordTypeOf } from '@rapport/shared/records/record-types.ts'
import { UsageError } from './command.ts'

/** The plans that project records of that type, at least one. Throws a `UsageError`. */
export function mappedType(plans: readonly Plan[], type: string): readonly Plan[] {
  if (recordTypeOf(type) === undefined) throw new UsageError('There is no record type of that name.')
  const own = plans.filter((plan) => plan.type.name === type)
  if (own.length === 0) throw new UsageError('No mapping projects records of that type.')
  return own
}
