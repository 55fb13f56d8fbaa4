/**
 * The log's statements on Postgres and PGlite. Each method is one statement in autocommit and holds no state, so any number of
 * instances may share a database. Arguments go as arrays: one prepared statement serves every size of a group, and the
 * protocol's limit of 65,535 parameters is never near.
 */
import { parseRecordId, type RecordKey } from '@rapport/shared/ids.ts'
import type { Sql } from '../db.ts'
import { BIND_STATEMENT } from './bind-statement.ts'
import type { Position, StoredRecord } from './entry.ts'
import { EMPTY_LEDGER } from './findings.ts'
import { createHeldBackStore } from './held-back-rows.ts'
import { insertValues, needRareParts } from './insert-parts.ts'
import { INSERT, INSERT_WITHOUT_RARE_PARTS } from './insert-statement.ts'
import { LEDGER, type LedgerRow, ledgerOf } from './ledger-rows.ts'
import type { LogStore } from './log-store.ts'

/** Type numbers of Postgres: the driver would take an array of bytes for bytes. */
const BYTEA = 17
const BYTEA_ARRAY = 1001

/** Wall time in milliseconds of a column. */
const milliseconds = (column: string): string => `round(extract(epoch from ${column}) * 1000)::float8`

interface TailRow {
  readonly sequence: number
  readonly entry: string
  readonly update: Uint8Array
  readonly at: number
}

interface LoadedRow {
  readonly created_at: number | null
  readonly created_by: string | null
  readonly erased: boolean | null
  readonly vector: Uint8Array | null
  readonly sequence: number
  readonly entry: string | null
  readonly update: Uint8Array | null
  readonly at: number | null
}

export function createSqlLogStore(sql: Sql): LogStore {
  const run = <Row extends object>(statement: string, values: readonly unknown[]): Promise<readonly Row[]> =>
    sql.unsafe<Row[]>(statement, values as never[], { prepare: true })
  const bytes = (value: Uint8Array): unknown => sql.typed(value as never, BYTEA)
  const key = ({ tenant, type, id }: RecordKey): readonly string[] => [tenant, type, id]

  return {
    async insert(entries) {
      const rare = needRareParts(entries)
      const sorted = entries.toSorted((one, other) => compareKeys(one.key, other.key))
      const [updates, ...values] = insertValues(sorted, rare)
      const statement = rare ? INSERT : INSERT_WITHOUT_RARE_PARTS
      const rows = await run<{ entry: string }>(statement, [sql.typed(updates as never, BYTEA_ARRAY), ...values])
      return new Set(rows.map((row) => row.entry))
    },

    async stored(entries) {
      const rows = await run<{ entry: string }>(STORED, [
        ...keyColumns(entries.map((entry) => entry.key)),
        entries.map((entry) => entry.previous.sequence + 1),
        entries.map((entry) => entry.id),
      ])
      return new Set(rows.map((row) => row.entry))
    },

    async load(recordKey) {
      const [head, ...tail] = await run<LoadedRow>(LOAD, key(recordKey))
      return head && storedRecord(recordKey, head, tail)
    },

    async readAfter(recordKey, after, limit) {
      const rows = await run<TailRow>(READ_AFTER, [...key(recordKey), after, limit])
      return rows.map(({ sequence, entry, update, at }) => ({ position: { sequence, entry }, update, at }))
    },

    async heads(keys) {
      const rows = await run<{ place: number; sequence: number; entry: string | null }>(HEADS, keyColumns(keys))
      const heads = new Map<number, Position>()
      for (const { place, sequence, entry } of rows) heads.set(place, { sequence, entry: entry ?? '' })
      return keys.map((_, index) => heads.get(index + 1))
    },

    async swapSnapshot(recordKey, from, { position, update, stateVector }) {
      const values = [...key(recordKey), from, position.sequence, position.entry, bytes(update), bytes(stateVector)]
      const rows = await run(SWAP_SNAPSHOT, values)
      return rows.length === 1
    },

    async ledger(recordKey, sequence) {
      const [row] = await run<LedgerRow>(LEDGER, [...key(recordKey), sequence])
      return row === undefined ? EMPTY_LEDGER : ledgerOf(row)
    },

    async bind(claims) {
      await run(BIND_STATEMENT, [
        ...keyColumns(claims.map((claim) => claim.key)),
        claims.map(({ client }) => client),
        claims.map(({ owner }) => owner.sub),
        claims.map(({ owner }) => owner.role),
      ])
    },

    ...createHeldBackStore(sql),

    async page(tenant, type, after, limit) {
      const rows = await run<{ id: string }>(PAGE, [tenant, type, after, limit])
      return rows.flatMap((row) => parseRecordId(row.id) ?? [])
    },

    async hasOthers(tenant) {
      const rows = await run('select 1 from rapport.records where tenant <> $1 limit 1', [tenant])
      return rows.length > 0
    },
  }
}

const STORED = `
select given.entry
from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::uuid[]) as given (tenant, type, id, sequence, entry)
where given.entry = (
    select u.entry from rapport.record_updates u
    where u.tenant = given.tenant and u.type = given.type and u.record_id = given.id and u.sequence = given.sequence)
  or given.entry = (
    select r.snapshot_entry from rapport.records r
    where r.tenant = given.tenant and r.type = given.type and r.id = given.id and r.snapshot_sequence = given.sequence)`

/** The first row is the record with its snapshot; the tail follows. Both are of one instant, since it is one statement. */
const LOAD = `
with record as materialized (
  select * from rapport.records where tenant = $1 and type = $2 and id = $3
)
select ${milliseconds('created_at')} as created_at, created_by, erased, snapshot_vector as vector, snapshot_sequence as sequence,
  snapshot_entry as entry, snapshot as update, ${milliseconds('snapshot_at')} as at, 0 as part
from record
union all
select null, null, null, null, u.sequence, u.entry, u.update, ${milliseconds('u.at')}, 1
from rapport.record_updates u
where u.tenant = $1 and u.type = $2 and u.record_id = $3 and u.sequence > (select snapshot_sequence from record)
order by part, sequence`

const READ_AFTER = `
select sequence, entry, update, ${milliseconds('at')} as at
from rapport.record_updates
where tenant = $1 and type = $2 and record_id = $3 and sequence > $4
order by sequence
limit $5`

const HEADS = `
select given.place::int as place, coalesce(newest.sequence, stored.snapshot_sequence) as sequence,
  coalesce(newest.entry, stored.snapshot_entry) as entry
from unnest($1::text[], $2::text[], $3::text[]) with ordinality as given (tenant, type, id, place)
cross join lateral (
  select r.snapshot_sequence, r.snapshot_entry from rapport.records r
  where r.tenant = given.tenant and r.type = given.type and r.id = given.id
  limit 1
) as stored
left join lateral (
  select u.sequence, u.entry from rapport.record_updates u
  where u.tenant = given.tenant and u.type = given.type and u.record_id = given.id
  order by u.sequence desc
  limit 1
) as newest on true`

const SWAP_SNAPSHOT = `
update rapport.records r
set snapshot_sequence = u.sequence, snapshot_entry = u.entry, snapshot_at = u.at, snapshot = $7, snapshot_vector = $8
from rapport.record_updates u
where r.tenant = $1 and r.type = $2 and r.id = $3 and r.snapshot_sequence = $4 and not r.erased
  and u.tenant = $1 and u.type = $2 and u.record_id = $3 and u.sequence = $5 and u.entry = $6 and u.sequence > $4
returning r.id`

const PAGE = `
select id from rapport.records
where tenant = $1 and type = $2 and id > $3 and not erased
order by id
limit $4`

function keyColumns(keys: readonly RecordKey[]): readonly [string[], string[], string[]] {
  return [keys.map((key) => key.tenant), keys.map((key) => key.type), keys.map((key) => key.id)]
}

/** The order that the statement sorts by too; done here it has little left to do. */
function compareKeys(one: RecordKey, other: RecordKey): number {
  if (one.tenant !== other.tenant) return one.tenant < other.tenant ? -1 : 1
  if (one.type !== other.type) return one.type < other.type ? -1 : 1
  return one.id < other.id ? -1 : one.id > other.id ? 1 : 0
}

function storedRecord(key: RecordKey, head: LoadedRow, tail: readonly LoadedRow[]): StoredRecord {
  const rows = tail.map(({ sequence, entry, update, at }) => ({
    position: { sequence, entry: entry ?? '' },
    update: update ?? new Uint8Array(),
    at: at ?? 0,
  }))
  const position = { sequence: head.sequence, entry: head.entry ?? '' }
  return {
    key,
    createdAt: head.created_at ?? 0,
    createdBy: head.created_by ?? '',
    erased: head.erased ?? false,
    snapshot: head.update === null ? undefined : { position, update: head.update, stateVector: head.vector ?? new Uint8Array() },
    updatedAt: rows.at(-1)?.at ?? head.at ?? 0,
    tail: rows,
  }
}
