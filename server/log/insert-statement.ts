/**
 * The statement that writes a group of entries: the only one that adds to the log. It runs in autocommit, so it is atomic and
 * no client can hold its locks by falling asleep.
 *
 * **Admission.** `created` makes the row of a record's first entry; whoever loses that race is not admitted. Of a record that
 * exists, the row is locked `for share`, which waits for a running compaction or erasure, sees its result, and keeps the next
 * one out until the entries are committed. The predecessor must be the entry that it was, and the primary key refuses a
 * second entry at the same place, waiting for a competitor that has not committed yet.
 *
 * **No deadlocks** between instances whose groups overlap. Locks are taken in two phases, each in the order of the records'
 * keys: first all rows of `records`, then all rows of the log. The sort in `inserted` is the border, for it must have read
 * all of `admitted`, and with it all of `created`, before it gives its first row.
 *
 * **Marks** tell the projector which records have news. They are rows of their own that only this statement adds and only the
 * projector deletes, so neither ever waits for the other; one that is there already can only be this entry's own.
 *
 * **A plan that stays good.** A prepared plan made while the tables were empty, and without knowing how long the arrays will
 * be, lives as long as its connection. So nothing here leaves the planner a choice between a lookup by key and a scan of the
 * table: `for share` in a lateral subquery cannot be merged into a join, and a scalar subquery is evaluated row by row. Nor may
 * it compare every row of a group with every other: `(… in (…)) is true` cannot become a join either, and is hashed.
 */

const KEY = 'tenant, type, id'

export const INSERT_STATEMENT = `
with given as materialized (
  select tenant, type, id, previous, nullif(previous_entry, '')::uuid as previous_entry, entry, update, authors::jsonb as authors,
    to_timestamp(at / 1000) as at, author, schema_version
  from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::uuid[], $7::bytea[], $8::text[], $9::float8[],
    $10::text[], $11::int[]) as given (tenant, type, id, previous, previous_entry, entry, update, authors, at, author, schema_version)
),
created as (
  insert into rapport.records (tenant, type, id, schema_version, created_at, created_by)
  select ${KEY}, schema_version, at, author from given where previous = 0
  order by tenant collate "C", type collate "C", id collate "C"
  on conflict do nothing
  returning ${KEY}
),
admitted as materialized (
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
inserted as (
  insert into rapport.record_updates (tenant, type, record_id, sequence, entry, update, authors, at)
  select ${KEY}, previous + 1, entry, update, authors, at
  from admitted
  order by tenant collate "C", type collate "C", id collate "C"
  on conflict do nothing
  returning tenant, type, record_id, sequence, entry, at
),
marks as (
  insert into rapport.projection_marks (tenant, type, record_id, sequence, at)
  select tenant, type, record_id, sequence, at from inserted
  on conflict do nothing
),
items as (
  insert into rapport.server_items
    (tenant, type, record_id, client, clock, length, author_sub, author_role, stands_for_client, stands_for_clock, sequence)
  select tenant, type, record_id, client, clock, length, sub, role, standing_client, standing_clock, sequence
  from unnest($12::uuid[], $13::text[], $14::text[], $15::text[], $16::bigint[], $17::bigint[], $18::bigint[], $19::int[],
    $20::text[], $21::text[], $22::bigint[], $23::bigint[]) as item (entry, tenant, type, record_id, sequence, client, clock, length,
    sub, role, standing_client, standing_clock)
  where (entry in (select entry from inserted)) is true
)
select entry from inserted`
