/** Which entry of a record was the newest at some moment. */
import type { RecordKey } from '@rapport/shared/ids.ts'
import type { Sql } from '../db.ts'

export interface Moments {
  /**
   * The sequence of the newest entry written at or before `at`, wall time in milliseconds; 0 if there is none. The clocks of
   * several instances may differ a little, and what one of them wrote with a clock ahead counts as later than it was.
   */
  sequenceAt(key: RecordKey, at: number): Promise<number>
}

export function createMoments(sql: Sql): Moments {
  return {
    async sequenceAt({ tenant, type, id }, at) {
      // Entries are stored by the millisecond, and half of one is more than what a rounding takes away.
      const [row] = await sql<{ sequence: number }[]>`
        select sequence from rapport.record_updates
        where tenant = ${tenant} and type = ${type} and record_id = ${id}
          and at < to_timestamp(${(at + 0.5) / 1000}::float8)
        order by sequence desc
        limit 1`
      return row?.sequence ?? 0
    },
  }
}
