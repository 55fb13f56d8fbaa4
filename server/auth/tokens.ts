/**
 * Tokens to principals. A token is a JWT access token (RFC 9068) of this server's own issuer. `verify` is the only way from
 * text to a `Principal`; it makes no request and follows no header of the token (`jku`, `x5u` and the like mean nothing
 * here). Signature, algorithm, type, issuer and audience are jose's checks; the shape of the claims is ours, because a
 * correctly signed token may still name an empty subject or end in the year 2500.
 */
import { type Clock, systemClock } from '@rapport/shared/clock.ts'
import { parseTenant, type Tenant } from '@rapport/shared/ids.ts'
import { errors, type JWTPayload, jwtVerify, SignJWT } from 'jose'
import { type Principal, ROLES, type Role } from './principal.ts'
import { SIGNING_ALGORITHM, type SigningKey } from './signing-key.ts'

export const LOCAL_ISSUER = 'urn:rapport:local'
export const TOKEN_TYPE = 'at+jwt'
/** Longest life of a token, seconds. */
export const MAX_LIFE_SECONDS = 366 * 24 * 3_600

/** Longest token that is looked at, in characters. */
const MAX_TOKEN_LENGTH = 8_192
/** How far an issuer's clock may be ahead of ours, seconds. The end of a token gets no leeway: it is cheap to renew. */
const CLOCK_LEEWAY_SECONDS = 30
const MAX_ROLES = 20
const MAX_TEAMS = 100
/** The subject of the server's own writes; no token may claim it. */
const SERVER_SUBJECT = 'rapport'
/** Printable: no control, format or separator characters, no lone surrogates. */
const NAME = /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]{1,200}$/u

export interface TokenClaims {
  readonly audience: string
  readonly tenant: Tenant
  readonly sub: string
  readonly roles: readonly Role[]
  readonly teams?: readonly string[]
}

export type Verification =
  | { readonly type: 'verified'; readonly principal: Principal }
  /** Genuine in every way, but its time is over. */
  | { readonly type: 'expired'; readonly principal: Principal }
  /** `reason` is a fixed word, fit for a log; nothing of the token is in it. */
  | { readonly type: 'unverifiable'; readonly reason: string }

/** Never rejects. */
export type Verifier = (token: string) => Promise<Verification>

/** Signs a token that ends `ttlSeconds` from now. */
export function mintToken(
  key: SigningKey,
  claims: TokenClaims,
  ttlSeconds: number,
  clock: Pick<Clock, 'now'> = systemClock,
): Promise<string> {
  const now = Math.floor(clock.now() / 1_000)
  return new SignJWT({ tenant: claims.tenant, roles: [...claims.roles], teams: [...(claims.teams ?? [])] })
    .setProtectedHeader({ alg: SIGNING_ALGORITHM, typ: TOKEN_TYPE, kid: key.id })
    .setIssuer(LOCAL_ISSUER)
    .setAudience(claims.audience)
    .setSubject(claims.sub)
    .setIssuedAt(now)
    .setExpirationTime(now + ttlSeconds)
    .sign(key.privateKey)
}

export function createVerifier(key: SigningKey, audience: string, clock: Pick<Clock, 'now'> = systemClock): Verifier {
  return async (token) => {
    if (token.length > MAX_TOKEN_LENGTH) return unverifiable('too_long')
    const now = clock.now()
    const claims = await genuineClaims(token, key, audience, now)
    if (typeof claims === 'string') return unverifiable(claims)
    const principal = principalOf(claims, now / 1_000)
    if (typeof principal === 'string') return unverifiable(principal)
    return { type: principal.expiresAt * 1_000 <= now ? 'expired' : 'verified', principal }
  }
}

/** Whether a subject is fit for a token. */
export function isSubject(text: string): boolean {
  return NAME.test(text) && text.trim() !== '' && text !== SERVER_SUBJECT
}

/** The server itself, for what it writes on nobody's behalf. */
export function serverPrincipal(tenant: Tenant): Principal {
  return { tenant, sub: SERVER_SUBJECT, roles: ['admin'], teams: [], expiresAt: Number.POSITIVE_INFINITY } as unknown as Principal
}

/** The claims of a token that is genuine, expired or not, else why it is not. */
async function genuineClaims(token: string, key: SigningKey, audience: string, now: number): Promise<JWTPayload | string> {
  try {
    const { payload } = await jwtVerify(token, key.publicKey, {
      algorithms: [SIGNING_ALGORITHM],
      typ: TOKEN_TYPE,
      issuer: LOCAL_ISSUER,
      audience,
      requiredClaims: ['exp', 'sub', 'tenant'],
      clockTolerance: CLOCK_LEEWAY_SECONDS,
      currentDate: new Date(now),
    })
    return payload
  } catch (error) {
    // jose looks at the end last: everything else about this one was in order.
    if (error instanceof errors.JWTExpired) return error.payload
    return error instanceof errors.JOSEError ? error.code : 'malformed'
  }
}

function principalOf(claims: JWTPayload, nowSeconds: number): Principal | string {
  const { sub, exp, iat, tenant: tenantText, roles, teams = [] } = claims
  if (typeof sub !== 'string' || !isSubject(sub)) return 'sub'
  const tenant = typeof tenantText === 'string' ? parseTenant(tenantText) : undefined
  if (tenant === undefined) return 'tenant'
  if (!isNames(roles, MAX_ROLES)) return 'roles'
  if (!isNames(teams, MAX_TEAMS)) return 'teams'
  if (!Number.isSafeInteger(exp) || exp === undefined || exp < 0 || exp > nowSeconds + MAX_LIFE_SECONDS) return 'exp'
  if (iat !== undefined && iat > nowSeconds + CLOCK_LEEWAY_SECONDS) return 'iat'
  const known = ROLES.filter((role) => roles.includes(role))
  // The order of the token stays: the first role is the one that changes are attributed to.
  known.sort((one, other) => roles.indexOf(one) - roles.indexOf(other))
  return { tenant, sub, roles: known, teams, expiresAt: exp } as unknown as Principal
}

function isNames(value: unknown, most: number): value is string[] {
  return Array.isArray(value) && value.length <= most && value.every((name) => typeof name === 'string' && NAME.test(name))
}

function unverifiable(reason: string): Verification {
  return { type: 'unverifiable', reason }
}
