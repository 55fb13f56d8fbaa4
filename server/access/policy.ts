/**
 * Who may open a record and who may write in it. Pure. First form: by role alone; rules by field come with the full judge.
 */
import type { Principal, Role } from '../auth/principal.ts'

const WRITERS: ReadonlySet<Role> = new Set(['rep', 'manager', 'crm', 'admin'])

export function mayOpen(principal: Principal): boolean {
  return principal.roles.length > 0
}

/** Any write right at all; without it nothing of a principal's reaches a document. */
export function mayWrite(principal: Principal): boolean {
  return principal.roles.some((role) => WRITERS.has(role))
}
