/**
 * The key that signs and verifies this server's own tokens, kept as a JWK in the data folder, readable by its owner alone. It
 * must outlive the process, or every restart would log everybody out.
 */
import { randomUUID } from 'node:crypto'
import { link, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { SyncError } from '@rapport/shared/errors.ts'
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose'
import { openDataFolder } from '../data-folder.ts'

export const SIGNING_ALGORITHM = 'ES256'
const FILE = 'token-key.json'

export interface SigningKey {
  /** The thumbprint of RFC 7638, sent as `kid`. */
  readonly id: string
  readonly privateKey: CryptoKey
  readonly publicKey: CryptoKey
}

/** Reads the key of a data folder, and makes it first if there is none. Two processes that start together get the same. */
export async function openSigningKey(dataDirectory: string): Promise<SigningKey> {
  openDataFolder(dataDirectory)
  const path = join(dataDirectory, FILE)
  const stored = (await readKey(path)) ?? (await createKey(dataDirectory, path))
  try {
    const jwk = JSON.parse(stored) as JWK
    const { kty, crv, x, y } = jwk
    const publicJwk = { kty, crv, x, y } as JWK
    const privateKey = await importJWK(jwk, SIGNING_ALGORITHM)
    const publicKey = await importJWK(publicJwk, SIGNING_ALGORITHM)
    if (!isKey(privateKey, 'private') || !isKey(publicKey, 'public')) throw new TypeError('not a key pair')
    return { id: await calculateJwkThumbprint(publicJwk), privateKey, publicKey }
  } catch {
    // The parser's message quotes the file, which is a secret: it must not travel as the cause.
    throw new SyncError('configuration', `${path} is not a key that this server wrote; move it away to have a new one made.`)
  }
}

async function readKey(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new SyncError('configuration', `The key file ${path} cannot be read.`, { cause: error })
  }
}

/** Writes a whole file under another name first; `link` then refuses if another process was faster, and its key is taken. */
async function createKey(dataDirectory: string, path: string): Promise<string> {
  const pair = await generateKeyPair(SIGNING_ALGORITHM, { extractable: true })
  const text = JSON.stringify(await exportJWK(pair.privateKey))
  const draft = join(dataDirectory, `.${FILE}.${randomUUID()}`)
  const file = await open(draft, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
    await link(draft, path)
    return text
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return await readFile(path, 'utf8')
  } finally {
    await file.close()
    await rm(draft, { force: true })
  }
}

function isKey(key: CryptoKey | Uint8Array, type: 'private' | 'public'): key is CryptoKey {
  return !(key instanceof Uint8Array) && key.type === type
}
