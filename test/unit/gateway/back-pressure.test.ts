import type { SyncError } from '@rapport/shared/errors.ts'
import { decodeMessage, type Message } from '@rapport/shared/protocol/y-websocket.ts'
import { expect, test } from 'vitest'
import type { Answer } from '../../../server/document/handle.ts'
import { createOutlet } from '../../../server/gateway/back-pressure.ts'

const LIMIT = 1_000

/** A queue that a test drains, and a room that answers when the test says so. */
function setUp() {
  const frames: Buffer[] = []
  const reads: { vector: Uint8Array; answer: (diff: Answer<Uint8Array>) => void }[] = []
  const failures: SyncError[] = []
  let bytes = 0
  let greeted = 0
  let lagged = 0
  const outlet = createOutlet({
    room: { read: (vector, answer) => void reads.push({ vector, answer }) },
    queue: {
      push(frame) {
        frames.push(frame)
        bytes += frame.length
      },
      bytes: () => bytes,
    },
    limit: LIMIT,
    greet: () => greeted++,
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
    drain() {
      bytes = 0
      outlet.taken()
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
  outlet.repeat(Uint8Array.of(1, 2, 3))
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
  const { outlet, reads, entry, drain, messages } = setUp()
  entry(1_200)
  for (let index = 0; index < 100; index++) outlet.answer(Uint8Array.of(index))
  for (let index = 0; index < 100; index++) outlet.ask(Uint8Array.of(index))
  for (let index = 0; index < 100; index++) outlet.presence(Uint8Array.of(0))
  expect([reads.length, messages().length]).toEqual([0, 1])
  drain()
  reads[0]?.answer(value(Uint8Array.of(0, 0)))
  expect(reads[1]?.vector).toEqual(Uint8Array.of(99))
  reads[1]?.answer(value(Uint8Array.of(7)))
  expect(messages().slice(1)).toEqual([
    { type: 'step1', stateVector: Uint8Array.of(99) },
    { type: 'step2', update: Uint8Array.of(7) },
  ])
})

test('P10: a client that asks faster than the room answers has one question open', () => {
  const { outlet, reads } = setUp()
  for (let index = 0; index < 100; index++) outlet.answer(Uint8Array.of(index))
  expect(reads).toHaveLength(1)
  reads[0]?.answer(value(Uint8Array.of(7)))
  expect(reads.map(({ vector }) => vector)).toEqual([Uint8Array.of(0), Uint8Array.of(99)])
})

test('presence that was missed is sent anew', () => {
  const { outlet, reads, entry, drain, greeted } = setUp()
  entry(1_200)
  outlet.presence(Uint8Array.of(0))
  drain()
  reads[0]?.answer(value(Uint8Array.of(0, 0)))
  expect(greeted()).toBe(1)
})

test('a room that cannot answer ends the session', () => {
  const { outlet, reads, failures } = setUp()
  outlet.answer(Uint8Array.of(0))
  const error = { code: 'overload' } as SyncError
  reads[0]?.answer({ type: 'unavailable', error })
  expect(failures).toEqual([error])
})

test("P3: entries begin with the answer to the client's step 1, so that none leans on what the client lacks", () => {
  const { outlet, reads, entry, messages } = setUp()
  outlet.opened(Uint8Array.of(1, 9))
  entry(10)
  outlet.answer(Uint8Array.of(0))
  entry(10)
  outlet.spoken()
  expect([reads.length, messages().length]).toEqual([1, 0])
  reads[0]?.answer(value(Uint8Array.of(8, 8, 8)))
  entry(10)
  expect(messages().map(({ type }) => type)).toEqual(['step2', 'update'])
})

test('P3: a client that writes without asking gets what came behind our own step 1', () => {
  const { outlet, reads, entry, messages } = setUp()
  outlet.opened(Uint8Array.of(1, 9))
  entry(10)
  outlet.spoken()
  outlet.spoken()
  expect(reads.map(({ vector }) => vector)).toEqual([Uint8Array.of(1, 9)])
  reads[0]?.answer(value(Uint8Array.of(8, 8, 8)))
  entry(10)
  expect(messages()).toEqual([
    { type: 'update', update: Uint8Array.of(8, 8, 8) },
    { type: 'update', update: new Uint8Array(10).fill(2) },
  ])
})
