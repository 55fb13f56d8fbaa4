/** A database that is lost at moments of the test's choosing. */
import type { Sql } from '../../server/db.ts'

/** Statements fail as they do when a connection is lost: unsent, or a whole transaction after it was committed. */
export function failing(sql: Sql, fails: () => boolean): Sql {
  const lost = (): Error => Object.assign(new Error('the connection is gone'), { code: 'CONNECTION_CLOSED' })
  const wrap = (session: Pick<Sql, 'unsafe'>): Pick<Sql, 'unsafe'> => ({
    unsafe: ((...given: Parameters<Sql['unsafe']>) => {
      if (fails()) {
        const failure: Promise<never> = Promise.reject(lost())
        return Object.assign(failure, { execute: () => failure })
      }
      return session.unsafe(...given)
    }) as Sql['unsafe'],
  })
  const begin = async (body: (session: Pick<Sql, 'unsafe'>) => Promise<unknown>): Promise<unknown> => {
    const result = await sql.begin((session) => body(wrap(session)))
    if (fails()) throw lost()
    return result
  }
  return Object.assign(Object.create(sql) as object, wrap(sql), { begin }) as unknown as Sql
}
