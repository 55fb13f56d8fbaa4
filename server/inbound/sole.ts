/**
 * Which of the processes on one database absorbs: whoever holds a lock of the database's, which ends with its connection. Two at once
 * would do no harm, since the database has each change settled once; they would only get in each other's way.
 */
import type { Clock } from '@rapport/shared/clock.ts'
import type { Sql } from '../db.ts'

export interface Sole {
  /** Whether this process is the one, as far as it knows; becomes it if nobody is. Rejects while the database is away. */
  held(): Promise<boolean>
  /** Lets go. */
  release(): Promise<void>
}

/** Any number that no other program uses for a lock in the same database. */
const ABSORBER_LOCK = 7_269_312_057
/**
 * Milliseconds between looks at the lock, or for it. Well below the silence after which the driver takes a connection for dead, since
 * nothing else is sent on this one.
 */
const LOOK_EVERY = 1_000

type Connection = Awaited<ReturnType<Sql['reserve']>>

export function createSole(sql: Sql, kind: 'embedded' | 'postgres', clock: Clock): Sole {
  // The embedded database has one server, and all its connections are one session, for which every lock is free.
  if (kind === 'embedded') return { held: () => Promise.resolve(true), release: () => Promise.resolve() }
  let holder: { readonly connection: Connection; readonly backend: number } | undefined
  let lookAt = Number.NEGATIVE_INFINITY

  /** The driver connects anew without a word, and then the lock is gone. */
  async function isStillHeld({ connection, backend }: NonNullable<typeof holder>): Promise<boolean> {
    try {
      const [row] = await connection<{ backend: number }[]>`select pg_backend_pid() as backend`
      return row?.backend === backend
    } catch {
      return false
    }
  }

  return {
    async held() {
      if (clock.elapsed() < lookAt) return holder !== undefined
      lookAt = clock.elapsed() + LOOK_EVERY
      if (holder !== undefined && (await isStillHeld(holder))) return true
      holder?.connection.release()
      holder = undefined
      const connection = await sql.reserve()
      try {
        const [row] = await connection<{ locked: boolean; backend: number }[]>`
          select pg_try_advisory_lock(${ABSORBER_LOCK}::bigint) as locked, pg_backend_pid() as backend`
        if (row?.locked === true) holder = { connection, backend: row.backend }
      } finally {
        if (holder === undefined) connection.release()
      }
      return holder !== undefined
    },
    async release() {
      const held = holder
      holder = undefined
      if (held === undefined) return
      await held.connection`select pg_advisory_unlock(${ABSORBER_LOCK}::bigint)`.catch(() => undefined)
      held.connection.release()
    },
  }
}
