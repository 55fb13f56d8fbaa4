/**
 * Which of the processes on one database absorbs: whoever holds the lease, by the database's clock. Two at once would do no harm, since the
 * database has each change settled once; they would only get in each other's way. So nothing is done when a lease runs out in the
 * middle of something, and no connection is kept for a lock, which the driver would not survive losing.
 */
import { randomUUID } from 'node:crypto'
import type { Clock } from '@rapport/shared/clock.ts'
import type { Sql } from '../db.ts'
import { run } from '../projection/transaction.ts'

export interface Sole {
  /** Whether this process is the one, as far as it knows; becomes it if nobody is. Rejects while the database is away. */
  held(): Promise<boolean>
  /** Lets go. */
  release(): Promise<void>
}

/** How long after a process died without a word another one takes over. */
const LEASE_SECONDS = 3
/** Milliseconds between looks at the lease. */
const LOOK_EVERY = 500

export function createSole(sql: Sql, kind: 'embedded' | 'postgres', clock: Clock): Sole {
  // The embedded database has one server.
  if (kind === 'embedded') return { held: () => Promise.resolve(true), release: () => Promise.resolve() }
  const holder = randomUUID()
  let isHeld = false
  let lookAt = Number.NEGATIVE_INFINITY
  return {
    async held() {
      if (clock.elapsed() < lookAt) return isHeld
      isHeld = false
      isHeld = (await run(sql, TAKE, [holder])).length > 0
      lookAt = clock.elapsed() + LOOK_EVERY
      return isHeld
    },
    async release() {
      if (isHeld) await run(sql, LEAVE, [holder]).catch(() => undefined)
      isHeld = false
      lookAt = clock.elapsed() + LOOK_EVERY
    },
  }
}

const TAKE = `
insert into rapport.inbound_absorber as a (place, holder, until)
values (1, $1, now() + ${LEASE_SECONDS} * interval '1 second')
on conflict (place) do update set holder = excluded.holder, until = excluded.until
where a.holder = excluded.holder or a.until < now()
returning 1`

const LEAVE = 'delete from rapport.inbound_absorber where holder = $1'
