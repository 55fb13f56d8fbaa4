/** Webhooks as operators handle them. What changes where one stands waits for the removal of old events, and that for it. */
import type { Tenant } from '@rapport/shared/ids.ts'
import type { Sql } from '../db.ts'
import type { WebhookListing } from './webhook.ts'

export interface NewWebhook {
  readonly id: string
  readonly tenant: Tenant
  readonly url: string
  readonly secret: string
  /** Null for all. */
  readonly types: readonly string[] | null
  /** Wall time in milliseconds. */
  readonly now: number
}

export interface WebhookStore {
  /** Of events from now on. */
  add(webhook: NewWebhook): Promise<void>
  list(): Promise<readonly WebhookListing[]>
  find(id: string): Promise<WebhookListing | undefined>
  /** False if there is none of that id, as in all of these. */
  remove(id: string): Promise<boolean>
  /** Delivers to it again, whatever was before. Events that are removed by now it never gets: `position` shows where it goes on. */
  resume(id: string, now: number): Promise<boolean>
  /** As `resume`, with all events behind a position. False, too, if some of them were removed, or the feed does not go so far. */
  replay(id: string, after: number, now: number): Promise<boolean>
  /** The secret before signs, too, until then. */
  rotate(id: string, secret: string, previousUntil: number): Promise<boolean>
}

export function createWebhookStore(sql: Sql): WebhookStore {
  const changes = async (statement: string, ...values: (string | number | null)[]): Promise<boolean> =>
    (await sql.unsafe(statement, values)).length > 0
  const list = async (id: string | null): Promise<readonly WebhookListing[]> => await sql.unsafe<WebhookListing[]>(LIST, [id])
  return {
    async add({ id, tenant, url, secret, types, now }) {
      await sql.unsafe(ADD, [tenant, id, url, secret, types === null ? null : JSON.stringify(types), instantOf(now)])
    },
    list: () => list(null),
    find: async (id) => (await list(id))[0],
    remove: (id) => changes('delete from rapport.webhooks where id = $1::text::uuid returning id', id),
    resume: (id, now) => changes(RESUME, id, instantOf(now)),
    replay: (id, after, now) => changes(REPLAY, id, instantOf(now), after),
    rotate: (id, secret, previousUntil) => changes(ROTATE, id, secret, instantOf(previousUntil)),
  }
}

function instantOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}

const ADD = `
insert into rapport.webhooks (tenant, id, url, secret, types, position, next_try, created_at)
select $1, $2::text::uuid, $3, $4,
  case when $5::text is null then null else array(select jsonb_array_elements_text($5::text::jsonb)) end,
  coalesce((select position from rapport.feed_heads where tenant = $1), 0), $6::text::timestamptz, $6::text::timestamptz`

const LIST = `
select w.id, w.tenant, w.url, w.types, w.state, w.position, greatest(coalesce(h.position, 0) - w.position, 0)::bigint as waiting,
  w.attempts, w.next_try as "nextTry", w.last_error as "lastError", w.delivered_at as "deliveredAt", w.created_at as "createdAt"
from rapport.webhooks w
left join rapport.feed_heads h on h.tenant = w.tenant
where $1::text is null or w.id = $1::text::uuid
order by w.tenant, w.created_at, w.id`

/** The lock lets no event be removed between the look at what is left and the note that it is needed. */
const HEAD = `
with head as (
  select h.tenant, h.position, h.removed
  from rapport.feed_heads h
  where h.tenant = (select tenant from rapport.webhooks where id = $1::text::uuid)
  for update
)`

const ACTIVE = `state = 'active', attempts = 0, next_try = $2::text::timestamptz, last_error = null, lease = null, leased_until = null`

const RESUME = `${HEAD}
update rapport.webhooks w
set ${ACTIVE}, position = greatest(w.position, coalesce((select removed from head), 0))
where w.id = $1::text::uuid
returning w.id`

const REPLAY = `${HEAD}
update rapport.webhooks w
set ${ACTIVE}, position = $3::bigint
where w.id = $1::text::uuid
  and $3::bigint between coalesce((select removed from head), 0) and coalesce((select position from head), 0)
returning w.id`

const ROTATE = `
update rapport.webhooks
set previous_secret = secret, previous_until = $3::text::timestamptz, secret = $2
where id = $1::text::uuid
returning id`
