/**
 * Tells those who follow a feed that there is more of it. At once for what this process' relay has positioned; for what another
 * instance's has, by one question for all who follow, twice a second. A hint only: who is told reads the feed.
 */
import type { Clock, Timer } from '@rapport/shared/clock.ts'
import type { Tenant } from '@rapport/shared/ids.ts'
import type { Sql } from '../db.ts'
import type { Logger } from '../observability/logger.ts'

export interface Follower {
  /** Resolves when the feed has moved since the last call, or since `follow`; after so many milliseconds; or when it is ended. */
  moved(milliseconds: number): Promise<void>
  end(): void
}

export interface FeedNews {
  /** A tenant's newest event has this position now. */
  tell(tenant: Tenant, position: number): void
  follow(tenant: Tenant): Follower
}

interface Listener {
  readonly tenant: Tenant
  readonly hear: (position: number) => void
}

const LOOK_MILLISECONDS = 500

export function createFeedNews(sql: Sql, clock: Clock, logger: Logger): FeedNews {
  const listeners = new Set<Listener>()
  let timer: Timer | undefined

  function tell(tenant: Tenant, position: number): void {
    for (const listener of listeners) if (listener.tenant === tenant) listener.hear(position)
  }

  async function look(): Promise<void> {
    try {
      const tenants = [...new Set([...listeners].map(({ tenant }) => tenant))]
      const heads = await sql<{ tenant: Tenant; position: number }[]>`
        select tenant, position from rapport.feed_heads where tenant = any(${tenants}::text[])`
      for (const { tenant, position } of heads) tell(tenant, position)
    } catch (error) {
      logger.debug({ err: error }, 'nobody knows how far the feeds are; asked again soon')
    }
  }

  function tick(): void {
    if (timer !== undefined || listeners.size === 0) return
    timer = clock.after(LOOK_MILLISECONDS, async () => {
      await look()
      timer = undefined
      tick()
    })
  }

  return {
    tell,
    follow(tenant) {
      /** The position heard of last, whichever it was: a database that was put back in time has news, too. */
      let heard: number | undefined
      let fresh = false
      let ended = false
      let rouse: (() => void) | undefined
      const listener: Listener = {
        tenant,
        hear(position) {
          if (position === heard) return
          heard = position
          fresh = true
          rouse?.()
        },
      }
      listeners.add(listener)
      tick()
      return {
        async moved(milliseconds) {
          if (!fresh && !ended) await waitFor(milliseconds)
          fresh = false
        },
        end() {
          ended = true
          listeners.delete(listener)
          rouse?.()
        },
      }

      function waitFor(milliseconds: number): Promise<void> {
        return new Promise((resolve) => {
          const late = clock.after(milliseconds, () => rouse?.())
          rouse = () => {
            late.cancel()
            rouse = undefined
            resolve()
          }
        })
      }
    },
  }
}
