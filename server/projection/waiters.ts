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
  /** The records that are waited for, each once, but for those at fault: they are tried when it is their time. */
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
  /** As of the last look. */
  faulty: boolean
}

interface StateRow {
  readonly tenant: string
  readonly type: string
  readonly id: string
  readonly sequence: number
  readonly faulty: boolean
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
    const wanted = [...new Set(keys.flatMap(({ type }) => mappings(type)))]
    const rows = await runPlanned<StateRow>(sql, REACHED, [...keyColumns(keys), wanted])
    const states = Map.groupBy(rows, (row) => `${row.tenant}\0${row.type}\0${row.id}`)
    for (const waiter of asked) {
      const known = states.get(keyString(waiter.key)) ?? []
      waiter.faulty = known.some((state) => state.faulty)
      const reached = known.filter((state) => state.sequence >= waiter.sequence)
      if (reached.length === mappings(waiter.key.type).length) waiter.answer(true)
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
          faulty: false,
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
    keys: () => distinct([...waiting].filter(({ faulty }) => !faulty)),
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
select s.tenant, s.type, s.record_id as id, s.sequence, s.fault is not null as faulty
from unnest($1::text[], $2::text[], $3::text[]) as given (tenant, type, id)
join rapport.projection_state s on s.tenant = given.tenant and s.type = given.type and s.record_id = given.id
where s.mapping = any($4::text[])`
