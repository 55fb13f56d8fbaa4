import { Writable } from 'node:stream'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { frameEntry, frameMessage, framePing } from '../../../server/gateway/frame.ts'
import { createSendQueue, createSendTurn } from '../../../server/gateway/send-queue.ts'
import { createFakeClock } from './fake-clock.ts'

/** A socket that takes each write when the test says so. */
function setUp() {
  const clock = createFakeClock()
  const turn = createSendTurn(clock)
  const writes: Buffer[] = []
  const pending: (() => void)[] = []
  let taken = 0
  const socket = new Writable({
    highWaterMark: 1e9,
    write(chunk: Buffer, _encoding, done) {
      writes.push(chunk)
      pending.push(done)
    },
  })
  const queue = createSendQueue(socket as never, turn, clock, () => taken++)
  const take = async () => {
    pending.shift()?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { clock, turn, writes, queue, take, taken: () => taken, socket }
}

test('P10: all frames of a turn leave with one write', async () => {
  const { clock, queue, writes, turn, take } = setUp()
  const frames = [1, 2, 3].map((value) => frameMessage(Uint8Array.of(value)))
  for (const frame of frames) queue.push(frame)
  expect(writes).toHaveLength(0)
  clock.turn()
  expect(writes).toEqual([Buffer.concat(frames)])
  expect(queue.bytes()).toBe(9)
  await take()
  expect([queue.bytes(), turn.bytes]).toEqual([0, 0])
})

test('P10: what a slow socket has not taken is counted, and goes out in slices, in order', async () => {
  const { clock, queue, writes, turn, take, taken } = setUp()
  const big = frameMessage(new Uint8Array(600_000).fill(7))
  const small = frameMessage(Uint8Array.of(9))
  queue.push(big)
  queue.push(small)
  clock.turn()
  queue.push(small)
  expect(writes.map(({ length }) => length)).toEqual([262_144])
  expect(turn.bytes).toBe(big.length + 2 * small.length)
  clock.pass(1_000)
  await take()
  expect(queue.progressAt()).toBe(1_000)
  await take()
  await take()
  expect(Buffer.concat(writes)).toEqual(Buffer.concat([big, small, small]))
  expect([queue.bytes(), turn.bytes, taken()]).toEqual([0, 0, 3])
})

test('P10: what the socket has taken is let go of, also while the queue is never empty', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const { clock, queue, take } = setUp()
  const frames: WeakRef<Buffer>[] = []
  const push = () => {
    const frame = frameMessage(new Uint8Array(100_000))
    frames.push(new WeakRef(frame))
    queue.push(frame)
  }
  for (let index = 0; index < 5; index++) push()
  clock.turn()
  for (let index = 0; index < 20; index++) {
    await take()
    for (let more = 0; more < 3; more++) push()
  }
  expect(queue.bytes()).toBeGreaterThan(262_144)
  collect()
  const left = frames.filter((frame) => frame.deref() !== undefined).length
  expect(left * 100_000).toBeLessThan(queue.bytes() + 262_144)
})

test('a finish hands over the rest at once, so that a close frame follows a whole frame', async () => {
  const { clock, queue, writes, take, turn, socket } = setUp()
  const big = frameMessage(new Uint8Array(600_000).fill(7))
  queue.push(big)
  clock.turn()
  queue.finish()
  queue.push(big)
  socket.write(Buffer.from('close'))
  for (let index = 0; index < 3; index++) await take()
  expect(Buffer.concat(writes)).toEqual(Buffer.concat([big, Buffer.from('close')]))
  expect([queue.bytes(), turn.bytes]).toEqual([0, 0])
})

test('what is left in the queue of a lost socket is no longer counted', () => {
  const { clock, queue, turn } = setUp()
  queue.push(frameMessage(new Uint8Array(600_000)))
  clock.turn()
  queue.discard()
  expect([queue.bytes(), turn.bytes]).toEqual([0, 0])
})

test('only messages count as sent, pings do not', () => {
  const { clock, queue } = setUp()
  clock.pass(5_000)
  queue.pushControl(framePing())
  clock.turn()
  expect(queue.sentAt()).toBe(0)
})

test('frames are those of RFC 6455, 5.2, at each of its three lengths', () => {
  expect(frameMessage(new Uint8Array(125)).subarray(0, 2)).toEqual(Buffer.from([0x82, 125]))
  expect(frameMessage(new Uint8Array(126)).subarray(0, 4)).toEqual(Buffer.from([0x82, 126, 0, 126]))
  expect(frameMessage(new Uint8Array(65_535)).subarray(0, 4)).toEqual(Buffer.from([0x82, 126, 255, 255]))
  expect(frameMessage(new Uint8Array(65_536)).subarray(0, 10)).toEqual(Buffer.from([0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]))
})

test('an entry is framed once for all sockets', () => {
  const entry = { sequence: 1 as never, update: Uint8Array.of(0, 0), stateVector: () => Uint8Array.of(0) }
  expect(frameEntry(entry)).toBe(frameEntry(entry))
})
