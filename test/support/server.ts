/** The real server on an embedded database with the samples in a folder of its own, and tokens for it. */
import { rm } from 'node:fs/promises'
import { parseTenant } from '@rapport/shared/ids.ts'
import { inject } from 'vitest'
import type { Role } from '../../server/auth/principal.ts'
import { openSigningKey } from '../../server/auth/signing-key.ts'
import { mintToken } from '../../server/auth/tokens.ts'
import { copyFolder, MAIN, testEnvironment } from './data-folder.ts'
import { startServer } from './server-process.ts'

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
  const dataDirectory = await copyFolder(inject('preparedFolder'))
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
