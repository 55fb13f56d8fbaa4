/** Who takes part in a run. */
import { parseTenant } from '@rapport/shared/ids.ts'
import type { Role } from './places.ts'

export interface Person {
  readonly sub: string
  readonly role: Role
}

export const tenant = parseTenant('judged') as NonNullable<ReturnType<typeof parseTenant>>
