/**
 * Which records wait to be projected, and how far each one is: the statements about marks and state that stand alone. Marks are
 * insert-only for the log, so nothing here ever makes a commit wait.
 *
 * Whoever erases a record deletes its state before its rows. Then a projector either finds the record erased or has committed before,
 * and what it wrote is deleted with the rest.
 */
import { parseRecordId, parseTenant, type RecordKey } from '@rapport/shared/ids.ts'
import { run, runPlanned, type Session } from './transaction.ts'

interface KeyRow {
  readonly tenant: string
  readonly type: string
  readonly id: string
}

/** A place in the order of records; all of them come behind `BEGINNING`. */
export type Place = Readonly<Record<'tenant' | 'type' | 'id', string>>

export const BEGINNING: Place = { tenant: '', type: '', id: '' }

/** Records of these types that wait, in the order of their keys, behind `after`. */
export async function markedAfter(sql: Session, types: readonly string[], after: Place, limit: number): Promise<RecordKey[]> {
  const rows = await runPlanned<KeyRow>(sql, MARKED, [types, after.tenant, after.type, after.id, limit])
  return rows.flatMap(keyOf)
}

/** Faulty records that are to be tried again by now, those first that wait longest. */
export async function dueAgain(sql: Session, mapping: string, limit: number): Promise<RecordKey[]> {
  const rows = await runPlanned<KeyRow>(sql, DUE, [mapping, limit])
  return rows.flatMap(keyOf)
}

/** Of records that are erased, or that are not there, nothing is to be projected, ever. */
export async function forget(sql: Session, keys: readonly RecordKey[]): Promise<void> {
  if (keys.length === 0) return
  for (const statement of FORGET) await runPlanned(sql, statement, keyColumns(keys))
}

/**
 * Of types that no mapping projects. What another process, of a newer version perhaps, has a mapping for is left to it, but not for
 * ever: a mapping that comes back begins with a rebuild. Resolves with how many were removed; a full `limit` means that more are left.
 */
export async function dropUnmapped(sql: Session, types: readonly string[], limit: number): Promise<number> {
  const rows = await runPlanned(sql, DROP_UNMAPPED, [types, limit])
  return rows.length
}

/** Frees what removed marks and outdated shadows take up. */
export async function vacuum(sql: Session): Promise<void> {
  await runPlanned(sql, 'vacuum rapport.projection_marks, rapport.projection_state', [])
}

/** Makes the rows that a projection claims. */
export async function ensureState(sql: Session, mapping: string, keys: readonly RecordKey[]): Promise<void> {
  await run(sql, ENSURE, [...keyColumns(keys), mapping])
}

export interface Faulty {
  readonly key: RecordKey
  /** Of the document that could not be projected. Its marks up to here go: it is tried again when it is time, or edited. */
  readonly sequence: number
  readonly fault: string
}

/** Notes why a record cannot be projected; its rows stay as they are. `others`: further mappings of its type. */
export async function noteFault(
  session: Session,
  mapping: string,
  { key, sequence, fault }: Faulty,
  others: readonly string[],
): Promise<void> {
  await run(session, FAULT, [key.tenant, key.type, key.id, mapping, sequence, fault])
  await settleMarks(session, key.type, [{ key, sequence }], others)
}

/** Removes the marks up to these sequences, but for what another mapping of the type has not got to yet. */
export async function settleMarks(
  session: Session,
  type: string,
  records: readonly { readonly key: RecordKey; readonly sequence: number }[],
  others: readonly string[],
): Promise<void> {
  if (records.length === 0) return
  const [tenants, , ids] = keyColumns(records.map((record) => record.key))
  await run(session, SETTLE, [type, tenants, ids, records.map((record) => record.sequence), others])
}

/**
 * Makes records wait whose rows may be wrong although they count every entry: by a mark of no entry, and by a state of no version. A
 * state that somebody else holds is left to them: they are bringing the rows in line.
 */
export async function leaveMarks(session: Session, mapping: string, keys: readonly RecordKey[]): Promise<void> {
  if (keys.length === 0) return
  await run(session, DOUBT, [...keyColumns(keys), mapping])
  await run(session, LEAVE, keyColumns(keys))
}

/**
 * As `leaveMarks`, of all these mappings, and for whoever sees more than they do: rows were written by somebody else. A state that is held
 * is waited for, as long as a lock may be: who holds it may have looked at the rows before.
 */
export async function demandRows(session: Session, mappings: readonly string[], keys: readonly RecordKey[]): Promise<void> {
  if (keys.length === 0) return
  await run(session, DEMAND, [...keyColumns(keys), mappings])
  await run(session, LEAVE, keyColumns(keys))
}

export function keyColumns(keys: readonly RecordKey[]): readonly [tenants: string[], types: string[], ids: string[]] {
  return [keys.map((key) => key.tenant), keys.map((key) => key.type), keys.map((key) => key.id)]
}

export function keyOf(row: KeyRow): RecordKey[] {
  const [tenant, id] = [parseTenant(row.tenant), parseRecordId(row.id)]
  return tenant === undefined || id === undefined ? [] : [{ tenant, type: row.type, id }]
}

/** A point in time as text, with milliseconds. */
export const rfc3339 = (column: string): string => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`

/** Wall time in milliseconds as a parameter: what instances compare with each other's is the database's `now()` instead. */
export const instant = (parameter: string): string => `to_timestamp(${parameter}::float8 / 1000)`

/** Seconds until a faulty record is tried again: 1, doubling. */
const MOST_SECONDS = 300

const MARKED = `
select distinct tenant, type, record_id as id
from rapport.projection_marks
where type = any($1::text[]) and (tenant, type, record_id) > ($2, $3, $4)
order by tenant, type, record_id
limit $5::int`

const DUE = `
select tenant, type, record_id as id
from rapport.projection_state
where fault is not null and mapping = $1 and retry_at <= now()
order by retry_at
limit $2::int`

const FORGET = ['projection_marks', 'projection_state'].map(
  (table) => `
delete from rapport.${table} m
using unnest($1::text[], $2::text[], $3::text[]) as given (tenant, type, id)
where m.tenant = given.tenant and m.type = given.type and m.record_id = given.id`,
)

const DROP_UNMAPPED = `
delete from rapport.projection_marks
where ctid in (
  select m.ctid from rapport.projection_marks m
  where m.type <> all($1::text[]) and (
    not exists (select 1 from rapport.projection_rebuilds b where b.record_type = m.type)
    or m.at < now() - interval '7 days'
  )
  limit $2::int
)
returning 1`

const ENSURE = `
insert into rapport.projection_state (tenant, type, record_id, mapping)
select tenant, type, id, $4 from unnest($1::text[], $2::text[], $3::text[]) as given (tenant, type, id)
order by tenant collate "C", type collate "C", id collate "C"
on conflict do nothing`

/** A state beyond the sequence is somebody else's newer success. */
const FAULT = `
insert into rapport.projection_state as s (tenant, type, record_id, mapping, fault, fault_at, attempts, retry_at)
values ($1, $2, $3, $4, $6, now(), 1, now() + interval '1 second')
on conflict (tenant, type, record_id, mapping) do update
set fault = excluded.fault, fault_at = coalesce(s.fault_at, excluded.fault_at), attempts = s.attempts + 1,
  retry_at = excluded.fault_at + least(power(2, least(s.attempts, 20)), ${MOST_SECONDS}) * interval '1 second'
where s.sequence <= $5::bigint`

const SETTLE = `
delete from rapport.projection_marks m
using unnest($2::text[], $3::text[], $4::bigint[]) as given (tenant, id, sequence)
where m.tenant = given.tenant and m.type = $1 and m.record_id = given.id and m.sequence <= given.sequence
  and not exists (
    select 1 from unnest($5::text[]) as other (mapping)
    where not exists (
      select 1 from rapport.projection_state s
      where s.tenant = m.tenant and s.type = m.type and s.record_id = m.record_id and s.mapping = other.mapping
        and ((s.sequence >= m.sequence and s.mapping_version > 0) or s.fault is not null)
    )
  )`

const DOUBT = `
update rapport.projection_state s set mapping_version = 0
from unnest($1::text[], $2::text[], $3::text[]) as given (tenant, type, id)
cross join lateral (
  select 1 from rapport.projection_state h
  where h.tenant = given.tenant and h.type = given.type and h.record_id = given.id and h.mapping = $4
  for update skip locked
) as held
where s.tenant = given.tenant and s.type = given.type and s.record_id = given.id and s.mapping = $4`

const DEMAND = `
update rapport.projection_state s set mapping_version = 0
from unnest($1::text[], $2::text[], $3::text[]) as given (tenant, type, id)
where s.tenant = given.tenant and s.type = given.type and s.record_id = given.id and s.mapping = any($4::text[])`

const LEAVE = `
insert into rapport.projection_marks (tenant, type, record_id, sequence, at)
select tenant, type, id, 0, now()
from unnest($1::text[], $2::text[], $3::text[]) as given (tenant, type, id)
order by tenant collate "C", type collate "C", id collate "C"
on conflict do nothing`
