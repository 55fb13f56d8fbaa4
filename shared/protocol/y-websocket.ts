/**
 * The y-websocket dialect: one y-protocols message per binary WebSocket message. Turns bytes into a tagged message under strict
 * bounds, and back. Knows the envelope only: updates, state vectors and awareness payloads pass through as bytes.
 */
import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import { SyncError } from '../errors.ts'
import { encodeAwareness } from './awareness.ts'

const SYNC = 0
const AWARENESS = 1
const AUTH = 2
const QUERY_AWARENESS = 3

const STEP_1 = 0
const STEP_2 = 1
const UPDATE = 2

/** Bytes of a state vector. Each client that ever wrote in a record adds six to eight. */
const MAX_STATE_VECTOR = 1024 * 1024

/** The payloads are views of the bytes that were decoded. */
export type Message =
  /** Asks for everything behind a state vector. */
  | { readonly type: 'step1'; readonly stateVector: Uint8Array }
  /** Answers a step 1. */
  | { readonly type: 'step2'; readonly update: Uint8Array }
  /** An edit as it happens. */
  | { readonly type: 'update'; readonly update: Uint8Array }
  | { readonly type: 'awareness'; readonly payload: Uint8Array }
  /** Only a server has a reason to send it; a server ignores it. */
  | { readonly type: 'auth' }
  | { readonly type: 'queryAwareness' }

/** Throws `malformed` for anything but exactly one known message. */
export function decodeMessage(bytes: Uint8Array): Message {
  const decoder = decoding.createDecoder(bytes)
  let message: Message | undefined
  try {
    message = readMessage(decoder)
  } catch (cause) {
    throw new SyncError('malformed', 'truncated or oversized message', { cause })
  }
  if (message === undefined) throw new SyncError('malformed', 'unknown message type')
  if (message.type !== 'auth' && decoder.pos !== bytes.length) throw new SyncError('malformed', 'bytes behind the message')
  return message
}

function readMessage(decoder: decoding.Decoder): Message | undefined {
  switch (decoding.readVarUint(decoder)) {
    case SYNC:
      return readSync(decoder)
    case AWARENESS:
      return { type: 'awareness', payload: decoding.readVarUint8Array(decoder) }
    case AUTH:
      return { type: 'auth' }
    case QUERY_AWARENESS:
      return { type: 'queryAwareness' }
    default:
      return undefined
  }
}

function readSync(decoder: decoding.Decoder): Message | undefined {
  const step = decoding.readVarUint(decoder)
  const payload = decoding.readVarUint8Array(decoder)
  switch (step) {
    case STEP_1:
      if (payload.length > MAX_STATE_VECTOR) throw new RangeError('state vector too long')
      return { type: 'step1', stateVector: payload }
    case STEP_2:
      return { type: 'step2', update: payload }
    case UPDATE:
      return { type: 'update', update: payload }
    default:
      return undefined
  }
}

export function encodeStep1(stateVector: Uint8Array): Uint8Array {
  return encodeMessage(SYNC, STEP_1, stateVector)
}

export function encodeStep2(update: Uint8Array): Uint8Array {
  return encodeMessage(SYNC, STEP_2, update)
}

export function encodeUpdate(update: Uint8Array): Uint8Array {
  return encodeMessage(SYNC, UPDATE, update)
}

export function encodeAwarenessMessage(payload: Uint8Array): Uint8Array {
  return encodeMessage(AWARENESS, undefined, payload)
}

/** An awareness message about nobody: a stock client counts it as a sign of life and does nothing else. */
export function encodeSignOfLife(): Uint8Array {
  return encodeAwarenessMessage(encodeAwareness([]))
}

function encodeMessage(type: number, step: number | undefined, payload: Uint8Array): Uint8Array {
  const encoder = encoding.createEncoder()
  encoding.writeVarUint(encoder, type)
  if (step !== undefined) encoding.writeVarUint(encoder, step)
  encoding.writeVarUint8Array(encoder, payload)
  return encoding.toUint8Array(encoder)
}
