/** Answers that nobody reads, on a real server, with limits small enough to be reached. */
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { type Clock, systemClock } from '@rapport/shared/clock.ts'
import { toSyncError } from '@rapport/shared/errors.ts'
import { Hono } from 'hono'
import { afterEach, expect, test } from 'vitest'
import { boundAnswers } from '../../../server/http/answers.ts'
import type { Authenticated } from '../../../server/http/record-target.ts'
import { until } from '../../support/stock-client.ts'
import { createFakeClock } from '../gateway/fake-clock.ts'
import { principal } from './opened-app.ts'

/** More than the kernel takes off our hands for a reader that reads nothing. */
const LARGE = 24 * 1024 * 1024

let server: Server | undefined
const sockets: Socket[] = []
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
  server?.close()
  server?.closeAllConnections()
})

/** Answers `/BYTES` with so many bytes; who asks is said in a header. */
async function serve(limits: { ofAll?: number; ofOne?: number; patience?: number }, clock: Clock = systemClock) {
  const limitsHit: string[] = []
  const made: string[] = []
  const app = new Hono<Authenticated>()
  app.use(async (context, next) => {
    context.set('principal', { ...principal(['rep']), sub: context.req.header('x-sub') ?? 'ann' })
    await next()
  })
  app.onError((error, context) => context.text(toSyncError(error).code, 503))
  const needs = { clock, limitHit: (limit: string) => void limitsHit.push(limit) }
  app.use(boundAnswers(needs, { ofAll: 1e9, ofOne: 1e9, patience: 60_000, ...limits }))
  app.get('/:bytes', (context) => {
    const sub = context.req.header('x-sub') ?? 'ann'
    made.push(sub)
    return context.text('x'.repeat(Number(context.req.param('bytes'))), 200, { ETag: '"1"' })
  })
  server = createServer(getRequestListener(app.fetch, { overrideGlobalObjects: false }))
  const listening = server
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
  const { port } = listening.address() as AddressInfo
  const ask = async (sub: string, bytes = 10) => {
    const answer = await fetch(`http://127.0.0.1:${port}/${bytes}`, { headers: { 'x-sub': sub } })
    return { status: answer.status, etag: answer.headers.get('etag'), length: (await answer.text()).length }
  }
  /** Asks, `times` over on one connection, and reads nothing. */
  const neverRead = async (sub: string, bytes = LARGE, times = 1): Promise<Socket> => {
    const before = made.length
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.pause()
    sockets.push(socket)
    socket.write(`GET /${bytes} HTTP/1.1\r\nHost: x\r\nx-sub: ${sub}\r\n\r\n`.repeat(times))
    await until(() => made.length === before + times, 'it is answered')
    // The answer reaches the connection in a later turn.
    await ask('somebody else')
    return socket
  }
  return { ask, neverRead, limitsHit, made }
}

const refused = { status: 503, etag: null, length: 'overload'.length }
const whole = (length: number) => ({ status: 200, etag: '"1"', length })

test('P10: whoever reads nothing of what it asked for gets no more, and keeps nobody else out', async () => {
  const { ask, neverRead, limitsHit, made } = await serve({ ofOne: LARGE + 1 })
  await neverRead('ann')
  expect(await ask('ann')).toEqual(whole(10))
  const socket = await neverRead('ann')
  expect([await ask('ann'), await ask('bob', LARGE)]).toEqual([refused, whole(LARGE)])
  expect(limitsHit).toEqual(['answers'])
  // What cannot be answered is not done.
  expect(made.filter((sub) => sub === 'ann')).toHaveLength(3)
  socket.destroy()
  await until(async () => (await ask('ann')).status === 200, 'its share is free again')
})

test('P10: for all together there is a limit, too, and whoever takes too long makes room for others', async () => {
  const clock = createFakeClock()
  const { ask, neverRead, limitsHit } = await serve({ ofAll: LARGE + 1, patience: 60_000 }, clock)
  const first = await neverRead('ann')
  clock.pass(59_000)
  const second = await neverRead('bob')
  expect([await ask('carol'), limitsHit.at(-1)]).toEqual([refused, 'answers'])
  clock.pass(1_000)
  expect(await ask('carol')).toEqual(whole(10))
  const closed: string[] = []
  first.on('close', () => closed.push('first')).resume()
  second.on('close', () => closed.push('second')).resume()
  await until(() => closed.includes('first') && second.bytesRead > LARGE, 'one is cut off, the other has all')
  expect([closed, first.bytesRead < LARGE]).toEqual([['first'], true])
})

test('P10: answers in line on one connection count, and are forgotten with it', async () => {
  const { ask, neverRead } = await serve({ ofOne: 3 * LARGE })
  const socket = await neverRead('ann', LARGE, 3)
  expect(await ask('ann')).toEqual(refused)
  socket.destroy()
  await until(async () => (await ask('ann')).status === 200, 'its share is free again')
})

test('P10: a connection whose reader takes nothing is cut off; a reader that is merely slow is not', async () => {
  const { ask, neverRead } = await serve({ ofOne: 2 * LARGE, patience: 400 })
  const stuck = await neverRead('ann')
  const slow = await neverRead('ann')
  let read = 0
  let slowClosed = false
  slow.on('close', () => {
    slowClosed = true
  })
  slow.on('data', (chunk: Buffer) => {
    read += chunk.length
    slow.pause()
    setTimeout(() => slow.resume(), 5)
  })
  slow.resume()
  let stuckClosed = false
  stuck.on('close', () => {
    stuckClosed = true
  })
  await until(() => read > LARGE, 'the slow one has all')
  expect(slowClosed).toBe(false)
  stuck.resume()
  await until(() => stuckClosed, 'the stuck one is cut off')
  expect(stuck.bytesRead).toBeLessThan(LARGE)
  expect(await ask('ann')).toEqual(whole(10))
})
