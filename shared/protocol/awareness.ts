/**
 * The payload of an awareness message (y-protocols/awareness): a list of (client id, clock, state as JSON text). Reads it under
 * strict bounds and writes it. The state stays text: who relays presence has no business with its content.
 */
import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import { SyncError } from '../errors.ts'

/** What `state` says when a client is gone. */
export const ABSENT = 'null'

/** Entries in one message. A stock client re-sends what it heard of others, so there may be many. */
export const MAX_ENTRIES = 2048

export interface AwarenessEntry {
  readonly client: number
  readonly clock: number
  /** JSON text; `null` when the client is gone. */
  readonly state: string
}

/**
 * Throws `malformed` for what no stock client sends: too many entries, trailing bytes, text that is not UTF-8. Which ids and clocks make
 * sense is for the relay to say, entry by entry: a stock client sends on what it heard of others.
 */
export function decodeAwareness(payload: Uint8Array): AwarenessEntry[] {
  try {
    const decoder = decoding.createDecoder(payload)
    const count = decoding.readVarUint(decoder)
    if (count > MAX_ENTRIES) throw new RangeError('too many entries')
    const entries: AwarenessEntry[] = []
    for (let index = 0; index < count; index++) {
      const client = decoding.readVarUint(decoder)
      const clock = decoding.readVarUint(decoder)
      entries.push({ client, clock, state: decoding.readVarString(decoder) })
    }
    if (decoder.pos !== payload.length) throw new RangeError('trailing or missing bytes')
    return entries
  } catch (cause) {
    throw new SyncError('malformed', 'undecodable awareness update', { cause })
  }
}

export function encodeAwareness(entries: readonly AwarenessEntry[]): Uint8Array {
  const encoder = encoding.createEncoder()
  encoding.writeVarUint(encoder, entries.length)
  for (const entry of entries) {
    encoding.writeVarUint(encoder, entry.client)
    encoding.writeVarUint(encoder, entry.clock)
    encoding.writeVarString(encoder, entry.state)
  }
  return encoding.toUint8Array(encoder)
}
