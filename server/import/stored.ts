/**
 * What is stored already, asked for in groups. Existence is read from the records themselves; whether one is deleted, and what
 * companies are called, from the rows that show them, which may be a moment behind.
 */
import { parseRecordId, type RecordId, type Tenant } from '@rapport/shared/ids.ts'
import type { Sql } from '../db.ts'
import type { ImportedType } from './target.ts'
import { fold } from './values.ts'

export interface StoredRecord {
  readonly id: RecordId
  /** `erased`: the id is dead for ever. */
  readonly state: 'live' | 'deleted' | 'erased'
}

/** For each first half of an id, the records whose ids begin with it, by id. */
export async function storedUnder(
  sql: Sql,
  tenant: Tenant,
  type: ImportedType,
  halves: readonly string[],
): Promise<ReadonlyMap<string, readonly StoredRecord[]>> {
  const values = [tenant, type, [...new Set(halves)]]
  const rows = await sql.unsafe<HalfRow[]>(STORED_UNDER[type], values as never[], { prepare: true })
  const found = new Map<string, StoredRecord[]>()
  for (const { half, id: text, erased, deleted } of rows) {
    const id = parseRecordId(text)
    if (id === undefined) continue
    const record = { id, state: erased ? 'erased' : deleted ? 'deleted' : 'live' } as const
    found.set(half, [...(found.get(half) ?? []), record])
  }
  return found
}

interface HalfRow {
  readonly half: string
  readonly id: string
  readonly erased: boolean
  readonly deleted: boolean
}

/** In the order of ids, which is that of their bytes, `~` stands behind all of their characters. */
const storedIn = (rows: string): string => `
select given.half, found.id, found.erased, coalesce(main.deleted_at is not null, false) as deleted
from unnest($3::text[]) as given (half)
cross join lateral (
  select r.id, r.erased from rapport.records r
  where r.tenant = $1 and r.type = $2 and r.id >= given.half and r.id < given.half || '~'
) as found
left join ${rows} main on main.tenant = $1 and main.id = found.id
order by found.id`

const STORED_UNDER: Readonly<Record<ImportedType, string>> = {
  contact: storedIn('public.contacts'),
  account: storedIn('public.accounts'),
}

/** For each folded name, the accounts that are called so and are not deleted, by id. */
export async function accountsCalled(
  sql: Sql,
  tenant: Tenant,
  names: readonly string[],
): Promise<ReadonlyMap<string, readonly RecordId[]>> {
  // A database may know the case of ASCII letters alone; a name in capitals is then found by asking in capitals as well.
  const plain = names.map((name) => name.normalize('NFC').replaceAll(/\s+/g, ' ').trim())
  const spellings = new Set(plain.flatMap((name) => [name, name.toLowerCase(), name.toUpperCase()]))
  const values = [tenant, [...spellings]]
  const rows = await sql.unsafe<{ id: string; name: string }[]>(ACCOUNTS_CALLED, values as never[], { prepare: true })
  const called = new Map<string, RecordId[]>()
  for (const { id: text, name } of rows) {
    const id = parseRecordId(text)
    if (id !== undefined) called.set(fold(name), [...(called.get(fold(name)) ?? []), id])
  }
  return called
}

const ACCOUNTS_CALLED = `
select id, name from public.accounts
where tenant = $1 and deleted_at is null
  and btrim(regexp_replace(lower(name), '\\s+', ' ', 'g')) in (select lower(given.name) from unnest($2::text[]) as given (name))
order by id`
