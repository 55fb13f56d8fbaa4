/** A token for a server that runs on the given data folder: what the command line mints, without starting a process for it. */
import { parseTenant } from '@rapport/shared/ids.ts'
import type { Role } from '../../server/auth/principal.ts'
import { openSigningKey } from '../../server/auth/signing-key.ts'
import { mintToken } from '../../server/auth/tokens.ts'

const LIFE_SECONDS = 7_200

/** A token, a rep's unless told otherwise, good for two hours. */
export async function mintLocalToken(dataFolder: string, tenant: string, sub: string, role: Role = 'rep'): Promise<string> {
  const parsed = parseTenant(tenant)
  if (parsed === undefined) throw new TypeError('not a tenant')
  const claims = { tenant: parsed, sub, roles: [role] }
  return await mintToken(await openSigningKey(dataFolder), { audience: 'rapport', ...claims }, LIFE_SECONDS)
}
