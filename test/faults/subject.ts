/**
 * The server under test as something that can be started again and again on the same data: on the embedded database or on
 * Postgres, whole or with a log that is broken on purpose.
 */
import { mintLocalToken } from '../support/local-token.ts'
import { startServer } from '../support/server-process.ts'
import type { Address } from './fleet.ts'

export interface Subject {
  readonly name: string
  start(): Promise<RunningSubject>
}

export interface RunningSubject extends Address {
  readonly pid: number
  kill(): Promise<void>
  stop(): Promise<void>
}

export interface SubjectOptions {
  readonly name: string
  /** Data folder; kept between starts. */
  readonly folder: string
  readonly databaseUrl?: string
  /** The entry point, from the repository root. */
  readonly main?: string
}

export function createSubject({ name, folder, databaseUrl, main = 'server/main.ts' }: SubjectOptions): Subject {
  const environment = {
    PORT: '0',
    LOG_LEVEL: 'fatal',
    RAPPORT_DATA_DIR: folder,
    RAPPORT_SAMPLES: 'off',
    DATABASE_URL: databaseUrl ?? '',
    RAPPORT_RATE_UPDATES_PER_S: '0',
  }
  let token: string | undefined
  return {
    name,
    async start() {
      const { address, pid, kill, stop } = await startServer(['--import', './server/node-version.mjs', main], environment)
      token ??= await mintLocalToken(folder, 'faults', 'writer')
      return { host: address, token, pid, kill, stop }
    },
  }
}
