/** A token for a server that runs on the given data folder: what the command line mints, without starting a process for it. */
import { parseTenant } from '@rapport/shared/ids.ts'
import { openSigningKey } from '../../server/auth/signing-key.ts'
import { mintToken } from '../../server/auth/tokens.ts'

const LIFE_SECONDS = 7_200

/** A rep's token, good for two hours. */
export async function mintLocalToken(dataFolder: string, tenant: string, sub: string): Promise<string> {
  const parsed = parseTenant(tenant)
  if (parsed === undefined) throw new TypeError('not a tenant')
  const claims = { tenant: parsed, sub, roles: ['rep'] as const }
  return await mintToken(await openSigningKey(dataFolder), { audience: 'rapport', ...claims }, LIFE_SECONDS)
}
