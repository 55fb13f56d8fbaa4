/** The statements of the review store, and the rows that they give. */
import type { HeldBack } from './entry.ts'
import type { ConflictStatus, Via } from './findings.ts'

export interface HistoryRow {
  readonly sequence: number
  readonly ordinal: number
  readonly path: string
  readonly before: string | null
  readonly after: string | null
  readonly author_sub: string
  readonly author_role: string
  readonly device: string | null
  readonly via: Via
  readonly item_client: number | null
  readonly item_clock: number | null
  readonly at: number
}

type WriteColumns<Name extends string> = { readonly [column in `${Name}_${'client' | 'clock' | 'at'}`]: number } & {
  readonly [column in `${Name}_${'sub' | 'role'}`]: string
} & { readonly [column in `${Name}_value`]: string | null }

export type ConflictRow = WriteColumns<'kept'> &
  WriteColumns<'replaced'> & {
    readonly id: string
    readonly path: string
    readonly status: ConflictStatus
    readonly sequence: number
  }

export interface HeldBackItemRow {
  readonly state: HeldBack['state']
  readonly id: string
  readonly type: string
  readonly record_id: string
  readonly reason: string
  readonly author_sub: string
  readonly author_role: string
  readonly at: number
  readonly size: number
}

const RECORD = 'tenant = $1 and type = $2 and record_id = $3'

const milliseconds = (column: string): string => `round(extract(epoch from ${column}) * 1000)::float8`

export const HISTORY = `
select sequence, ordinal, array_to_json(path)::text as path, before, after, author_sub, author_role, device, via,
  item_client, item_clock, ${milliseconds('at')} as at
from rapport.field_changes
where ${RECORD}
  and ($4::text is null or path[:cardinality($4::text::text[])] = $4::text::text[])
  and ($5::bigint is null or (sequence, ordinal) < ($5::bigint, $6::int))
order by sequence desc, ordinal desc
limit $7`

/** Times are those of the entries in which a write first showed; the record's history is read once, whatever the page holds. */
export const CONFLICTS = `
with page as materialized (
  select * from rapport.conflicts
  where ${RECORD}
    and ($4::uuid is null or id = $4)
    and ($5::text is null or status = $5)
    and ($6::bigint is null or (sequence, id) < ($6::bigint, $7::uuid))
  order by sequence desc, id desc
  limit $8
),
shown as materialized (
  select item_client, item_clock, min(at) as at
  from rapport.field_changes
  where ${RECORD} and ((item_client, item_clock) in (
    select kept_client, kept_clock from page union all select replaced_client, replaced_clock from page
  )) is true
  group by item_client, item_clock
)
select id, array_to_json(path)::text as path, status, sequence,
  kept_client, kept_clock, kept_value, kept_sub, kept_role, ${milliseconds(timeOf('kept'))} as kept_at,
  replaced_client, replaced_clock, replaced_value, replaced_sub, replaced_role, ${milliseconds(timeOf('replaced'))} as replaced_at
from page
order by sequence desc, id desc`

function timeOf(write: string): string {
  return `coalesce(
    (select shown.at from shown where shown.item_client = ${write}_client and shown.item_clock = ${write}_clock), page.at)`
}

export const DISMISS = `
update rapport.conflicts
set status = 'dismissed', settled_by = $5, settled_at = to_timestamp($6::float8 / 1000)
where ${RECORD} and id = $4 and status = 'open'
returning id`

const HELD = 'id, type, record_id, reason, author_sub, author_role, at, length(bytes) as size'

export const HELD_BACK = `
select state, id, type, record_id, reason, author_sub, author_role, ${milliseconds('at')} as at, size
from (
  select 'quarantined' as state, ${HELD} from rapport.quarantine where tenant = $1
  union all
  select 'set-aside' as state, ${HELD} from rapport.set_aside where tenant = $1
) as held
where $2::float8 is null or (at, id) < (to_timestamp($2::float8 / 1000), $3::uuid)
order by held.at desc, id desc
limit $4`

export const MARK_RESTORED = `
with ended as (
  update rapport.restorations set until = now() where until > now()
)
insert into rapport.restorations (at, until)
select clock_timestamp(), to_timestamp($1::float8 / 1000) where $1::float8 is not null`

export const RESTORED_UNTIL = `
select ${milliseconds('max(until)')} as until from rapport.restorations where until > now()`
