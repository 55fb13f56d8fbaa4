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
