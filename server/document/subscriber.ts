/**
 * One connection's side of a room: what a room may say to it. The gateway implements it for each dialect. Calls come in commit
 * order, always between two entries, and must neither throw nor wait: whatever a slow connection needs is its own concern.
 */
import type { SyncError } from '@rapport/shared/errors.ts'
import type { Principal } from '../auth/principal.ts'
import type { DurableSequence } from '../log/entry.ts'

/** A committed entry on its way out. The same object goes to every subscriber, so each dialect frames it once. */
export interface CommittedEntry {
  readonly sequence: DurableSequence
  readonly update: Uint8Array
  /** The committed state vector right behind this entry; computed on the first call. Only valid during `update`. */
  stateVector(): Uint8Array
}

export interface Subscriber {
  readonly principal: Principal
  /** Wants its own updates back as acknowledgement (`?ack=echo`). */
  readonly echo: boolean
  /** A committed entry with content from somebody else, or, with `echo`, its own. */
  update(entry: CommittedEntry): void
  /**
   * Acknowledges submissions that brought nothing new, with the stored content of their structs. Only with `echo`. `stored`
   * encodes it, at some cost: to be called now, or not at all.
   */
  repeat(stored: () => Uint8Array): void
  /** Something is missing here that it may have: ask it for everything behind this state vector. */
  ask(stateVector: Uint8Array): void
  /** `count` submissions of `bytes` together are done with, whatever became of them. */
  settled(count: number, bytes: number): void
  /** Current presence of others, one awareness update payload. */
  presence(awarenessUpdate: Uint8Array): void
  /** The room is done with this subscriber; it has left already. */
  end(reason: SyncError): void
}
