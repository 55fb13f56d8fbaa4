/** Presence made to hurt whoever hears it, each with a name, at the size at which it did. */
import { encodeAwareness } from '@rapport/shared/protocol/awareness.ts'
import { ATTACKER, times } from './poison-parts.ts'

/** Payloads of awareness messages. */
export interface PresencePoison {
  readonly name: string
  payload(): Uint8Array
}

export const PRESENCE_POISONS: readonly PresencePoison[] = [
  {
    name: 'a state nested 20,000 deep, 40 kB',
    payload: () => encodeAwareness([{ client: ATTACKER, clock: 1, state: '['.repeat(20_000) + ']'.repeat(20_000) }]),
  },
  {
    name: '200,000 ids, 1.4 MB',
    payload: () => encodeAwareness(times(200_000, (at) => ({ client: at, clock: 1, state: '{}' }))),
  },
  {
    name: 'the last clock there is',
    payload: () => encodeAwareness([{ client: ATTACKER, clock: Number.MAX_SAFE_INTEGER, state: '{}' }]),
  },
  {
    name: 'a sound state and one that is no JSON',
    payload: () =>
      encodeAwareness([
        { client: ATTACKER, clock: 1, state: '{}' },
        { client: ATTACKER + 1, clock: 1, state: '{' },
      ]),
  },
  {
    name: 'a state of 3 MB',
    payload: () => encodeAwareness([{ client: ATTACKER, clock: 1, state: JSON.stringify({ name: 'x'.repeat(3_000_000) }) }]),
  },
  { name: 'a state that is no object', payload: () => encodeAwareness([{ client: ATTACKER, clock: 1, state: '5' }]) },
]
