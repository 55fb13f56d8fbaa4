/** `cli token`: a token of this server, signed with the key in its data folder. */
import { parseArgs } from 'node:util'
import { parseTenant } from '@rapport/shared/ids.ts'
import { ROLES, type Role } from '../auth/principal.ts'
import { openSigningKey } from '../auth/signing-key.ts'
import { isSubject, MAX_LIFE_SECONDS, mintToken } from '../auth/tokens.ts'
import type { Config } from '../config.ts'
import { UsageError } from './command.ts'

export const DEFAULT_TTL_SECONDS = 3_600

export async function printToken(config: Config, args: readonly string[]): Promise<string> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      tenant: { type: 'string' },
      sub: { type: 'string' },
      role: { type: 'string', multiple: true },
      team: { type: 'string', multiple: true },
      ttl: { type: 'string' },
    },
  })
  const tenant = parseTenant(values.tenant ?? '')
  if (tenant === undefined) throw new UsageError('--tenant must be 1 to 64 letters, digits, dots, dashes or underscores.')
  const { sub = '' } = values
  if (!isSubject(sub)) throw new UsageError('--sub must be 1 to 200 printable characters, and not rapport.')
  const roles = (values.role ?? []).map(roleOf)
  if (roles.length === 0) throw new UsageError(`--role must be one of ${ROLES.join(', ')}.`)
  const ttl = Number(values.ttl ?? DEFAULT_TTL_SECONDS)
  if (!Number.isSafeInteger(ttl) || ttl < 1 || ttl > MAX_LIFE_SECONDS) {
    throw new UsageError(`--ttl must be a whole number of seconds from 1 to ${MAX_LIFE_SECONDS}.`)
  }
  const key = await openSigningKey(config.dataDirectory)
  const token = await mintToken(key, { audience: config.audience, tenant, sub, roles, teams: values.team ?? [] }, ttl)
  return `${token}\n`
}

function roleOf(text: string): Role {
  const role = ROLES.find((known) => known === text)
  if (role === undefined) throw new UsageError(`--role must be one of ${ROLES.join(', ')}.`)
  return role
}
