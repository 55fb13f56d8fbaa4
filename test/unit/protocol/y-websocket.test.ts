import { ERROR_CODES, type ErrorCode, SyncError } from '@rapport/shared/errors.ts'
import { decodeAwareness, encodeAwareness } from '@rapport/shared/protocol/awareness.ts'
import { CLOSE_CODES, closeReasonOf } from '@rapport/shared/protocol/close-codes.ts'
import {
  decodeMessage,
  encodeAwarenessMessage,
  encodeSignOfLife,
  encodeStep1,
  encodeStep2,
  encodeUpdate,
} from '@rapport/shared/protocol/y-websocket.ts'
import fc from 'fast-check'
import * as encoding from 'lib0/encoding'
import { expect, test } from 'vitest'
import * as awarenessProtocol from 'y-protocols/awareness'
import * as syncProtocol from 'y-protocols/sync'
import * as Y from 'yjs'

const bytes = fc.uint8Array({ maxLength: 300 })

test('SPEC 0: every message survives its envelope', () => {
  fc.assert(
    fc.property(bytes, (payload) => {
      expect(decodeMessage(encodeStep1(payload))).toEqual({ type: 'step1', stateVector: payload })
      expect(decodeMessage(encodeStep2(payload))).toEqual({ type: 'step2', update: payload })
      expect(decodeMessage(encodeUpdate(payload))).toEqual({ type: 'update', update: payload })
      expect(decodeMessage(encodeAwarenessMessage(payload))).toEqual({ type: 'awareness', payload })
    }),
  )
})

test('SPEC 0: the bytes are those of y-protocols', () => {
  const doc = new Y.Doc()
  doc.getMap('fields').set('title', 'CTO')
  const update = Y.encodeStateAsUpdate(doc)
  const stock = (write: (encoder: encoding.Encoder) => void) => {
    const encoder = encoding.createEncoder()
    encoding.writeVarUint(encoder, 0)
    write(encoder)
    return encoding.toUint8Array(encoder)
  }
  expect(encodeStep1(Y.encodeStateVector(doc))).toEqual(stock((encoder) => syncProtocol.writeSyncStep1(encoder, doc)))
  expect(encodeStep2(update)).toEqual(stock((encoder) => syncProtocol.writeSyncStep2(encoder, doc)))
  expect(encodeUpdate(update)).toEqual(stock((encoder) => syncProtocol.writeUpdate(encoder, update)))
})

test('SPEC 9: no bytes do anything but decode exactly or count as malformed', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (message) => {
      try {
        decodeMessage(message)
      } catch (error) {
        expect(error).toBeInstanceOf(SyncError)
        expect((error as SyncError).code).toBe('malformed')
      }
      try {
        decodeAwareness(message)
      } catch (error) {
        expect((error as SyncError).code).toBe('malformed')
      }
    }),
    { numRuns: 2_000 },
  )
})

test('SPEC 9: a truncated message, and bytes behind one, are malformed', () => {
  const message = encodeUpdate(Uint8Array.of(1, 2, 3))
  for (let length = 0; length < message.length; length++) expect(() => decodeMessage(message.slice(0, length))).toThrow(SyncError)
  expect(() => decodeMessage(Uint8Array.of(...message, 0))).toThrow(SyncError)
})

test('SPEC 12: awareness entries pass unread, as a stock client encodes them', () => {
  const awareness = new awarenessProtocol.Awareness(new Y.Doc())
  awareness.setLocalState({ user: 'Ann', cursor: { x: 1 } })
  const payload = awarenessProtocol.encodeAwarenessUpdate(awareness, [awareness.clientID])
  const entries = decodeAwareness(payload)
  expect(entries).toEqual([{ client: awareness.clientID, clock: 1, state: '{"user":"Ann","cursor":{"x":1}}' }])
  expect(encodeAwareness(entries)).toEqual(payload)
  awareness.destroy()
})

test('SPEC 12: too many entries are malformed; an id or a clock beyond its bounds is not, for a stock client sends on what it heard', () => {
  const encode = (...numbers: number[]) => {
    const encoder = encoding.createEncoder()
    for (const number of numbers) encoding.writeVarUint(encoder, number)
    encoding.writeVarString(encoder, '{}')
    return encoding.toUint8Array(encoder)
  }
  expect(decodeAwareness(encode(1, 2 ** 32, 1))).toEqual([{ client: 2 ** 32, clock: 1, state: '{}' }])
  expect(decodeAwareness(encode(1, 1, 2 ** 53 - 1))).toEqual([{ client: 1, clock: 2 ** 53 - 1, state: '{}' }])
  expect(() => decodeAwareness(encode(200_000, 1, 1))).toThrow(SyncError)
  expect(() => decodeAwareness(Uint8Array.of(1, 1, 1, 2, 0xff, 0xff))).toThrow(SyncError)
})

test('SPEC 9: a state vector of up to 1 MiB is taken, a longer one is malformed', () => {
  expect(decodeMessage(encodeStep1(new Uint8Array(1_048_576)))).toMatchObject({ type: 'step1' })
  expect(() => decodeMessage(encodeStep1(new Uint8Array(1_048_577)))).toThrow(SyncError)
  expect(decodeMessage(encodeUpdate(new Uint8Array(1_048_577)))).toMatchObject({ type: 'update' })
})

test('SPEC 16: a stock client takes a sign of life without a change', () => {
  const message = decodeMessage(encodeSignOfLife())
  const awareness = new awarenessProtocol.Awareness(new Y.Doc())
  let events = 0
  awareness.on('update', () => events++)
  if (message.type === 'awareness') awarenessProtocol.applyAwarenessUpdate(awareness, message.payload, 'server')
  expect(message.type).toBe('awareness')
  expect(events).toBe(0)
  awareness.destroy()
})

test('SPEC 17: a close code is final exactly if trying again cannot help', () => {
  for (const { code, retry } of Object.values(CLOSE_CODES)) expect(retry).toBe(code < 4400 || code >= 4500)
  for (const [code, { retry }] of Object.entries(ERROR_CODES)) {
    if (code !== 'configuration') expect([code, CLOSE_CODES[closeReasonOf(code as ErrorCode)].retry]).toEqual([code, retry])
  }
})
