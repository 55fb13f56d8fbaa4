/** Which record a request is about, and whether its sender may do that. The tenant comes from the token and from nowhere else (P11). */
import { SyncError } from '@rapport/shared/errors.ts'
import { parseRecordId, type RecordKey } from '@rapport/shared/ids.ts'
import { requireType } from '@rapport/shared/records/record-types.ts'
import type { RecordType } from '@rapport/shared/schema/record-type.ts'
import type { Context } from 'hono'
import { mayOpen, mayWrite } from '../access/policy.ts'
import type { Principal } from '../auth/principal.ts'

/** Before every route: who is asking. */
export type Authenticated = { Variables: { principal: Principal } }

/** A name for whom limits count, the same for all of somebody's tokens. */
export function accountOf({ tenant, sub }: Principal): string {
  return `${tenant}\0${sub}`
}

export interface Target {
  readonly principal: Principal
  readonly type: RecordType
  readonly key: RecordKey
}

/** For a route with the parameters `type` and `id`. Without any role, every record looks like a missing one. */
export function readTarget(context: Context<Authenticated>): Target {
  const principal = context.get('principal')
  const type = requireType(context.req.param('type') ?? '')
  const id = parseRecordId(context.req.param('id') ?? '')
  if (id === undefined || !mayOpen(principal)) throw new SyncError('not_found', 'no such record')
  return { principal, type, key: { tenant: principal.tenant, type: type.name, id } }
}

/** Before anything is looked up, so that the answer is the same whether or not the record exists. */
export function requireWriter(principal: Principal): void {
  if (!mayOpen(principal)) throw new SyncError('not_found', 'no such resource')
  if (!mayWrite(principal)) throw new SyncError('forbidden', 'no right to write records')
}

/** A parameter of the URL that is `true` or `false`, by default the latter; once, and not without a value, which might mean either. */
export function readFlag(context: Context, name: string): boolean {
  const [value = 'false', ...more] = context.req.queries(name) ?? []
  if ((value !== 'true' && value !== 'false') || more.length > 0)
    throw new SyncError('malformed', `${name} must be true or false`)
  return value === 'true'
}
