/**
 * Those who wait until a record's rows show a sequence. One question to the database for all of them, after each turn of the projector
 * and every 100 ms: another instance may be the one that projects.
 */
import type { Clock, Timer } from '@rapport/shared/clock.ts'
import { keyString, type RecordKey } from '@rapport/shared/ids.ts'
import type { Sql } from '../db.ts'
import type { Logger } from '../observability/logger.ts'
import { keyColumns } from './marks.ts'
import { runPlanned } from './transaction.ts'

export interface Waiters {
  /** True once the rows are there, false after so many milliseconds. */
  wait(key: RecordKey, sequence: number, milliseconds: number): Promise<boolean>
  /** The records that are waited for, each once. */
  keys(): RecordKey[]
  /** Asks the database; never rejects. */
  look(): Promise<void>
  /** Answers everybody false. */
  end(): void
}

interface Waiter {
  readonly key: RecordKey
  readonly sequence: number
  readonly answer: (reached: boolean) => void
}

interface StateRow {
  readonly tenant: string
  readonly type: string
  readonly id: string
  readonly sequence: number
}

const LOOK_MILLISECONDS = 100

/** `mappings`: those of a record type, by id. */
export function createWaiters(sql: Sql, clock: Clock, logger: Logger, mappings: (type: string) => readonly string[]): Waiters {
  const waiting = new Set<Waiter>()
  let timer: Timer | undefined
  let last: Promise<void> = Promise.resolve()
  let queued: Promise<void> | undefined
  let ended = false

  async function ask(): Promise<void> {
    const asked = [...waiting]
    if (asked.length === 0) return
    const keys = distinct(asked)
    const known = [...new Set(keys.flatMap(({ type }) => mappings(type)))]
    const rows = await runPlanned<StateRow>(sql, REACHED, [...keyColumns(keys), known])
    const states = Map.groupBy(rows, (row) => `${row.tenant}\0${row.type}\0${row.id}`)
    for (const { key, sequence, answer } of asked) {
      const reached = (states.get(keyString(key)) ?? []).filter((state) => state.sequence >= sequence)
      if (reached.length === mappings(key.type).length) answer(true)
    }
  }

  function look(): Promise<void> {
    // Who came while a question was on its way is not in it: there is one more, for all of those.
    queued ??= last.then(async () => {
      queued = undefined
      try {
        await ask()
      } catch (error) {
        logger.debug({ err: error }, 'nobody knows how far the rows are; asked again soon')
      }
    })
    last = queued
    return queued
  }

  function tick(): void {
    timer ??= clock.after(LOOK_MILLISECONDS, () => {
      timer = undefined
      if (waiting.size === 0) return
      void look().then(tick)
    })
  }

  return {
    wait(key, sequence, milliseconds) {
      if (ended) return Promise.resolve(false)
      return new Promise((resolve) => {
        const late = clock.after(milliseconds, () => waiter.answer(false))
        const waiter: Waiter = {
          key,
          sequence,
          answer(reached) {
            late.cancel()
            waiting.delete(waiter)
            resolve(reached)
          },
        }
        waiting.add(waiter)
        void look()
        tick()
      })
    },
    keys: () => distinct([...waiting]),
    look,
    end() {
      ended = true
      timer?.cancel()
      for (const { answer } of [...waiting]) answer(false)
    },
  }
}

function distinct(waiters: readonly Waiter[]): RecordKey[] {
  return [...new Map(waiters.map(({ key }) => [keyString(key), key])).values()]
}

const REACHED = `
select s.tenant, s.type, s.record_id as id, s.sequence
from unnest($1::text[], $2::text[], $3::text[]) as given (tenant, type, id)
join rapport.projection_state s on s.tenant = given.tenant and s.type = given.type and s.record_id = given.id
where s.mapping = any($4::text[])`
