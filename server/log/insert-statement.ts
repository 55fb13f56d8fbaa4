/**
 * The statement that writes a group of entries, and everything that was found in them: the only one that adds to the log. It
 * runs in autocommit, so it is atomic and no client can hold its locks by falling asleep.
 *
 * **Admission.** `created` makes the row of a record's first entry; whoever loses that race is not admitted. Of a record that
 * exists, the row is locked `for share`, which waits for a running compaction or erasure, sees its result, and keeps the next
 * one out until the entries are committed. The predecessor must be the entry that it was, and the primary key refuses a
 * second entry at the same place, waiting for a competitor that has not committed yet.
 *
 * **Whose client ids.** An entry that claims a client id is refused if it is somebody else's. Presence hands ids out beside
 * the log, under a lock on the same row of `records`. Such a lock is waited for, but what was written under it is not seen by
 * a statement that began before; so a volatile function looks, which sees what is committed when it is called, and `case` has
 * it called only when all locks are held. Before a record's first entry there is no row to lock, and none may be left by an entry
 * that is refused; so `usurping` looks before `created`. An id that presence binds
 * between that look and the commit nobody has seen yet: whoever wrote the entry has it.
 *
 * **Once.** A captured change of a row is settled by the entry that holds it: an entry is not admitted if one of its changes was settled
 * before. So that none is settled in between they are held before anything else is done.
 *
 * **No deadlocks** between instances whose groups overlap. Locks are taken in phases, each in the order of the records' keys: first
 * the captured changes, since `outdated` is hashed before the first entry is looked at, then all rows of `records`, then all rows
 * of the log, then what was found. The sort in `inserted` is the first
 * border, for it must have read all of `admitted`, and with it all of `created` and `standing`, before it gives its first
 * row. `in (select entry from inserted)` is the second: it is hashed, so `inserted` is complete before the first finding.
 * Rows of findings are of one record each, and only who has put an entry into its log, or holds the lock of presence, touches
 * more than one of them.
 *
 * **Marks** tell the projector which records have news. They are rows of their own that only this statement adds and only the
 * projector deletes, so neither ever waits for the other; one that is there already can only be this entry's own.
 *
 * **A plan that stays good.** A prepared plan made while the tables were empty, and without knowing how long the arrays will
 * be, lives as long as its connection. So nothing here leaves the planner a choice between a lookup by key and a scan of the
 * table: `for share` or `limit` in a lateral subquery cannot be merged into a join, a scalar subquery is evaluated row by
 * row, a row that is there is changed by inserting it once more, and one is deleted by a function, by its key. Nor may it
 * compare every row of a group with every other: `(… in (…)) is true` cannot become a join either, and is hashed.
 */
import { SERVER_AUTHOR } from './findings.ts'
import { ABSORBED, CHANGES, CLIENTS, CONFLICTS, ENTRIES, MARKS, SETTLED, WITHDRAWN } from './insert-parts.ts'

const KEY = 'tenant, type, id'
const IN_ORDER = 'tenant collate "C", type collate "C", id collate "C"'
/** Of a finding: its entry is in the log. */
const STORED = '(entry in (select entry from inserted)) is true'
const PLACE = 'tenant, type, record_id, sequence'
const AT = 'to_timestamp(at / 1000)'

const CONFLICT_COLUMNS = [
  ...['kept_client', 'kept_clock', 'kept_value', 'kept_sub', 'kept_role'],
  ...['replaced_client', 'replaced_clock', 'replaced_value', 'replaced_sub', 'replaced_role'],
]
const CONFLICT_WRITES = CONFLICT_COLUMNS.join(', ')

/** The entries, with or without a look at the changes that they settle. */
const given = (absorbing: boolean): string => `
given as materialized (
  select ${KEY}, previous, nullif(previous_entry, '')::uuid as previous_entry, entry, update, authors::jsonb as authors,
    ${AT} as at, author, schema_version
  from ${ENTRIES}${absorbing ? '\n  where (entry in (select entry from outdated)) is not true' : ''}
)`

const OUTDATED = `
outdated as materialized (
  select entry from ${ABSORBED} where not rapport.hold_inbound(tenant, id)
)`

const PARTS = `
claimed as materialized (select * from ${CLIENTS}),
usurping as materialized (
  select entry from claimed
  where case
    when (entry in (select entry from given where previous = 0)) is true
    then rapport.belongs_to_another(tenant, type, record_id, client, sub)
  end
),
created as (
  insert into rapport.records (${KEY}, schema_version, created_at, created_by)
  select ${KEY}, schema_version, at, author from given
  where previous = 0 and (entry in (select entry from usurping)) is not true
  order by ${IN_ORDER}
  on conflict do nothing
  returning ${KEY}
),
standing as materialized (
  select given.* from given where previous = 0 and ((${KEY}) in (select ${KEY} from created)) is true
  union all
  select given.*
  from given
  cross join lateral (
    select r.erased, r.snapshot_sequence, r.snapshot_entry
    from rapport.records r
    where r.tenant = given.tenant and r.type = given.type and r.id = given.id
    for share
  ) as stored
  where given.previous > 0
    and not stored.erased
    and stored.snapshot_sequence <= given.previous
    and given.previous_entry = case
      when stored.snapshot_sequence = given.previous then stored.snapshot_entry
      else (
        select u.entry from rapport.record_updates u
        where u.tenant = given.tenant and u.type = given.type and u.record_id = given.id and u.sequence = given.previous
      )
    end
),
contested as materialized (
  select entry from claimed
  where case
    when (entry in (select entry from standing where previous > 0)) is true
    then rapport.belongs_to_another(tenant, type, record_id, client, sub)
  end
),
admitted as materialized (
  select * from standing where (entry in (select entry from contested)) is not true
),
inserted as (
  insert into rapport.record_updates (${PLACE}, entry, update, authors, at)
  select ${KEY}, previous + 1, entry, update, authors, at
  from admitted
  order by ${IN_ORDER}
  on conflict do nothing
  returning ${PLACE}, entry, at
),
marks as (
  insert into rapport.projection_marks (${PLACE}, at)
  select ${PLACE}, at from inserted
  on conflict do nothing
),
items as (
  insert into rapport.server_items
    (${PLACE}, ordinal, client, clock, length, author_sub, author_role, stands_for_client, stands_for_clock, cleared)
  select ${PLACE}, ordinal, client, clock, length, sub, role, standing_client, standing_clock, cleared::boolean
  from ${MARKS}
  where ${STORED}
),
clients as (
  insert into rapport.record_clients as held (${PLACE}, client, owner_sub, owner_role, relayed, at)
  select ${PLACE}, client, sub, role, relayed::boolean, ${AT}
  from claimed
  where ${STORED}
  on conflict (tenant, type, record_id, client) do update
  set owner_sub = excluded.owner_sub, owner_role = excluded.owner_role, relayed = held.relayed and excluded.relayed,
    sequence = excluded.sequence, at = excluded.at
  where case
    when held.sequence is null then held.owner_sub = excluded.owner_sub or (excluded.sequence = 1 and not excluded.relayed)
    else held.relayed and not excluded.relayed
  end
),
changes as (
  insert into rapport.field_changes
    (${PLACE}, ordinal, path, before, after, author_sub, author_role, device, via, item_client, item_clock, at)
  select ${PLACE}, ordinal, path::text[], before, after, sub, role, device, via, item_client, item_clock, ${AT}
  from ${CHANGES}
  where ${STORED}
)`

const RARE_PARTS = `,
put as (
  insert into rapport.conflicts (${PLACE}, id, path, status, ${CONFLICT_WRITES}, at, settled_at, settled_by)
  select ${PLACE}, id, path::text[], status, ${CONFLICT_WRITES}, ${AT},
    case when status <> 'open' then ${AT} end, case when status <> 'open' then '${SERVER_AUTHOR.sub}' end
  from ${CONFLICTS}
  where ${STORED}
  on conflict (tenant, type, record_id, id) do update
  set (sequence, path, status, ${CONFLICT_WRITES}, at, settled_at, settled_by) =
    row (excluded.sequence, excluded.path, excluded.status, ${CONFLICT_COLUMNS.map((column) => `excluded.${column}`).join(', ')},
      excluded.at, excluded.settled_at, excluded.settled_by)
),
settled as (
  insert into rapport.conflicts as held (${PLACE}, id, path, status, ${CONFLICT_WRITES}, at, settled_at, settled_by)
  select c.tenant, c.type, c.record_id, c.sequence, c.id, c.path, settled.status, ${CONFLICT_COLUMNS.map((column) => `c.${column}`).join(', ')},
    c.at, to_timestamp(settled.at / 1000), settled.sub
  from ${SETTLED}
  cross join lateral (
    select * from rapport.conflicts c
    where c.tenant = settled.tenant and c.type = settled.type and c.record_id = settled.record_id and c.id = settled.id
    limit 1
  ) as c
  where ${STORED}
  on conflict (tenant, type, record_id, id) do update
  set status = excluded.status, settled_at = excluded.settled_at, settled_by = excluded.settled_by
  where held.status = 'open'
),
withdrawn as materialized (
  select rapport.withdraw_conflict(tenant, type, record_id, id) from ${WITHDRAWN} where ${STORED}
),
absorbing as materialized (
  select rapport.settle_inbound(tenant, id, status, reason) from ${ABSORBED} where ${STORED}
)`

/** Of a group in which nobody meets anybody, and no row was changed, which most are: parts that have nothing to do cost something, too. */
export const INSERT_WITHOUT_RARE_PARTS = `with${given(false)},${PARTS}
select entry from inserted`

/** Counting has what was withdrawn and absorbed done. */
export const INSERT = `with${OUTDATED},${given(true)},${PARTS}${RARE_PARTS}
select entry from inserted where (select count(*) from withdrawn) + (select count(*) from absorbing) is not null`
