/**
 * Out to the world: gives committed change events their positions, 1, 2, 3 … for each tenant, without a gap. An event has no place in
 * the feed before its transaction is committed, since serial numbers commit out of order and whoever read past a missing one would never
 * see it. Of one record, events keep the order in which it was projected.
 *
 * Every instance runs one of these, and the database lets one statement through at a time. So nobody has to be elected, an instance that
 * dies or freezes holds up nobody, and a statement is done as a whole or not at all: whoever is killed in it leaves no trace.
 */
import type { Clock, Timer } from '@rapport/shared/clock.ts'
import type { Tenant } from '@rapport/shared/ids.ts'
import type { Sql } from '../db.ts'
import type { Logger } from '../observability/logger.ts'

export interface Relay {
  /** Begins to give positions in the background. */
  start(): void
  /** Events may have been committed: do not wait for the next look. */
  wake(): void
  /** Gives positions until no event is without, started or not. */
  drain(): Promise<void>
  /** Ends after the statement at hand. */
  stop(): Promise<void>
}

export interface RelayDeps {
  readonly sql: Sql
  readonly clock: Clock
  readonly logger: Logger
  /** A tenant's newest event has this position now. Must not throw. */
  readonly onMoved: (tenant: Tenant, position: number) => void
  /** Events in one statement: fewer where it keeps everybody else from the database. */
  readonly eventsAtOnce: number
  /** Whether the database leaves dead rows where they are unless it is told: the embedded one does. */
  readonly vacuums: boolean
}

interface Moved {
  readonly tenant: Tenant
  readonly position: number
  readonly given: number
}

/** Milliseconds between two statements: those who wake it many times at once get one. */
const SHORTEST = 20
/** Without a call: events of an instance that died, or of a command. Sooner while there were some. */
const LOOK = 1_000
/** After a failure. */
const RETRY = 500
/** Events after which their outdated rows, of which each leaves one behind, are vacuumed. */
const VACUUM_EVERY = 5_000

export function createRelay({ sql, clock, logger, onMoved, eventsAtOnce, vacuums }: RelayDeps): Relay {
  let running: Promise<void> | undefined
  let stopped = false
  let failing = false
  let woken = true
  let rise: (() => void) | undefined
  let unvacuumed = 0

  /** Resolves with whether there may be more. */
  async function step(): Promise<boolean> {
    const moved = await sql.unsafe<Moved[]>(POSITION, [eventsAtOnce])
    let given = 0
    for (const one of moved) {
      given += one.given
      onMoved(one.tenant, one.position)
    }
    unvacuumed += given
    if (vacuums && unvacuumed >= VACUUM_EVERY) {
      unvacuumed = 0
      await sql.unsafe('vacuum rapport.outbox, rapport.feed_heads')
    }
    return given > 0
  }

  function rest(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      let timer: Timer | undefined
      const end = (): void => {
        timer?.cancel()
        rise = undefined
        resolve()
      }
      timer = clock.after(milliseconds, end)
      rise = end
    })
  }

  async function loop(): Promise<void> {
    let pause = SHORTEST
    while (!stopped) {
      woken = false
      try {
        const found = await step()
        pause = found ? SHORTEST : Math.min(pause * 2, LOOK)
        failing = false
      } catch (error) {
        if (!failing && !stopped) logger.warn({ err: error }, 'giving positions to events failed; trying again')
        failing = true
        pause = RETRY
      }
      if (stopped) return
      await rest(woken && !failing ? SHORTEST : pause)
    }
  }

  return {
    start() {
      running ??= loop()
    },
    wake() {
      // One that comes soon after a statement waits for the shortest pause, together with others.
      if (woken) return
      woken = true
      clock.after(SHORTEST, () => rise?.())
    },
    async drain() {
      while (await step());
    },
    async stop() {
      stopped = true
      rise?.()
      await running
    },
  }
}

const POSITION = 'select of_tenant as tenant, reached as position, given from rapport.position_events($1)'
