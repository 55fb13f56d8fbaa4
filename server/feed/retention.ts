/**
 * Removes events that are too old, in small steps, tenant after tenant, as far as every active webhook has been given them. What a reader
 * missed that way it is told, since a feed knows from where on it is whole.
 */
import type { Clock, Timer } from '@rapport/shared/clock.ts'
import type { Tenant } from '@rapport/shared/ids.ts'
import type { Sql } from '../db.ts'
import type { Logger } from '../observability/logger.ts'

export interface Retention {
  start(): void
  /** Ends after the statement at hand. */
  stop(): Promise<void>
}

const DAY = 86_400_000
const EVENTS_AT_ONCE = 500
/** Milliseconds between two statements, while there is something to remove, and between two rounds. */
const PAUSE = 100
const ROUND_EVERY = 600_000

export function createRetention(sql: Sql, clock: Clock, logger: Logger, days: number): Retention {
  let after = ''
  let timer: Timer | undefined
  let stopped = false
  let running: Promise<void> = Promise.resolve()

  /** Milliseconds until the next step. */
  async function step(): Promise<number> {
    const [next] = await sql<{ tenant: Tenant }[]>`
      select tenant from rapport.feed_heads where tenant > ${after} and removed < position order by tenant limit 1`
    if (next === undefined) {
      after = ''
      return ROUND_EVERY
    }
    const older = new Date(clock.now() - days * DAY).toISOString()
    const [removed] = await sql.unsafe<{ count: number }[]>(REMOVE, [next.tenant, older, EVENTS_AT_ONCE])
    if (removed?.count !== EVENTS_AT_ONCE) after = next.tenant
    return removed?.count === 0 ? 0 : PAUSE
  }

  async function turn(): Promise<void> {
    let wait = ROUND_EVERY
    try {
      wait = await step()
    } catch (error) {
      if (!stopped) logger.warn({ err: error }, 'removing old events failed; trying again later')
    }
    if (!stopped) timer = clock.after(wait, begin)
  }

  function begin(): void {
    running = turn()
  }

  return {
    start: begin,
    async stop() {
      stopped = true
      timer?.cancel()
      await running
    },
  }
}

const REMOVE = 'select rapport.remove_events($1, $2::text::timestamptz, $3) as count'
