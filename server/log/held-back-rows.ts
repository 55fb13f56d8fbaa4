/** Submissions that were not applied, on Postgres and PGlite: kept, found and dropped, each by one statement. */
import { parseRecordId, type RecordId, type RecordKey } from '@rapport/shared/ids.ts'
import type { Sql } from '../db.ts'
import type { HeldBack, QuarantineRow } from './entry.ts'
import type { ItemId } from './findings.ts'
import type { LogStore } from './log-store.ts'

const QUARANTINE_PER_RECORD = 20
/** Type number of Postgres: the driver would take an array of bytes for an array. */
const BYTEA = 17
export const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

interface HeldBackRow {
  readonly id: string
  readonly type: string
  readonly record_id: string
  readonly reason: string
  readonly author_sub: string
  readonly author_role: string
  readonly roles: string
  readonly teams: string
  readonly at: number
  readonly bytes: Uint8Array
  /** Null in quarantine. */
  readonly awaits: string | null
}

export type HeldBackStore = Pick<LogStore, 'quarantine' | 'setAside' | 'heldBack' | 'dropHeldBack'>

export function createHeldBackStore(sql: Sql): HeldBackStore {
  const run = <Row extends object>(statement: string, values: readonly unknown[]): Promise<readonly Row[]> =>
    sql.unsafe<Row[]>(statement, values as never[], { prepare: true })
  const common = ({ id, key, reason, author, roles, teams, at, bytes }: QuarantineRow): readonly unknown[] => [
    ...[key.tenant, key.type, key.id, id, reason, author.sub, author.role, roles, teams, at],
    sql.typed(bytes as never, BYTEA),
  ]

  return {
    async quarantine(row) {
      await run(QUARANTINE, common(row))
    },
    async setAside(row) {
      const awaits = row.awaits.map(({ client, clock }) => ({ client, clock }))
      await run(SET_ASIDE, [...common(row), JSON.stringify(awaits)])
    },
    async heldBack(tenant, id) {
      if (!UUID.test(id)) return undefined
      const [row] = await run<HeldBackRow>(HELD_BACK, [tenant, id])
      return row && heldBackOf(tenant, row)
    },
    async dropHeldBack(tenant, id) {
      if (!UUID.test(id)) return false
      const rows = await run(DROP, [tenant, id])
      return rows.length > 0
    },
  }
}

function heldBackOf(tenant: RecordKey['tenant'], row: HeldBackRow): HeldBack {
  const id = parseRecordId(row.record_id) as RecordId
  const common = {
    id: row.id,
    key: { tenant, type: row.type, id },
    reason: row.reason,
    author: { sub: row.author_sub, role: row.author_role },
    roles: JSON.parse(row.roles) as string[],
    teams: JSON.parse(row.teams) as string[],
    at: row.at,
    bytes: row.bytes,
  }
  if (row.awaits === null) return { state: 'quarantined', ...common }
  return { state: 'set-aside', ...common, awaits: JSON.parse(row.awaits) as ItemId[] }
}

const COMMON = 'tenant, type, record_id, id, reason, author_sub, author_role, roles, teams, at, bytes'
const COMMON_VALUES = '$1, $2, $3, $4, $5, $6, $7, $8::text[], $9::text[], to_timestamp($10::float8 / 1000), $11'

/** Two at the same instant may leave one row too many; the next one takes it away. */
const QUARANTINE = `
with added as (
  insert into rapport.quarantine (${COMMON})
  values (${COMMON_VALUES})
  on conflict do nothing
  returning id
)
delete from rapport.quarantine
where tenant = $1 and id in (
  select id from rapport.quarantine
  where tenant = $1 and type = $2 and record_id = $3
  order by position desc
  offset ${QUARANTINE_PER_RECORD} - (select count(*) from added)
)`

const SET_ASIDE = `
insert into rapport.set_aside (${COMMON}, awaits)
values (${COMMON_VALUES}, $12::text::jsonb)
on conflict (tenant, type, record_id, author_sub) do update
set id = excluded.id, reason = excluded.reason, author_role = excluded.author_role, roles = excluded.roles, teams = excluded.teams,
  at = excluded.at, bytes = excluded.bytes, awaits = excluded.awaits`

const READ = `id, type, record_id, reason, author_sub, author_role, array_to_json(roles)::text as roles, array_to_json(teams)::text as teams,
  round(extract(epoch from at) * 1000)::float8 as at, bytes`

const HELD_BACK = `
select ${READ}, null as awaits from rapport.quarantine where tenant = $1 and id = $2
union all
select ${READ}, awaits::text from rapport.set_aside where tenant = $1 and id = $2`

const DROP = `
with quarantined as (delete from rapport.quarantine where tenant = $1 and id = $2 returning id),
aside as (delete from rapport.set_aside where tenant = $1 and id = $2 returning id)
select id from quarantined union all select id from aside`
