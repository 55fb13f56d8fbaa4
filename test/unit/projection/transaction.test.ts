import { describe, expect, test } from 'vitest'
import type { Sql } from '../../../server/db.ts'
import { run, together, transact } from '../../../server/projection/transaction.ts'
import { settled } from '../document/stage.ts'

const lost = Object.assign(new Error('gone'), { code: 'CONNECTION_CLOSED' })
const refused = Object.assign(new Error('no'), { name: 'PostgresError', code: '23514', severity: 'ERROR' })
const killed = Object.assign(new Error('bye'), { name: 'PostgresError', code: '57P01', severity: 'FATAL' })

/** A pool with one connection, which answers when and what the test says. */
function fakePool() {
  const sent: string[] = []
  const waiting: { readonly statement: string; readonly resolve: () => void; readonly reject: (error: unknown) => void }[] = []
  let released = 0
  const connection = {
    unsafe(statement: string) {
      sent.push(statement.trim().split(/[\s;]/)[0] ?? '')
      return new Promise((resolve, reject) => {
        waiting.push({ statement, resolve: () => resolve([]), reject })
      })
    },
    release() {
      released += 1
    },
  }
  return {
    sql: { reserve: () => Promise.resolve(connection) } as unknown as Sql,
    sent,
    released: () => released,
    /** Answers the oldest statement without an answer. */
    async answer(error?: unknown): Promise<void> {
      await settled()
      const next = waiting.shift()
      if (error === undefined) next?.resolve()
      else next?.reject(error)
      await settled()
    },
  }
}

describe('a transaction', () => {
  test('commits what was done, and gives its connection back', async () => {
    const pool = fakePool()
    const result = transact(pool.sql, async (session) => {
      await run(session, 'one', [])
      return 'done'
    })
    for (let n = 0; n < 3; n += 1) await pool.answer()
    expect(await result).toBe('done')
    expect([pool.sent, pool.released()]).toEqual([['begin', 'one', 'commit'], 1])
  })

  test('rolls back what failed, only after all that goes on has ended: nothing is sent behind the rollback', async () => {
    const pool = fakePool()
    const result = transact(pool.sql, async (session) => {
      const twoSteps = async (): Promise<void> => {
        await run(session, 'first', [])
        await run(session, 'second', [])
      }
      const ours = async (): Promise<void> => {
        throw new TypeError('of our own making')
      }
      await together([twoSteps(), ours()])
    })
    const outcome = result.catch((error: unknown) => error)
    for (let n = 0; n < 4; n += 1) await pool.answer()
    expect(await outcome).toBeInstanceOf(TypeError)
    expect([pool.sent, pool.released()]).toEqual([['begin', 'first', 'second', 'rollback'], 1])
  })

  test.each([
    ['the connection is lost', lost],
    ['the database ends it', killed],
  ])('sends nothing any more once %s, and answers what was in line', async (_, error) => {
    const pool = fakePool()
    const failures: unknown[] = []
    const result = transact(pool.sql, async (session) => {
      const follow = async (statement: string): Promise<void> => {
        try {
          await run(session, statement, [])
        } catch (failure) {
          failures.push(failure)
          await run(session, 'late', [])
        }
      }
      await together([follow('one'), follow('in line'), follow('in line, too')])
    })
    const outcome = result.catch((failure: unknown) => failure)
    await pool.answer()
    await pool.answer(error)
    expect(await outcome).toMatchObject({ code: 'CONNECTION_CLOSED' })
    expect(failures).toEqual([error, error, error])
    expect([pool.sent, pool.released()]).toEqual([['begin', 'one', 'in', 'in'], 0])
  })

  test('a refused statement is rolled back and its connection kept', async () => {
    const pool = fakePool()
    const outcome = transact(pool.sql, (session) => run(session, 'one', [])).catch((error: unknown) => error)
    await pool.answer()
    await pool.answer(refused)
    await pool.answer()
    expect(await outcome).toBe(refused)
    expect([pool.sent, pool.released()]).toEqual([['begin', 'one', 'rollback'], 1])
  })

  test('a commit of which nobody knows how it ended is told as lost', async () => {
    const pool = fakePool()
    const outcome = transact(pool.sql, async () => 'done').catch((error: unknown) => error)
    await pool.answer()
    await pool.answer(lost)
    expect(await outcome).toBe(lost)
    expect([pool.sent, pool.released()]).toEqual([['begin', 'commit'], 0])
  })
})
