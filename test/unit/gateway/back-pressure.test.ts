import type { SyncError } from '@rapport/shared/errors.ts'
import { decodeMessage, type Message } from '@rapport/shared/protocol/y-websocket.ts'
import { expect, test } from 'vitest'
import type { Answer } from '../../../server/document/handle.ts'
import { createOutlet } from '../../../server/gateway/back-pressure.ts'
import { createFakeClock } from './fake-clock.ts'

const LIMIT = 1_000

/** A queue that a test drains, and a room that answers when the test says so. */
function setUp() {
  const frames: Buffer[] = []
  const reads: { vector: Uint8Array; answer: (diff: Answer<Uint8Array>) => void }[] = []
  const failures: SyncError[] = []
  let bytes = 0
  let greeted = 0
  let lagged = 0
  let presenceSize = 1
  const clock = createFakeClock()
  const outlet = createOutlet({
    clock,
    room: { read: (vector, answer) => void reads.push({ vector, answer }) },
    queue: {
      push(frame) {
        frames.push(frame)
        bytes += frame.length
      },
      bytes: () => bytes,
    },
    limit: LIMIT,
    greet: () => {
      greeted++
      outlet.presence(new Uint8Array(presenceSize))
    },
    onLag: () => lagged++,
    fail: (error) => failures.push(error),
  })
  let sequence = 0
  return {
    outlet,
    reads,
    failures,
    greeted: () => greeted,
    lagged: () => lagged,
    entry(size: number) {
      const at = ++sequence
      outlet.entry({ sequence: at as never, update: new Uint8Array(size).fill(at), stateVector: () => Uint8Array.of(1, at) })
    },
    /** Everybody's presence takes so many bytes. */
    crowd(size: number) {
      presenceSize = size
    },
    turn: clock.turn,
    /** The socket takes all that waits. */
    drain() {
      bytes = 0
      outlet.taken()
      clock.turn()
    },
    messages: (): Message[] => frames.map((frame) => decodeMessage(new Uint8Array(frame.subarray(frame.length < 128 ? 2 : 4)))),
  }
}

const value = (bytes: Uint8Array): Answer<Uint8Array> => ({ type: 'answer', value: bytes })

test('P10: a reader over the limit gets nothing more until it has caught up, then one diff from where it stood', () => {
  const { outlet, reads, entry, drain, messages, lagged } = setUp()
  entry(600)
  entry(600)
  for (let index = 0; index < 50; index++) entry(600)
  expect(messages()).toHaveLength(2)
  expect(lagged()).toBe(1)
  expect(outlet.lagging()).toBe(true)
  drain()
  expect(reads.map(({ vector }) => vector)).toEqual([Uint8Array.of(1, 2)])
  entry(10)
  expect(messages()).toHaveLength(2)
  reads[0]?.answer(value(Uint8Array.of(5, 5, 5)))
  entry(10)
  expect(messages().slice(2)).toEqual([
    { type: 'update', update: Uint8Array.of(5, 5, 5) },
    { type: 'update', update: new Uint8Array(10).fill(54) },
  ])
  expect(outlet.lagging()).toBe(false)
})

test('P10: a repeat that a lagging author missed is made up for by the whole record', () => {
  const { outlet, reads, entry, drain } = setUp()
  entry(1_200)
  outlet.repeat(() => expect.unreachable('encoded for nobody'))
  drain()
  expect(reads.map(({ vector }) => vector)).toEqual([Uint8Array.of(0)])
})

test('P10: a reader that is in step again is sent nothing empty', () => {
  const { reads, entry, drain, messages } = setUp()
  entry(1_200)
  drain()
  reads[0]?.answer(value(Uint8Array.of(0, 0)))
  expect(messages()).toHaveLength(1)
})

test('P10: of what a client asks while it does not read, the newest is answered, once', () => {
  const { outlet, reads, entry, drain, turn, messages } = setUp()
  entry(1_200)
  for (let index = 0; index < 100; index++) outlet.answer(Uint8Array.of(index))
  for (let index = 0; index < 100; index++) outlet.ask(Uint8Array.of(index))
  for (let index = 0; index < 100; index++) outlet.presence(Uint8Array.of(0))
  expect([reads.length, messages().length]).toEqual([0, 1])
  drain()
  reads[0]?.answer(value(Uint8Array.of(0, 0)))
  turn()
  expect(reads[1]?.vector).toEqual(Uint8Array.of(99))
  reads[1]?.answer(value(Uint8Array.of(7)))
  turn()
  expect(reads).toHaveLength(2)
  expect(messages().slice(1)).toEqual([
    { type: 'step1', stateVector: Uint8Array.of(99) },
    { type: 'awareness', payload: Uint8Array.of(0) },
    { type: 'step2', update: Uint8Array.of(7) },
  ])
})

test('P10: of all questions of a turn the newest is answered, and one question is open at a time', () => {
  const { outlet, reads, turn } = setUp()
  for (let index = 0; index < 100; index++) outlet.answer(Uint8Array.of(index))
  expect(reads).toHaveLength(0)
  turn()
  outlet.answer(Uint8Array.of(100))
  outlet.answer(Uint8Array.of(101))
  turn()
  expect(reads.map(({ vector }) => vector)).toEqual([Uint8Array.of(99)])
  reads[0]?.answer(value(Uint8Array.of(7)))
  expect(reads).toHaveLength(1)
  turn()
  expect(reads.map(({ vector }) => vector)).toEqual([Uint8Array.of(99), Uint8Array.of(101)])
})

test('P10: presence is sent once a turn at most, and not to a reader that is behind', () => {
  const { outlet, greeted, turn, drain, crowd } = setUp()
  for (let index = 0; index < 100; index++) outlet.greet()
  expect(greeted()).toBe(0)
  turn()
  expect(greeted()).toBe(1)
  crowd(1_200)
  outlet.greet()
  turn()
  for (let index = 0; index < 100; index++) {
    outlet.greet()
    turn()
  }
  expect(greeted()).toBe(2)
  drain()
  expect(greeted()).toBe(3)
})

test('P10: a reader that falls behind in the turn in which it asks is answered later', () => {
  const { outlet, reads, greeted, entry, turn, drain } = setUp()
  outlet.answer(Uint8Array.of(0))
  outlet.greet()
  entry(1_200)
  turn()
  expect([reads.length, greeted()]).toEqual([0, 0])
  drain()
  expect(reads).toHaveLength(1)
})

test('P10: a repeat is encoded for an author who reads', () => {
  const { outlet, messages } = setUp()
  outlet.repeat(() => Uint8Array.of(1, 2, 3))
  expect(messages()).toEqual([{ type: 'update', update: Uint8Array.of(1, 2, 3) }])
})

test('what a session owes ends with it', () => {
  const { outlet, reads, greeted, turn, messages, failures } = setUp()
  outlet.answer(Uint8Array.of(0))
  turn()
  outlet.greet()
  outlet.stop()
  outlet.answer(Uint8Array.of(1))
  reads[0]?.answer({ type: 'unavailable', error: { code: 'draining' } as SyncError })
  turn()
  expect([reads.length, greeted(), messages().length, failures.length]).toEqual([1, 0, 0, 0])
})

test('presence that was missed is sent anew', () => {
  const { outlet, reads, entry, drain, turn, greeted } = setUp()
  entry(1_200)
  outlet.presence(Uint8Array.of(0))
  drain()
  reads[0]?.answer(value(Uint8Array.of(0, 0)))
  turn()
  expect(greeted()).toBe(1)
})

test('a room that cannot answer ends the session', () => {
  const { outlet, reads, turn, failures } = setUp()
  outlet.answer(Uint8Array.of(0))
  turn()
  const error = { code: 'overload' } as SyncError
  reads[0]?.answer({ type: 'unavailable', error })
  expect(failures).toEqual([error])
})

test("P3: entries begin with the answer to the client's step 1, so that none leans on what the client lacks", () => {
  const { outlet, reads, entry, turn, messages } = setUp()
  outlet.opened(Uint8Array.of(1, 9))
  outlet.answer(Uint8Array.of(0))
  outlet.spoken()
  turn()
  expect([reads.length, messages().length]).toEqual([1, 0])
  reads[0]?.answer(value(Uint8Array.of(8, 8, 8)))
  entry(10)
  expect(messages().map(({ type }) => type)).toEqual(['step2', 'update'])
})

test('P1: an entry that went by before the answer may be an acknowledgement, which the answer leaves out: it is made up for', () => {
  const { outlet, reads, entry, turn, messages } = setUp()
  outlet.opened(Uint8Array.of(1, 9))
  outlet.answer(Uint8Array.of(0))
  turn()
  entry(10)
  reads[0]?.answer(value(Uint8Array.of(8, 8, 8)))
  entry(10)
  turn()
  expect(reads[1]?.vector).toEqual(Uint8Array.of(1, 9))
  reads[1]?.answer(value(Uint8Array.of(7, 7, 7)))
  entry(10)
  expect(messages()).toEqual([
    { type: 'step2', update: Uint8Array.of(8, 8, 8) },
    { type: 'update', update: Uint8Array.of(7, 7, 7) },
    { type: 'update', update: new Uint8Array(10).fill(3) },
  ])
})

test('P3: a client that writes without asking gets what came behind our own step 1', () => {
  const { outlet, reads, entry, turn, messages } = setUp()
  outlet.opened(Uint8Array.of(1, 9))
  entry(10)
  outlet.spoken()
  outlet.spoken()
  turn()
  expect(reads.map(({ vector }) => vector)).toEqual([Uint8Array.of(1, 9)])
  reads[0]?.answer(value(Uint8Array.of(8, 8, 8)))
  entry(10)
  expect(messages()).toEqual([
    { type: 'update', update: Uint8Array.of(8, 8, 8) },
    { type: 'update', update: new Uint8Array(10).fill(2) },
  ])
})
