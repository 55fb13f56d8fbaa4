/**
 * Transactions of the projector: short, and the first to give way. A lock that somebody else holds ends them well before Postgres looks
 * for deadlocks, so that a deadlock with a CRM's transaction never ends the CRM's.
 *
 * The driver's own `begin` is not used: when its connection is lost it writes a rollback to a socket that is not there, which ends the
 * process, what is sent after that may run on the next connection, outside of any transaction, and what waited in line is never answered
 * (postgres.js 3.4.9). Here nothing is sent any more once a connection is known to be lost, and all that was sent fails.
 */
import type { Sql } from '../db.ts'
import { isAftermath, isDisconnected } from './failure.ts'

/** What statements run on: the database itself, or a transaction. */
export type Session = Pick<Sql, 'unsafe'>

/** Below `deadlock_timeout`, which is 1 s by default. */
const LOCK_MILLISECONDS = 50
/**
 * A plan kept from when the tables were empty would go on reading all of them, and so would one that trusts the planner's guess of how
 * many records a batch has: every statement here looks rows up by their key. What is written to mapped tables is nobody's edit, and so
 * not captured. Settings are local: the connections of the embedded database share one session.
 */
const BEGIN = `
begin;
set local lock_timeout = '${LOCK_MILLISECONDS}ms';
set local plan_cache_mode = force_custom_plan;
set local enable_seqscan = off;
set local rapport.projecting = 'on'`

/** Commits what `body` did, unless it throws: then throws that, or the failure behind it. `body` uses its session alone: a command's pool has one connection. */
export async function transact<T>(sql: Sql, body: (session: Session) => Promise<T>): Promise<T> {
  const connection = await sql.reserve()
  const unanswered = new Set<(error: unknown) => void>()
  let lost = false
  let failure: unknown
  const session = {
    async unsafe(...given: Parameters<Sql['unsafe']>) {
      if (lost) throw Object.assign(new Error('the connection of this transaction was lost'), { code: 'CONNECTION_CLOSED' })
      return await new Promise((resolve, reject) => {
        unanswered.add(reject)
        connection
          .unsafe(...given)
          .then(resolve, (error: unknown) => {
            lost ||= isDisconnected(error)
            failure ??= error
            // What waits in line behind this one gets no answer from the driver any more.
            for (const fail of lost ? unanswered : [reject]) fail(error)
          })
          .finally(() => unanswered.delete(reject))
      })
    },
  } as unknown as Session
  try {
    await session.unsafe(BEGIN)
    const done = await body(session)
    await session.unsafe('commit')
    connection.release()
    return done
  } catch (error) {
    // A lost connection is the driver's to replace, and its transaction the database's to roll back.
    if (!lost) await session.unsafe('rollback')
    if (!lost) connection.release()
    throw isAftermath(error) ? failure : error
  }
}

/**
 * As `Promise.all`, but a failure is not told before everything has ended: what goes on behind the back of a transaction that is rolled
 * back would be written after it, and stay.
 */
export async function together<T extends readonly unknown[]>(
  parts: readonly [...T],
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(parts)
  return await Promise.all(parts)
}

/** A statement whose best plan does not depend on what the tables hold, or that runs in a transaction as above. */
export function run<Row extends object>(
  session: Session,
  statement: string,
  values: readonly unknown[],
): Promise<readonly Row[]> {
  return session.unsafe<Row[]>(statement, values as never[], { prepare: true })
}

/** A statement that is planned anew each time, for what the tables hold now. */
export function runPlanned<Row extends object>(
  session: Session,
  statement: string,
  values: readonly unknown[],
): Promise<readonly Row[]> {
  return session.unsafe<Row[]>(statement, values as never[])
}
