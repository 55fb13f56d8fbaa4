import { SyncError } from '@rapport/shared/errors.ts'
import { type AwarenessEntry, decodeAwareness, encodeAwareness, MAX_ENTRIES } from '@rapport/shared/protocol/awareness.ts'
import { expect, test } from 'vitest'
import { createPresence, type Presence } from '../../../server/document/presence.ts'
import type { Subscriber } from '../../../server/document/subscriber.ts'
import { createFakeClock } from '../gateway/fake-clock.ts'

interface Heard extends Subscriber {
  /** Payloads in order, decoded, and as they came. */
  readonly heard: AwarenessEntry[][]
  readonly payloads: Uint8Array[]
}

function subscriber(sub: string): Heard {
  const heard: AwarenessEntry[][] = []
  const payloads: Uint8Array[] = []
  const unused = (): never => {
    throw new Error('presence says nothing else')
  }
  return {
    heard,
    payloads,
    principal: { sub } as never,
    echo: false,
    presence(payload) {
      payloads.push(payload)
      heard.push(decodeAwareness(payload))
    },
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

test('P10: however late an id is announced, everybody takes the report that it is gone, and can send it on', () => {
  const { clock, presence, ann, bob } = setUp()
  for (const out of [2 ** 31, 2 ** 32 - 1, 2 ** 53 - 1]) say(presence, ann, [1, out, '{"a":1}'])
  say(presence, ann, [2 ** 32, 1, '{"a":1}'])
  clock.pass(30)
  expect(bob.heard).toEqual([])
  // None of these has settled whom Ann speaks for.
  say(presence, ann, [2, 2 ** 31 - 1, '{"a":2}'])
  say(presence, ann, [2, 2 ** 31, '{"a":3}'])
  clock.pass(30)
  presence.leave(ann)
  clock.pass(30)
  expect(bob.heard).toEqual([[entry(2, 2 ** 31 - 1, '{"a":2}')], [entry(2, 2 ** 31, 'null')]])
  for (const payload of bob.payloads) presence.receive(bob, payload)
})

test('SPEC 12: for a minute after it left, nobody else can take a client’s id, not even once the room was empty', () => {
  const { clock, presence, ann, bob } = setUp()
  say(presence, ann, [1, 5, '{"a":5}'])
  presence.leave(ann)
  presence.leave(bob)
  clock.pass(59_000)
  const [again, eve] = [subscriber('ann'), subscriber('eve')]
  for (const one of [again, eve]) presence.greet(one)
  say(presence, eve, [1, 2_000_000_000, '{"forged":true}'])
  say(presence, again, [1, 7, '{"a":7}'])
  clock.pass(30)
  expect(eve.heard).toEqual([[entry(1, 7, '{"a":7}')]])
  presence.leave(again)
  clock.pass(60_000)
  say(presence, eve, [1, 9, '{"taken over":true}'])
  const late = subscriber('late')
  presence.greet(late)
  expect(late.heard).toEqual([[entry(1, 9, '{"taken over":true}')]])
})

test('P10: who comes and goes with ever new ids takes nobody’s reservation away', () => {
  const { clock, presence, ann, bob } = setUp()
  say(presence, ann, [1, 5, '{"a":5}'])
  presence.leave(ann)
  for (let client = 10; client < 1_000; client++) {
    const eve = subscriber('eve')
    say(presence, eve, [client, 1, '{}'])
    presence.leave(eve)
  }
  say(presence, subscriber('eve'), [1, 9, '{"forged":true}'])
  clock.pass(30)
  expect(bob.heard.flat().filter(({ client }) => client === 1)).toEqual([entry(1, 6, 'null')])
})

test('P10: a message is answered once, whatever it repeats', () => {
  const { clock, presence, ann, bob } = setUp()
  say(presence, ann, [1, 5, '{"a":5}'])
  presence.leave(ann)
  clock.pass(30)
  const again = subscriber('ann')
  say(presence, again, [1, 5, '{"a":5}'])
  say(presence, again, ...Array.from({ length: MAX_ENTRIES }, (): [number, number, string] => [1, 5, '{"a":5}']))
  expect(again.heard).toEqual([[entry(1, 6, 'null')], [entry(1, 6, 'null')]])
  expect(bob.heard).toHaveLength(1)
})

test('P10: everybody who asks while nothing changes gets the same bytes', () => {
  const { clock, presence, ann, bob } = setUp()
  say(presence, ann, [1, 1, '{"a":1}'])
  clock.pass(30)
  const [carol, dave] = [subscriber('carol'), subscriber('dave')]
  for (const one of [carol, dave, carol]) presence.greet(one)
  expect(carol.payloads[0]).toBe(dave.payloads[0])
  expect(carol.payloads[1]).toBe(dave.payloads[0])
  say(presence, bob, [2, 1, '{"b":1}'])
  presence.greet(carol)
  presence.leave(bob)
  presence.greet(carol)
  expect(carol.heard.slice(2)).toEqual([[entry(1, 1, '{"a":1}'), entry(2, 1, '{"b":1}')], [entry(1, 1, '{"a":1}')]])
})

test('P10: nothing that is sent has more entries than one message may have', () => {
  const { limited, clock, presence } = setUp()
  const deaf = (sub: string): Heard => ({ ...subscriber(sub), presence: () => undefined })
  const many = Array.from({ length: MAX_ENTRIES + 10 }, (_, index) => deaf(`rep${index}`))
  for (const [index, one] of many.entries()) say(presence, one, [index + 10, 1, '{}'])
  const late = subscriber('late')
  presence.greet(late)
  for (const one of many.slice(0, 400)) presence.leave(one)
  for (const [index, one] of many.slice(-400).entries()) say(presence, one, [index + 5_000, 1, '{}'])
  clock.pass(30)
  for (const { length } of late.heard) expect(length).toBeLessThanOrEqual(MAX_ENTRIES)
  expect(late.heard[0]?.length).toBeGreaterThan(1_000)
  expect(limited()).toBeGreaterThan(0)
})

test('P10: a state counts with the length in which stock clients send it on', () => {
  const { limited, clock, presence, ann, bob } = setUp()
  say(presence, ann, [1, 1, `{"a":[${Array.from({ length: 1_000 }, () => '1e20').join()}]}`])
  clock.pass(30)
  expect([bob.heard.length, limited()]).toEqual([0, 1])
  say(presence, ann, [1, 1, '{ "a": [1e20] }'])
  clock.pass(30)
  expect(bob.heard).toEqual([[entry(1, 1, '{"a":[100000000000000000000]}')]])
})

test('a connection whose first state was not fit neither replaces nor ends that of whoever was faster', () => {
  const { clock, presence, ann, bob } = setUp()
  say(presence, ann, [1, 1, '[]'])
  say(presence, bob, [1, 1, '{"b":1}'])
  say(presence, ann, [1, 9, '{"a":9}'])
  presence.leave(ann)
  const late = subscriber('late')
  presence.greet(late)
  clock.pass(30)
  expect(late.heard[0]).toEqual([entry(1, 1, '{"b":1}')])
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
