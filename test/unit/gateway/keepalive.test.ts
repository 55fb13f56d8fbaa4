import { expect, test } from 'vitest'
import { createKeepalive, type Pulse } from '../../../server/gateway/keepalive.ts'
import { createFakeClock } from './fake-clock.ts'

function setUp() {
  const clock = createFakeClock()
  const keepalive = createKeepalive(clock)
  const events: [string, number][] = []
  const state = { bytesRead: 0, unread: false, lagging: false, waiting: 0, sentAt: 0, progressAt: 0 }
  const pulse: Pulse = {
    bytesRead: () => state.bytesRead,
    unread: () => state.unread,
    lagging: () => state.lagging,
    queue: {
      push() {
        state.sentAt = clock.elapsed()
        events.push(['message', clock.elapsed()])
      },
      pushControl: () => events.push(['ping', clock.elapsed()]),
      bytes: () => state.waiting,
      sentAt: () => state.sentAt,
      progressAt: () => state.progressAt,
    },
    dead() {
      events.push(['dead', clock.elapsed()])
      keepalive.remove(pulse)
    },
    stuck() {
      events.push(['stuck', clock.elapsed()])
      keepalive.remove(pulse)
    },
  }
  keepalive.add(pulse)
  const times = (kind: string) => events.filter(([name]) => name === kind).map(([, at]) => at)
  return { clock, state, times, keepalive, pulse }
}

test('SPEC 16: a socket hears a message at least every 20 s', () => {
  const { clock, state, times } = setUp()
  for (let second = 0; second < 3_600; second++) {
    state.bytesRead++
    clock.pass(1_000)
  }
  const at = [0, ...times('message')]
  expect(Math.max(...at.slice(1).map((time, index) => time - (at[index] ?? 0)))).toBeLessThanOrEqual(18_000)
  expect(times('dead')).toEqual([])
})

test('a peer that is silent is pinged, and given up after about 75 s', () => {
  const { clock, times } = setUp()
  clock.pass(120_000)
  expect(times('ping').length).toBeGreaterThanOrEqual(2)
  expect(times('dead')[0]).toBeGreaterThan(75_000)
  expect(times('dead')[0]).toBeLessThan(80_000)
})

test('a peer that answers lives', () => {
  const { clock, state, times } = setUp()
  for (let round = 0; round < 100; round++) {
    clock.pass(60_000)
    state.bytesRead++
  }
  expect(times('dead')).toEqual([])
})

test('a peer that we do not read, or that lags, is not taken for dead so soon', () => {
  const unread = setUp()
  unread.state.unread = true
  unread.clock.pass(600_000)
  expect(unread.times('dead')).toEqual([])
  const lagging = setUp()
  lagging.state.lagging = true
  lagging.clock.pass(290_000)
  expect(lagging.times('dead')).toEqual([])
  expect(lagging.times('message')).toEqual([])
  lagging.clock.pass(20_000)
  expect(lagging.times('dead')).toHaveLength(1)
})

test('P10: a reader that takes nothing for 5 minutes is closed, one that takes a little is not', () => {
  const { clock, state, times } = setUp()
  state.waiting = 1_000
  state.unread = true
  for (let round = 0; round < 10; round++) {
    clock.pass(200_000)
    state.progressAt = clock.elapsed()
  }
  expect(times('stuck')).toEqual([])
  clock.pass(310_000)
  expect(times('stuck')).toHaveLength(1)
})

test('with no sockets there is no timer', () => {
  const { clock, keepalive, pulse, times } = setUp()
  keepalive.remove(pulse)
  clock.pass(100_000)
  expect(times('message')).toEqual([])
  keepalive.add(pulse)
  clock.pass(20_000)
  expect(times('message')).not.toEqual([])
})
