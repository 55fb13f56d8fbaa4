/** What cannot be projected, and what does not fit: the records that a person has to look at. */
import type { Sql } from '../db.ts'
import { rfc3339 } from './marks.ts'
import { runPlanned } from './transaction.ts'

/** Holds names and paths, never a value. Times are RFC 3339. */
export interface ListedFault {
  readonly tenant: string
  readonly type: string
  readonly id: string
  readonly mapping: string
  /** Null where the rows were written and only some values do not fit. */
  readonly fault: string | null
  readonly since: string | null
  readonly attempts: number
  readonly nextTry: string | null
  /** Paths in the content whose values read as NULL in the rows, and `["guards", MESSAGE]` for guards that struck. */
  readonly misfits: readonly (readonly string[])[]
}

/** In the order of records' keys. */
export async function listFaults(sql: Sql): Promise<readonly ListedFault[]> {
  return await runPlanned<ListedFault>(sql, LIST, [])
}

const LIST = `
select tenant, type, record_id as id, mapping, fault, ${rfc3339('fault_at')} as since, attempts,
  ${rfc3339('retry_at')} as "nextTry", coalesce(misfits, '[]') as misfits
from rapport.projection_state
where fault is not null or misfits is not null
order by tenant, type, record_id, mapping`
