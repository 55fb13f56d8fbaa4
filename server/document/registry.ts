/** Placeholder of the seam, replaced by the implementation. */
import type { RecordKey } from '@rapport/shared/ids.ts'
import type { Room } from './room.ts'

export interface Registry {
  /**
   * The room of a record, loaded if need be; concurrent callers share the load. Rejects with a `SyncError`: `gone` (erased),
   * `out_of_service` (its log cannot be read back), `overload` (database away), `draining`. Each caller releases it once.
   */
  acquire(key: RecordKey): Promise<Room>
  release(room: Room): void
  /** Commits what was received, up to `milliseconds`, and ends all subscribers with `draining`. */
  drain(milliseconds: number): Promise<void>
}
