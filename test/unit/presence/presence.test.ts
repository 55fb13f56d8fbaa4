import { SyncError } from '@rapport/shared/errors.ts'
import { type AwarenessEntry, decodeAwareness, encodeAwareness } from '@rapport/shared/protocol/awareness.ts'
import { expect, test } from 'vitest'
import { createPresence, type Presence } from '../../../server/document/presence.ts'
import type { Subscriber } from '../../../server/document/subscriber.ts'
import { createFakeClock } from '../gateway/fake-clock.ts'

interface Heard extends Subscriber {
  /** Payloads in order, decoded. */
  readonly heard: AwarenessEntry[][]
}

function subscriber(sub: string): Heard {
  const heard: AwarenessEntry[][] = []
  const unused = (): never => {
    throw new Error('presence says nothing else')
  }
  return {
    heard,
    principal: { sub } as never,
    echo: false,
    presence: (payload) => heard.push(decodeAwareness(payload)),
    update: unused,
    repeat: unused,
    ask: unused,
    settled: unused,
    end: unused,
  }
}

function setUp() {
  const clock = createFakeClock()
  let limited = 0
  const presence = createPresence(clock, () => {
    limited += 1
  })
  const [ann, bob] = [subscriber('ann'), subscriber('bob')]
  for (const one of [ann, bob]) presence.greet(one)
  return { clock, presence, ann, bob, limited: () => limited }
}

const say = (presence: Presence, from: Heard, ...entries: [client: number, clock: number, state: string][]) =>
  presence.receive(from, encodeAwareness(entries.map(([client, clock, state]) => ({ client, clock, state }))))
const entry = (client: number, clock: number, state: string): AwarenessEntry => ({ client, clock, state })

test('SPEC 12: the changes of a window leave as one payload, in their newest form', () => {
  const { clock, presence, ann, bob } = setUp()
  const carol = subscriber('carol')
  presence.greet(carol)
  say(presence, ann, [1, 1, '{"a":1}'])
  say(presence, ann, [1, 2, '{"a":2}'])
  say(presence, bob, [2, 1, '{"b":1}'])
  expect(carol.heard).toEqual([])
  clock.pass(30)
  expect(carol.heard).toEqual([[entry(1, 2, '{"a":2}'), entry(2, 1, '{"b":1}')]])
})

test('a change is not echoed to the one who made it', () => {
  const { clock, presence, ann, bob } = setUp()
  say(presence, ann, [1, 1, '{}'])
  clock.pass(30)
  expect([ann.heard.length, bob.heard.length]).toEqual([0, 1])
})

test('SPEC 12: nobody speaks for a client of somebody else, and stock repeats of others are ignored', () => {
  const { clock, presence, ann, bob } = setUp()
  say(presence, ann, [1, 1, '{"a":1}'])
  clock.pass(30)
  say(presence, bob, [1, 9, '{"forged":true}'])
  say(presence, bob, [1, 9, 'null'])
  say(presence, bob, [1, 9, 'null'], [2, 1, '{"b":1}'])
  clock.pass(30)
  expect(ann.heard).toEqual([])
  say(presence, bob, [2, 1, '{"b":1}'])
  say(presence, bob, [1, 9, '{"forged":true}'], [2, 2, '{"b":2}'])
  say(presence, bob, [3, 1, '{"second id":true}'])
  clock.pass(30)
  expect(ann.heard).toEqual([[entry(2, 2, '{"b":2}')]])
})

test('an id passes to a new connection of the same person, and the end of the old one changes nothing', () => {
  const { clock, presence, ann, bob } = setUp()
  say(presence, ann, [1, 5, '{"a":5}'])
  const again = subscriber('ann')
  presence.greet(again)
  say(presence, again, [1, 5, '{"a":5}'])
  clock.pass(30)
  presence.leave(ann)
  clock.pass(30)
  say(presence, again, [1, 6, '{"a":6}'])
  clock.pass(30)
  expect(bob.heard).toEqual([[entry(1, 5, '{"a":5}')], [entry(1, 6, '{"a":6}')]])
})

test('old news is ignored; a null of the same clock is not, as in y-protocols', () => {
  const { clock, presence, ann, bob } = setUp()
  say(presence, ann, [1, 5, '{"a":5}'])
  say(presence, ann, [1, 4, '{"a":4}'])
  clock.pass(30)
  say(presence, ann, [1, 5, 'null'])
  clock.pass(30)
  expect(bob.heard).toEqual([[entry(1, 5, '{"a":5}')], [entry(1, 5, 'null')]])
})

test('whoever leaves is reported gone with a clock that everybody takes, and told to announce itself anew when it returns', () => {
  const { clock, presence, ann, bob } = setUp()
  say(presence, ann, [1, 5, '{"a":5}'])
  clock.pass(30)
  presence.leave(ann)
  clock.pass(30)
  expect(bob.heard.at(-1)).toEqual([entry(1, 6, 'null')])
  const again = subscriber('ann')
  presence.greet(again)
  say(presence, again, [1, 5, '{"a":5}'])
  clock.pass(30)
  expect(again.heard).toEqual([[entry(1, 6, 'null')]])
  expect(bob.heard).toHaveLength(2)
  say(presence, again, [1, 7, '{"a":5}'])
  clock.pass(30)
  expect(bob.heard.at(-1)).toEqual([entry(1, 7, '{"a":5}')])
})

test('a late comer is told of everybody who is there, and of nobody who left', () => {
  const { clock, presence, ann, bob } = setUp()
  say(presence, ann, [1, 1, '{"a":1}'])
  say(presence, bob, [2, 1, '{"b":1}'])
  presence.leave(bob)
  clock.pass(30)
  const carol = subscriber('carol')
  presence.greet(carol)
  expect(carol.heard).toEqual([[entry(1, 1, '{"a":1}')]])
})

test('P10: text that would throw in a stock client, or that is too large, is not relayed', () => {
  const { clock, presence, ann, bob } = setUp()
  const deep = `{"a":${'['.repeat(40)}${']'.repeat(40)}}`
  for (const state of ['{', 'undefined', '[]', '1', '"text"', deep, JSON.stringify({ a: 'x'.repeat(17_000) })]) {
    say(presence, ann, [1, 1, state])
  }
  clock.pass(30)
  expect(bob.heard).toEqual([])
  say(presence, ann, [1, 1, '{"a":[[[1]]]}'])
  clock.pass(30)
  expect(bob.heard).toHaveLength(1)
})

test('P10: all states of a room together are bounded', () => {
  const { limited, clock, presence } = setUp()
  const state = JSON.stringify({ a: 'x'.repeat(16_000) })
  const many = Array.from({ length: 200 }, (_, index) => subscriber(`rep${index}`))
  for (const [index, one] of many.entries()) {
    presence.greet(one)
    say(presence, one, [index + 10, 1, state])
  }
  clock.pass(30)
  const late = subscriber('late')
  presence.greet(late)
  expect(late.heard[0]?.length).toBeGreaterThan(60)
  expect(late.heard[0]?.length).toBeLessThan(66)
  for (const one of many) presence.leave(one)
  clock.pass(30)
  say(presence, late, [1, 1, state])
  const later = subscriber('later')
  presence.greet(later)
  expect(later.heard).toEqual([[entry(1, 1, state)]])
  expect(limited()).toBeGreaterThan(0)
})

test('SPEC 9: undecodable presence throws, for the session to end', () => {
  const { presence, ann } = setUp()
  expect(() => presence.receive(ann, Uint8Array.of(3, 1))).toThrow(SyncError)
})

test('with the last one, everything is forgotten and no timer is left', () => {
  const { clock, presence, ann, bob } = setUp()
  say(presence, ann, [1, 1, '{}'])
  presence.leave(ann)
  presence.leave(bob)
  presence.leave(bob)
  clock.pass(1_000)
  expect([ann.heard, bob.heard]).toEqual([[], []])
})
