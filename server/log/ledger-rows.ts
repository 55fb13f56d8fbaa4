/**
 * What judging a record needs to know beside its document, by one statement and so of one instant. Each kind of row comes as
 * one text of JSON: thousands of marks are one value for the driver.
 */
import type { Scalar } from '@rapport/shared/schema/register.ts'
import type { AwaitedItems, LedgerRows } from './findings.ts'

/** Of each kind an array of arrays. */
export interface LedgerRow {
  readonly marks: string
  readonly clients: string
  readonly conflicts: string
  readonly set_aside: string
  readonly restored: boolean
}

const RECORD = 'tenant = $1 and type = $2 and record_id = $3'

const rows = (columns: string, order: string, from: string): string =>
  `coalesce((select json_agg(json_build_array(${columns}) order by ${order}) from ${from}), '[]')::text`

/**
 * A record that one program edits for years has as many marks as edits. Of one client and author, those that lie one behind the other and
 * all stand for themselves, or all for the same write, are told as one: the first of them, with the length of all. In the order
 * of the key, so that nothing is sorted; what other clients' marks lie between is told by itself.
 */
const IS_OWN = 'coalesce(stands_for_client = client and stands_for_clock = clock, false)'
const MARKS = `(
  select min(client) as client, min(clock) as clock, sum(length) as length, min(author_sub) as author_sub,
    min(author_role) as author_role, min(stands_for_client) as stands_for_client, min(stands_for_clock) as stands_for_clock,
    bool_or(cleared) as cleared, run
  from (
    select *, count(*) filter (where not continues) over (order by sequence, ordinal rows unbounded preceding) as run
    from (
      select *, coalesce(
        clock = lag(clock + length) over past and client = lag(client) over past
          and cleared = lag(cleared) over past and own = lag(own) over past
          and (own or (stands_for_client, stands_for_clock) is not distinct from
            (lag(stands_for_client) over past, lag(stands_for_clock) over past))
          and author_sub = lag(author_sub) over past and author_role = lag(author_role) over past,
        false
      ) as continues
      from (select *, ${IS_OWN} as own from rapport.server_items where ${RECORD} and sequence <= $4) as noted
      window past as (order by sequence, ordinal)
    ) as linked
  ) as runs
  group by run
) as told`

export const LEDGER = `
select
  ${rows('client, clock, length, author_sub, author_role, stands_for_client, stands_for_clock, cleared', 'run', MARKS)} as marks,
  ${rows(
    'client, owner_sub, owner_role, relayed',
    'client',
    `rapport.record_clients where ${RECORD} and (sequence is null or sequence <= $4)`,
  )} as clients,
  ${rows(
    `id, path, kept_client, kept_clock, kept_value, kept_sub, kept_role,
     replaced_client, replaced_clock, replaced_value, replaced_sub, replaced_role`,
    'sequence, id',
    `rapport.conflicts where ${RECORD} and status = 'open' and sequence <= $4`,
  )} as conflicts,
  ${rows('id, awaits', 'at, id', `rapport.set_aside where ${RECORD}`)} as set_aside,
  exists (select 1 from rapport.restorations where until > now()) as restored`

type MarkRow = [number, number, number, string, string, number | null, number | null, boolean]
type ClientRow = [number, string, string, boolean]
type WriteRow = [number, number, string | null, string, string]
type ConflictRow = [string, string[], ...WriteRow, ...WriteRow]

export function ledgerOf({ marks, clients, conflicts, set_aside, restored }: LedgerRow): LedgerRows {
  return {
    marks: (JSON.parse(marks) as MarkRow[]).map(([client, clock, length, sub, role, byClient, byClock, cleared]) => {
      const standsFor = byClient === null || byClock === null ? undefined : { client: byClient, clock: byClock }
      return { client, clock, length, author: { sub, role }, standsFor, cleared }
    }),
    clients: (JSON.parse(clients) as ClientRow[]).map(([client, sub, role, relayed]) => {
      return { client, owner: { sub, role }, relayed }
    }),
    conflicts: (JSON.parse(conflicts) as ConflictRow[]).map(([id, path, kc, kk, kv, ks, kr, rc, rk, rv, rs, rr]) => {
      return { id, path, kept: write([kc, kk, kv, ks, kr]), replaced: write([rc, rk, rv, rs, rr]) }
    }),
    setAside: (JSON.parse(set_aside) as [string, AwaitedItems['awaits']][]).map(([id, awaits]) => ({ id, awaits })),
    restored,
  }
}

function write([client, clock, value, sub, role]: WriteRow) {
  return { item: { client, clock }, value: decoded(value), author: { sub, role } }
}

/** A field's value as it is stored: JSON in plain text, or null. */
export function decoded(value: string | null): Scalar | null {
  return value === null ? null : (JSON.parse(value) as Scalar)
}
