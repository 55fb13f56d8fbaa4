/**
 * Transactions of the projector: short, and the first to give way. A lock that somebody else holds ends them well before Postgres looks
 * for deadlocks, so that a deadlock with a CRM's transaction never ends the CRM's.
 */
import type { Sql } from '../db.ts'

/** What statements run on: the database itself, or a transaction. */
export type Session = Pick<Sql, 'unsafe'>

/** Below `deadlock_timeout`, which is 1 s by default. */
const LOCK_MILLISECONDS = 50
/**
 * A plan kept from when the tables were empty would go on reading all of them. Settings are local: the connections of the embedded
 * database share one session.
 */
const SETTINGS = `
select set_config('lock_timeout', '${LOCK_MILLISECONDS}', true), set_config('plan_cache_mode', 'force_custom_plan', true)`

/** Commits what `body` did, unless it throws. `body` uses its session alone: a command's pool has one connection. */
export async function transact<T>(sql: Sql, body: (session: Session) => Promise<T>): Promise<T> {
  const result = await sql.begin(async (session) => {
    // Both are on their way before the first answer is here.
    const [, done] = await together([session.unsafe(SETTINGS).execute(), body(session)])
    return { done }
  })
  return result.done
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

/** A statement whose best plan does not depend on what the tables hold, or that runs under the settings above. */
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
