/** A database that is lost at moments of the test's choosing. */
import type { Sql } from '../../server/db.ts'

type Reserved = Awaited<ReturnType<Sql['reserve']>>

const gone = (): Error => Object.assign(new Error('the connection is gone'), { code: 'CONNECTION_CLOSED' })

/**
 * Statements fail as they do when their connection is lost: unsent, or done with nobody told. What a transaction had done is rolled
 * back then, and what is sent behind it fails too.
 */
export function failing(sql: Sql, fails: () => boolean): Sql {
  /** The effect of these on their own is what nobody knows when the answer does not come. */
  const isDone = (statement: string): boolean => /^(commit|insert|update|delete)/.test(statement.trim()) && fails()

  const unsafe = async (...given: Parameters<Sql['unsafe']>): Promise<unknown> => {
    if (!fails()) return await sql.unsafe(...given)
    if (isDone(given[0])) await sql.unsafe(...given)
    throw gone()
  }

  const reserve = async (): Promise<Reserved> => {
    const connection = await sql.reserve()
    let lost = false
    const lose = async (...given: Parameters<Sql['unsafe']>): Promise<never> => {
      lost = true
      if (given[0] === 'commit' && isDone('commit')) await connection.unsafe('commit')
      await connection.unsafe('rollback')
      connection.release()
      throw gone()
    }
    return {
      unsafe(...given: Parameters<Sql['unsafe']>) {
        if (lost) return Promise.reject(gone())
        return fails() ? lose(...given) : connection.unsafe(...given)
      },
      release: () => connection.release(),
    } as unknown as Reserved
  }
  return Object.assign(Object.create(sql) as Sql, { unsafe, reserve })
}
