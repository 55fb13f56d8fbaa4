/** The process: how it starts, ends, and refuses. */
import { type ChildProcess, spawn } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { encodeUpdate } from '@rapport/shared/protocol/y-websocket.ts'
import { afterEach, expect, inject, test } from 'vitest'
import * as Y from 'yjs'
import { openSigningKey } from '../../server/auth/signing-key.ts'
import { mintToken } from '../../server/auth/tokens.ts'
import { copyFolder, MAIN, testEnvironment } from '../support/data-folder.ts'
import { openRaw } from '../support/raw-socket.ts'
import { startServer } from '../support/server-process.ts'
import { until } from '../support/stock-client.ts'

const folders: string[] = []
const children: ChildProcess[] = []

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true })
})

async function newFolder(): Promise<string> {
  const folder = await copyFolder(inject('preparedFolder'))
  folders.push(folder)
  return folder
}

async function tokenFor(folder: string): Promise<string> {
  const claims = { audience: 'rapport', tenant: 'demo' as never, sub: 'ann', roles: ['rep' as const] }
  return mintToken(await openSigningKey(folder), claims, 600)
}

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command to its end. `onOutput` sees all of stdout whenever it grows. */
function run(
  command: string,
  args: readonly string[],
  environment: Record<string, string>,
  onOutput?: (all: string, child: ChildProcess) => void,
) {
  const child = spawn(command, args, { env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] })
  children.push(child)
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString()
    onOutput?.(stdout, child)
  })
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  return new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })))
}

test('one line on stdout says where it listens; SIGTERM tells sockets to come back, and ends it with 0', async () => {
  const folder = await newFolder()
  const token = await tokenFor(folder)
  let closed: Promise<{ code: number }> | undefined
  const ended = await run(process.execPath, MAIN, testEnvironment(folder), async (stdout, child) => {
    const address = /listening on http:\/\/(\S+)/.exec(stdout)?.[1]
    if (address === undefined || closed !== undefined) return
    const socket = await openRaw(`ws://${address}/sync/contact/a?token=${token}`)
    closed = socket.closed
    await socket.next('step1')
    child.kill('SIGTERM')
  })
  expect(ended).toMatchObject({ code: 0, stderr: '' })
  expect(ended.stdout).toMatch(/^Rapport is listening on http:\/\/127\.0\.0\.1:\d+\n$/)
  await expect(closed).resolves.toMatchObject({ code: 1012 })
})

test('P1: an acknowledged edit is there after SIGKILL', async () => {
  const folder = await newFolder()
  const url = `/sync/contact/durable?ack=echo&token=${await tokenFor(folder)}`
  const first = await startServer(MAIN, testEnvironment(folder))
  const socket = await openRaw(`ws://${first.address}${url}`)
  await socket.join()
  const doc = new Y.Doc()
  doc.getMap('fields').set('title', 'CTO')
  socket.send(encodeUpdate(Y.encodeStateAsUpdate(doc)))
  await socket.next('update')
  await first.kill()
  const second = await startServer(MAIN, testEnvironment(folder))
  const answer = await fetch(`http://${second.address}/v1/records/contact/durable`, {
    headers: { Authorization: `Bearer ${await tokenFor(folder)}` },
  })
  expect(await answer.json()).toMatchObject({ content: { fields: { title: 'CTO' } } })
  await second.stop()
})

test('a second process on the same data folder is refused with one sentence', async () => {
  const folder = await newFolder()
  const first = await startServer(MAIN, testEnvironment(folder))
  const second = await run(process.execPath, MAIN, testEnvironment(folder))
  expect(second.code).toBe(1)
  expect(second.stdout).toBe('')
  expect(second.stderr.trim().split('\n')).toHaveLength(1)
  expect(second.stderr).toContain(String(first.pid))
  await first.stop()
})

test('a bad setting and a port that is taken end the start with one sentence', async () => {
  const folder = await newFolder()
  const bad = await run(process.execPath, MAIN, { ...testEnvironment(folder), RAPPORT_MAX_FRAME_BYTES: 'many' })
  expect(bad).toMatchObject({ code: 1, stdout: '' })
  expect(bad.stderr).toMatch(/^RAPPORT_MAX_FRAME_BYTES .*\.\n$/)
  const first = await startServer(MAIN, testEnvironment(folder))
  const [, port = ''] = first.address.split(':')
  const taken = await run(process.execPath, MAIN, { ...testEnvironment(await newFolder()), PORT: port })
  expect(taken).toMatchObject({ code: 1, stdout: '' })
  expect(taken.stderr).toMatch(/^Rapport cannot start: another program .*\.\n$/)
  await first.stop()
})

test('an address that is not here, or not anywhere, ends the start with one sentence that names HOST', async () => {
  for (const host of ['192.0.2.1', 'nowhere.invalid']) {
    const ended = await run(process.execPath, MAIN, { ...testEnvironment(await newFolder()), HOST: host })
    expect(ended).toMatchObject({ code: 1, stdout: '' })
    expect(ended.stderr).toMatch(/^Rapport cannot listen on HOST and PORT \((EADDRNOTAVAIL|ENOTFOUND|EAI_AGAIN)\)\.\n$/)
  }
})

test('SIGTERM to npm start leaves no orphan', async () => {
  const folder = await newFolder()
  let address: string | undefined
  const ended = await run('npm', ['start', '--silent'], testEnvironment(folder), (stdout, child) => {
    if (address !== undefined) return
    address = /listening on http:\/\/(\S+)/.exec(stdout)?.[1]
    if (address !== undefined) child.kill('SIGTERM')
  })
  expect(ended.stdout).toContain('listening on')
  await until(async () => {
    try {
      await fetch(`http://${address}/healthz`)
      return false
    } catch {
      return true
    }
  }, 'nobody listens any more')
  // The folder's lock is free again: whoever held it is gone.
  const next = await startServer(MAIN, testEnvironment(folder))
  await next.stop()
})
