/** Which record a request is about, and whether its sender may do that. The tenant comes from the token and from nowhere else (P11). */
import { SyncError } from '@rapport/shared/errors.ts'
import { parseRecordId, type RecordKey } from '@rapport/shared/ids.ts'
import { requireType } from '@rapport/shared/records/record-types.ts'
import type { RecordType } from '@rapport/shared/schema/record-type.ts'
import type { Context } from 'hono'
import { mayOpen, mayWrite, shippedPolicy } from '../access/policy.ts'
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

/** For a route with the parameter `type`. Where somebody may open no record of a type, the type looks like one that is not there. */
export function readType(context: Context<Authenticated>, policy = shippedPolicy): RecordType {
  const type = requireType(context.req.param('type') ?? '')
  if (!mayOpen(context.get('principal'), type.name, undefined, policy)) throw new SyncError('not_found', 'no such resource')
  return type
}

/** For a route with the parameters `type` and `id`. Whether this one record may be opened, only its document says. */
export function readTarget(context: Context<Authenticated>, policy = shippedPolicy): Target {
  const principal = context.get('principal')
  const type = readType(context, policy)
  const id = parseRecordId(context.req.param('id') ?? '')
  if (id === undefined) throw new SyncError('not_found', 'no such record')
  return { principal, type, key: { tenant: principal.tenant, type: type.name, id } }
}

/** Before anything is looked up, so that the answer is the same whether or not the record exists. */
export function requireWriter(principal: Principal, policy = shippedPolicy): void {
  if (!mayOpen(principal, undefined, undefined, policy)) throw new SyncError('not_found', 'no such resource')
  if (!mayWrite(principal, policy)) throw new SyncError('forbidden', 'no right to write records')
}

/** A parameter of the URL that is `true` or `false`, by default the latter; once, and not without a value, which might mean either. */
export function readFlag(context: Context, name: string): boolean {
  const [value = 'false', ...more] = context.req.queries(name) ?? []
  if ((value !== 'true' && value !== 'false') || more.length > 0)
    throw new SyncError('malformed', `${name} must be true or false`)
  return value === 'true'
}
