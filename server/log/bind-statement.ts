/**
 * The statement that notes whose client ids are, as presence tells. It takes the locks that the inserting statement takes, in
 * the same order: rows of `records` first, those of several in the order of their keys, then rows of clients. With the former
 * held nobody stores an entry in these records, so nobody decides by what is about to change. Who was bound before is asked
 * beforehand, so that a client that comes back locks nothing. Of a record that was never written there is no row to lock, and
 * none is made: an id is bound there, too, or whoever sees it could be the first to write.
 */

/** Of one sender and record: ids that were announced and never written with. */
const ANNOUNCED_PER_SENDER = 100

const RECORD = 'tenant, type, id'
const IN_ORDER = 'tenant collate "C", type collate "C", id collate "C"'

/**
 * Two at the same instant may leave a few rows too many; the next one takes them away. Of the planner's choices what
 * `insert-statement.ts` says holds here, too.
 */
export const BIND_STATEMENT = `
with claimed as materialized (
  select claim.*
  from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[])
    with ordinality as claim (${RECORD}, client, sub, role, place)
  where (
    select true from rapport.record_clients c
    where c.tenant = claim.tenant and c.type = claim.type and c.record_id = claim.id and c.client = claim.client
  ) is null
),
locked as materialized (
  select wanted.*
  from (select distinct tenant collate "C" as tenant, type collate "C" as type, id collate "C" as id from claimed order by ${IN_ORDER}) as wanted
  left join lateral (
    select r.erased from rapport.records r
    where r.tenant = wanted.tenant and r.type = wanted.type and r.id = wanted.id
    for no key update
  ) as stored on true
  where stored.erased is not true
),
bound as (
  insert into rapport.record_clients (tenant, type, record_id, client, owner_sub, owner_role, relayed, at)
  select ${RECORD}, client, sub, role, false, clock_timestamp()
  from claimed
  where ((${RECORD}) in (select ${RECORD} from locked)) is true
  order by ${IN_ORDER}, place
  on conflict do nothing
  returning tenant, type, record_id, owner_sub
)
select rapport.forget_announced(news.tenant, news.type, news.record_id, spare.client)
from (select tenant, type, record_id, owner_sub, count(*) as added from bound group by 1, 2, 3, 4) as news
cross join lateral (
  select c.client from rapport.record_clients c
  where c.tenant = news.tenant and c.type = news.type and c.record_id = news.record_id and c.owner_sub = news.owner_sub
    and c.sequence is null
  order by c.position desc
  offset greatest(${ANNOUNCED_PER_SENDER} - news.added, 0)
) as spare`
