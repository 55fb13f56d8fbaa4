/**
 * One data folder for all server tests of a run: the embedded database with its samples is made once, which takes seconds, and
 * each test server gets a copy, which takes milliseconds.
 */
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { startServer } from './server-process.ts'

/** Arguments of `node` that start the server. */
export const MAIN = ['--import', './server/node-version.mjs', 'server/main.ts'] as const

declare module 'vitest' {
  interface ProvidedContext {
    /** A folder as a server leaves it that was started once, with samples, and stopped. */
    preparedFolder: string
  }
}

export default async function prepare(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'rapport-prepared-'))
  const server = await startServer(MAIN, testEnvironment(folder))
  await server.stop()
  project.provide('preparedFolder', folder)
  return () => rm(folder, { recursive: true, force: true })
}

/** A copy for one test, which removes it. */
export async function copyFolder(prepared: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rapport-test-'))
  await cp(prepared, folder, { recursive: true })
  return folder
}

/** A free port, the folder, nothing logged but errors, and whatever the caller's own environment says of a database ignored. */
export function testEnvironment(dataDirectory: string): Record<string, string> {
  return { PORT: '0', HOST: '127.0.0.1', RAPPORT_DATA_DIR: dataDirectory, DATABASE_URL: '', LOG_LEVEL: 'error' }
}
