import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseTenant, type Tenant } from '@rapport/shared/ids.ts'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openSigningKey, type SigningKey } from '../../../server/auth/signing-key.ts'
import { createVerifier, LOCAL_ISSUER, mintToken, serverPrincipal } from '../../../server/auth/tokens.ts'

const NOW = 1_800_000_000
const clock = { now: () => NOW * 1_000 }
const tenant = parseTenant('acme') as Tenant
const audience = 'rapport'

const folders: string[] = []
async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rapport-key-'))
  folders.push(folder)
  return folder
}

let key: SigningKey
beforeAll(async () => {
  key = await openSigningKey(await newFolder())
})
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))))

/** A token with anything in it, signed by the right key unless told otherwise. */
function forge(claims: Record<string, unknown>, header: Record<string, unknown> = {}, by: SigningKey = key): Promise<string> {
  const genuine = { iss: LOCAL_ISSUER, aud: audience, sub: 'ada', tenant: 'acme', roles: ['rep'], exp: NOW + 60 }
  const payload = Object.fromEntries(Object.entries({ ...genuine, ...claims }).filter(([, value]) => value !== undefined))
  return new SignJWT(payload).setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', ...header }).sign(by.privateKey)
}

const verify = (token: string) => createVerifier(key, audience, clock)(token)

describe('a token', () => {
  test('that was minted is verified, with everything it says', async () => {
    const token = await mintToken(key, { audience, tenant, sub: 'ada', roles: ['manager', 'rep'], teams: ['north'] }, 60, clock)
    expect(await verify(token)).toEqual({
      type: 'verified',
      principal: { tenant: 'acme', sub: 'ada', roles: ['manager', 'rep'], teams: ['north'], expiresAt: NOW + 60 },
    })
  })

  test('whose time is over is told apart from one that is not genuine', async () => {
    const over = await verify(await forge({ exp: NOW }))
    expect(over).toMatchObject({ type: 'expired', principal: { sub: 'ada' } })
    expect(await verify(await forge({ exp: NOW - 86_400 }))).toMatchObject({ type: 'expired' })
    expect(await verify(await forge({ exp: NOW - 86_400, aud: 'other' }))).toMatchObject({ type: 'unverifiable' })
    expect(await verify(await forge({ exp: NOW - 86_400, sub: '' }))).toMatchObject({ type: 'unverifiable' })
  })

  test('keeps the roles that exist and drops the others', async () => {
    expect(await verify(await forge({ roles: ['emperor', 'viewer', 'viewer'] }))).toMatchObject({
      principal: { roles: ['viewer'] },
    })
    expect(await verify(await forge({ roles: [] }))).toMatchObject({ type: 'verified', principal: { roles: [] } })
  })

  const wrong: [string, Record<string, unknown>, Record<string, unknown>?][] = [
    ['issuer', { iss: 'https://elsewhere.example' }],
    ['audience', { aud: 'other' }],
    ['type', {}, { typ: 'JWT' }],
    ['refresh type', {}, { typ: 'rt+jwt' }],
    ['no end', { exp: undefined }],
    ['an end in the year 2500', { exp: 16_725_225_600 }],
    ['a fractional end', { exp: NOW + 0.5 }],
    ['a start in the future', { nbf: NOW + 3_600 }],
    ['an issue in the future', { iat: NOW + 3_600 }],
    ['empty subject', { sub: '' }],
    ['blank subject', { sub: '   ' }],
    ['object as subject', { sub: { name: 'ada' } }],
    ['array as subject', { sub: ['ada'] }],
    ['line break in the subject', { sub: 'ada\nadmin' }],
    ['direction mark in the subject', { sub: 'ada\u202eadmin' }],
    ['lone surrogate in the subject', { sub: 'ada\ud800' }],
    ['201 characters of subject', { sub: 'a'.repeat(201) }],
    ['the subject of the server itself', { sub: 'rapport' }],
    ['no tenant', { tenant: undefined }],
    ['a tenant with a slash', { tenant: 'acme/other' }],
    ['a tenant that is an array', { tenant: ['acme'] }],
    ['no roles', { roles: undefined }],
    ['roles as one string', { roles: 'admin' }],
    ['a role that is no string', { roles: [{}] }],
    ['teams as a string', { teams: 'north' }],
  ]
  test.each(wrong)('is not accepted with a wrong claim or header: %s', async (_name, claims, header) => {
    expect(await verify(await forge(claims, header))).toMatchObject({ type: 'unverifiable' })
  })

  test('of 100 kB is not looked at', async () => {
    expect(await verify(await forge({ extra: 'x'.repeat(100_000) }))).toEqual({ type: 'unverifiable', reason: 'too_long' })
  })

  test('of another key, of no key, or cut short is not accepted', async () => {
    const other = await openSigningKey(await newFolder())
    const genuine = await forge({})
    const [, payload] = genuine.split('.')
    const none = Buffer.from(JSON.stringify({ alg: 'none', typ: 'at+jwt' })).toString('base64url')
    const tokens = [await forge({}, {}, other), `${none}.${payload}.`, genuine.slice(0, -4), '', 'a.b.c', 'nonsense']
    for (const token of tokens) expect(await verify(token)).toMatchObject({ type: 'unverifiable' })
  })

  test('never has its content quoted in the reason', async () => {
    const answer = await verify(await forge({ sub: 'marker\n', tenant: 'marker/' }))
    expect(JSON.stringify(answer)).not.toContain('marker')
  })
})

describe('the signing key', () => {
  test('is the same for processes that start together on an empty folder, and private', async () => {
    const empty = join(await newFolder(), 'nested')
    const keys = await Promise.all(Array.from({ length: 8 }, () => openSigningKey(empty)))
    expect(new Set(keys.map((one) => one.id)).size).toBe(1)
    expect(await readdir(empty)).toEqual(['token-key.json'])
    expect((await stat(join(empty, 'token-key.json'))).mode & 0o777).toBe(0o600)
    expect((await openSigningKey(empty)).id).toBe(keys[0]?.id)
  })

  test('that is damaged ends the start with a sentence that does not quote it', async () => {
    const damaged = await newFolder()
    await writeFile(join(damaged, 'token-key.json'), '{"d":"marker')
    const failure = await openSigningKey(damaged).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'configuration' })
    expect(String(failure)).not.toContain('marker')
  })
})

test('the server writes under a subject that no token can claim', () => {
  expect(serverPrincipal(tenant)).toMatchObject({ tenant: 'acme', sub: 'rapport', expiresAt: Number.POSITIVE_INFINITY })
})
