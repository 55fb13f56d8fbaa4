/**
 * Who is asking. A `Principal` exists only if this folder made it, from a verified token or for the server itself, so a
 * function that takes one cannot be reached by somebody unknown.
 */
import type { Author, Tenant } from '@rapport/shared/ids.ts'

declare const verified: unique symbol

export const ROLES = ['rep', 'manager', 'viewer', 'crm', 'admin'] as const
export type Role = (typeof ROLES)[number]

export interface Principal {
  readonly [verified]: true
  readonly tenant: Tenant
  readonly sub: string
  readonly roles: readonly Role[]
  readonly teams: readonly string[]
  /** Unix seconds at which the token ends; `Infinity` for the server's own principals. */
  readonly expiresAt: number
}

export function authorOf(principal: Principal): Author {
  return { sub: principal.sub, role: principal.roles[0] ?? 'none' }
}

/** What is kept of whoever sent something that was held back, so that it can be judged as theirs later. */
export interface Signature {
  readonly author: Author
  readonly roles: readonly string[]
  readonly teams: readonly string[]
}

export function signatureOf(principal: Principal): Signature {
  return { author: authorOf(principal), roles: principal.roles, teams: principal.teams }
}

/** Somebody who writes rows, by the name that his session of the database gives. */
export function rowWriter(tenant: Tenant, sub: string): Principal {
  return { tenant, sub, roles: ['crm'], teams: [], expiresAt: Number.POSITIVE_INFINITY } as unknown as Principal
}

/** The sender of something held back, as of the time when it was sent. */
export function principalOfSignature(tenant: Tenant, { author, roles, teams }: Signature): Principal {
  const known = ROLES.filter((role) => roles.includes(role)).sort((one, other) => roles.indexOf(one) - roles.indexOf(other))
  return { tenant, sub: author.sub, roles: known, teams, expiresAt: Number.POSITIVE_INFINITY } as unknown as Principal
}
