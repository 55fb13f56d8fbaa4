import { expect, test } from 'vitest'
import { createInflow } from '../../../server/gateway/rate.ts'
import { createFakeClock } from './fake-clock.ts'

function setUp(messagesPerSecond: number, bytesPerSecond: number) {
  const clock = createFakeClock()
  const events: string[] = []
  const limits: string[] = []
  const inflow = createInflow({
    clock,
    messagesPerSecond,
    bytesPerSecond,
    socket: { pause: () => events.push(`pause ${clock.elapsed()}`), resume: () => events.push(`resume ${clock.elapsed()}`) },
    onLimit: (limit) => limits.push(limit),
  })
  return { clock, events, limits, inflow }
}

test('P10: over its rate a socket is left unread until it is out of debt', () => {
  const { clock, events, limits, inflow } = setUp(10, 0)
  for (let index = 0; index < 25; index++) inflow.received(1)
  expect(events).toEqual(['pause 0'])
  clock.pass(5_000)
  // 21 is one over the burst of 20; the four behind it came anyway and cost their time too.
  expect(events).toEqual(['pause 0', 'resume 500'])
  expect(limits).toEqual(['rate'])
})

test('P10: bytes have a rate of their own', () => {
  const { clock, events, inflow } = setUp(0, 1_000)
  inflow.received(5_000)
  clock.pass(10_000)
  expect(events).toEqual(['pause 0', 'resume 3000'])
})

test('P10: with no limits set nothing is ever held for its rate', () => {
  const { events, inflow } = setUp(0, 0)
  for (let index = 0; index < 100_000; index++) inflow.received(1_000_000)
  expect(events).toEqual([])
})

test('P10: too much that is not settled holds the socket, by count and by bytes', () => {
  const { events, inflow } = setUp(0, 0)
  for (let index = 0; index < 1_001; index++) inflow.submitted(1)
  expect(events).toEqual(['pause 0'])
  inflow.settled(400, 400)
  expect(events).toHaveLength(1)
  inflow.settled(601, 601)
  expect(events).toEqual(['pause 0', 'resume 0'])
  inflow.submitted(2_000_000)
  inflow.settled(1, 2_000_000)
  expect(events).toHaveLength(4)
})

test('a socket is read again only when no reason is left', () => {
  const { clock, events, inflow } = setUp(10, 0)
  inflow.hold('loading')
  for (let index = 0; index < 30; index++) inflow.received(1)
  clock.pass(5_000)
  expect([events, inflow.held()]).toEqual([['pause 0'], true])
  inflow.release('loading')
  expect([events, inflow.held()]).toEqual([['pause 0', 'resume 5000'], false])
})
