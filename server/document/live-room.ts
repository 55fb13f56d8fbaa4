/**
 * What a room is made of, and what the registry, which owns rooms, may do to one.
 */
import type { Clock } from '@rapport/shared/clock.ts'
import type { SyncError } from '@rapport/shared/errors.ts'
import type { RecordKey } from '@rapport/shared/ids.ts'
import type { RecordType } from '@rapport/shared/schema/record-type.ts'
import type { Judge } from '../access/judge.ts'
import type { Policy } from '../access/policy.ts'
import type { KeptClient } from '../access/server-client.ts'
import type { Hint, Hints } from '../fanout/hints.ts'
import type { Position } from '../log/entry.ts'
import type { UpdateLog } from '../log/update-log.ts'
import type { LimitHit } from '../observability/limits.ts'
import type { Logger } from '../observability/logger.ts'
import type { Announced } from './announced.ts'
import type { Room } from './handle.ts'
import type { Rebuilt } from './history.ts'
import type { Presence } from './presence.ts'
import type { Restoration } from './restoration.ts'

export interface RoomDeps {
  readonly key: RecordKey
  readonly type: RecordType
  readonly log: UpdateLog
  readonly hints: Hints
  readonly clock: Clock
  readonly logger: Logger
  readonly refusals: Refusals
  readonly limitHit: LimitHit
  readonly policy: Policy
  readonly judge: Judge
  readonly presence: Presence
  readonly announced: Announced
  readonly restoration: Restoration
  /** Draws the id of an entry, or of anything else that is stored, a UUID. */
  readonly newEntryId: () => string
  /** Largest encoded record, bytes. */
  readonly maxRecordBytes: number
}

/** Counts what was refused, by reason. */
export interface Refusals {
  inc(labels: { readonly reason: string }): void
}

/** What the parts of a room share. */
export interface RoomState {
  /** As committed; but see `busy`. */
  record: Rebuilt
  /** The document does not equal committed state: an entry is in flight, or the log is being read. */
  busy: boolean
  /** Why the room serves nobody any more. */
  over: SyncError | undefined
  /** When history was replaced under the room, in elapsed milliseconds: clients then hold what the database has lost, of others too. */
  replacedAt: number
  /** When another instance was last seen to write here, in elapsed milliseconds. */
  contendedAt: number
}

export interface LiveRoom extends Room {
  position(): Position
  /** Nothing waits and nothing is in flight. */
  quiet(): boolean
  /** Resolves at the first moment that is quiet, or when the room is over. */
  whenQuiet(): Promise<void>
  /** What it takes of the process's memory, bytes, roughly. */
  footprint(): number
  /** Another instance says that it wrote. */
  hear(hint: Hint): void
  /** The log's head, as it was read while the room stood at `asOf`. */
  compare(head: Position | undefined, asOf: Position): void
  /** Back to bytes, if quiet. */
  cool(): void
  /** For the room that this record gets next in this process. Only while quiet. */
  keep(): KeptClient | undefined
  /** Ends all subscribers, and everything that waits, with this reason. */
  end(reason: SyncError): void
}
