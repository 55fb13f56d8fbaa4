/** Who may read the change feed, and from where. */
import { SyncError } from '@rapport/shared/errors.ts'
import { recordTypes } from '@rapport/shared/records/record-types.ts'
import { mayOpen, type Relation, shippedPolicy } from '../access/policy.ts'
import type { Principal, Role } from '../auth/principal.ts'

/** The feed is for the machines of the CRM and for those who answer for everybody's records. */
const READERS: readonly Role[] = ['crm', 'admin', 'manager']
const RELATIONS: readonly Relation[] = ['owner', 'team', 'anyone']

/** An event shows a whole record as it was and is: so whoever may not open every record of every type may not read any. */
export function requireFeedReader(principal: Principal, policy = shippedPolicy): void {
  if (!mayOpen(principal, undefined, undefined, policy)) throw new SyncError('not_found', 'no such resource')
  const opens = (type: string) => RELATIONS.every((relation) => mayOpen(principal, type, relation, policy))
  const reads = principal.roles.some((role) => READERS.includes(role)) && Object.keys(recordTypes).every(opens)
  if (!reads) throw new SyncError('forbidden', 'the change feed is for those who may read every record')
}
