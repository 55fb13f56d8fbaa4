/**
 * Which webhooks have something to do, and what became of it: the statements of those who deliver. A webhook belongs to one of them at a
 * time, for as long as a lease, and is moved only by whoever holds it and from where that one found it: after a replay, a removal or an
 * expired lease, what a slow deliverer has to say counts no more.
 */
import type { Sql } from '../db.ts'
import type { WebhookState, WebhookTarget } from './webhook.ts'

export interface Lease {
  /** Of the process that delivers. */
  readonly holder: string
  /** Wall time in milliseconds. */
  readonly now: number
}

/** What is to be written of a webhook. */
export interface Progress {
  readonly position: number
  readonly attempts: number
  readonly state: WebhookState
  readonly lastError: string | null
  /** Wall time in milliseconds. */
  readonly nextTry: number
  readonly delivered: boolean
  /** Whether to go on holding it. */
  readonly keep: boolean
}

export interface WebhookQueue {
  /** Takes webhooks that are due, at most so many, those first that wait longest. */
  claim(lease: Lease, limit: number): Promise<readonly WebhookTarget[]>
  /** False if the webhook is not the holder's any more, or does not stand where it was found: nothing was written then. */
  settle(lease: Lease, found: Pick<WebhookTarget, 'tenant' | 'id' | 'position'>, progress: Progress): Promise<boolean>
}

/** Longer than a delivery may take, by what clocks may differ. */
const LEASE_MILLISECONDS = 60_000

export function createWebhookQueue(sql: Sql): WebhookQueue {
  return {
    async claim({ holder, now }, limit) {
      return await sql.unsafe<WebhookTarget[]>(CLAIM, [holder, instantOf(now), instantOf(now + LEASE_MILLISECONDS), limit])
    },
    async settle({ holder, now }, { tenant, id, position }, progress) {
      const rows = await sql.unsafe(SETTLE, [
        tenant,
        id,
        holder,
        position,
        progress.position,
        progress.attempts,
        progress.state,
        progress.lastError,
        instantOf(progress.nextTry),
        progress.delivered ? instantOf(now) : null,
        progress.keep ? instantOf(now + LEASE_MILLISECONDS) : null,
      ])
      return rows.length > 0
    },
  }
}

function instantOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}

const CLAIM = `
update rapport.webhooks w
set lease = $1::text::uuid, leased_until = $3::text::timestamptz
from (
  select c.tenant, c.id
  from rapport.webhooks c
  join rapport.feed_heads h on h.tenant = c.tenant
  where c.state = 'active' and c.position < h.position and c.next_try <= $2::text::timestamptz
    and (c.leased_until is null or c.leased_until <= $2::text::timestamptz)
  order by c.next_try
  limit $4
  for update of c skip locked
) as due
where w.tenant = due.tenant and w.id = due.id
returning w.id, w.tenant, w.url, w.secret, w.previous_secret as "previousSecret", w.previous_until as "previousUntil",
  w.types, w.position, w.attempts`

const SETTLE = `
update rapport.webhooks
set position = $5, attempts = $6, state = $7, last_error = $8, next_try = $9::text::timestamptz,
  delivered_at = coalesce($10::text::timestamptz, delivered_at),
  lease = case when $11::text is null then null else lease end, leased_until = $11::text::timestamptz
where tenant = $1 and id = $2::text::uuid and lease = $3::text::uuid and position = $4 and state = 'active'
returning id`
