/** The real server on a fresh embedded database in a folder of its own, and tokens for it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseTenant } from '@rapport/shared/ids.ts'
import type { Role } from '../../server/auth/principal.ts'
import { openSigningKey } from '../../server/auth/signing-key.ts'
import { mintToken } from '../../server/auth/tokens.ts'
import { startServer } from './server-process.ts'

export const MAIN = ['--import', './server/node-version.mjs', 'server/main.ts'] as const

export interface TestServer {
  readonly pid: number
  /** `HOST:PORT`. */
  readonly address: string
  readonly dataDirectory: string
  token(sub: string, role?: Role, more?: { readonly tenant?: string; readonly ttl?: number }): Promise<string>
  get(path: string, token?: string): Promise<Response>
  /** Ends it and removes its folder. */
  stop(): Promise<void>
}

/** `environment` is added to what every test server gets: a free port, its folder, errors only. */
export async function startTestServer(environment: Readonly<Record<string, string>> = {}): Promise<TestServer> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'rapport-test-'))
  const started = await startServer(MAIN, { ...testEnvironment(dataDirectory), ...environment })
  const key = await openSigningKey(dataDirectory)
  return {
    pid: started.pid,
    address: started.address,
    dataDirectory,
    token(sub, role = 'rep', { tenant = 'demo', ttl = 3_600 } = {}) {
      const parsed = parseTenant(tenant)
      if (parsed === undefined) throw new Error('not a tenant')
      return mintToken(key, { audience: 'rapport', tenant: parsed, sub, roles: [role] }, ttl)
    },
    get(path, token) {
      return fetch(
        `http://${started.address}${path}`,
        token === undefined ? {} : { headers: { Authorization: `Bearer ${token}` } },
      )
    },
    async stop() {
      await started.stop()
      await rm(dataDirectory, { recursive: true, force: true })
    },
  }
}

export function testEnvironment(dataDirectory: string): Record<string, string> {
  return { PORT: '0', HOST: '127.0.0.1', RAPPORT_DATA_DIR: dataDirectory, DATABASE_URL: '', LOG_LEVEL: 'error' }
}
