/** Where events are not sent: a canary on this machine counts who gets through. */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { systemClock } from '@rapport/shared/clock.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createAddressGuard } from '../../server/feed/addresses.ts'
import { createGuardedPost, PostFailure, parseTarget } from '../../server/feed/guarded-post.ts'
import { openReceiver } from '../support/receiver.ts'

let canary: Server
let hits = 0
let port = 0
beforeEach(async () => {
  hits = 0
  canary = createServer((socket) => {
    hits += 1
    socket.destroy()
  })
  // All addresses of this machine, of both families.
  await new Promise<void>((resolve) => canary.listen(0, resolve))
  port = (canary.address() as AddressInfo).port
})
afterEach(() => new Promise<void>((resolve) => canary.close(() => resolve())))

const never = new AbortController().signal
const refused = createGuardedPost(systemClock, createAddressGuard([]))

describe('an address that is not public', () => {
  test.each([
    ...['127.0.0.1', '127.1', '2130706433', '0x7f.0.0.1', '0177.0.0.1', '0.0.0.0', '[::1]', '[::]', '[::ffff:127.0.0.1]'],
    ...['[::ffff:7f00:1]', '[64:ff9b::7f00:1]', '[::127.0.0.1]', 'localhost', '127.0.0.2'],
  ])('is not connected to as %s', async (host) => {
    await expect(refused(`http://${host}:${port}/`, {}, 'x', never)).rejects.toThrow(PostFailure)
    await expect(refused(`https://${host}:${port}/`, {}, 'x', never)).rejects.toThrow(PostFailure)
    expect(hits).toBe(0)
  })

  test('is not connected to where one of a name’s addresses is public, nor by a second look-up', async () => {
    const loopback = { address: '127.0.0.1', family: 4 }
    const mixed = createGuardedPost(systemClock, createAddressGuard([]), async () => [
      { address: '8.8.8.8', family: 4 },
      loopback,
    ])
    await expect(mixed(`http://mixed.example:${port}/`, {}, 'x', never)).rejects.toThrow('not a public one')

    // The first answer may be connected to, and leads to a receiver; any later one would lead to the canary.
    const receiver = await openReceiver('127.0.0.9')
    let lookups = 0
    const rebound = createGuardedPost(systemClock, createAddressGuard([{ address: '127.0.0.9', bits: 32 }]), async () => {
      lookups += 1
      return lookups === 1 ? [{ address: '127.0.0.9', family: 4 }] : [loopback]
    })
    expect(await rebound(`http://rebound.example:${receiver.port}/`, {}, 'x', never)).toMatchObject({ status: 200 })
    expect([lookups, receiver.received.length, receiver.received[0]?.headers.host]).toEqual([
      1,
      1,
      `rebound.example:${receiver.port}`,
    ])
    await expect(rebound(`http://rebound.example:${port}/`, {}, 'x', never)).rejects.toThrow('not a public one')
    expect(hits).toBe(0)
    await receiver.close()
  })

  test('the canary sings where it is allowed', async () => {
    const allowed = createGuardedPost(systemClock, createAddressGuard([{ address: '127.0.0.1', bits: 32 }]))
    await expect(allowed(`http://127.0.0.1:${port}/`, {}, 'x', never)).rejects.toThrow(PostFailure)
    expect(hits).toBe(1)
  })
})

test.each([
  'ftp://example.org/',
  'file:///etc/passwd',
  'http://u:p@example.org/',
  'example.org',
  '',
  'http://example.org/#a',
  'http://[',
])('not a target: %s', (text) => expect(parseTarget(text)).toBe(undefined))

test('whoever ends a request ends it, and one that is answered by nothing ends by itself', async () => {
  const taken: Socket[] = []
  const silentServer = createServer((socket) => taken.push(socket))
  await new Promise<void>((resolve) => silentServer.listen(0, '127.0.0.1', resolve))
  const { port: silentPort } = silentServer.address() as AddressInfo
  const guard = createAddressGuard([{ address: '127.0.0.1', bits: 32 }])
  const ending = new AbortController()
  const cut = createGuardedPost(systemClock, guard)(`http://127.0.0.1:${silentPort}/`, {}, 'x', ending.signal)
  setTimeout(() => ending.abort(), 50)
  await expect(cut).rejects.toThrow('ended')
  const hasty = { ...systemClock, after: (_milliseconds: number, run: () => void) => systemClock.after(50, run) }
  await expect(createGuardedPost(hasty, guard)(`http://127.0.0.1:${silentPort}/`, {}, 'x', never)).rejects.toThrow(
    'no answer in time',
  )
  expect(taken).toHaveLength(2)
  for (const socket of taken) socket.destroy()
  await new Promise((resolve) => silentServer.close(resolve))
})
