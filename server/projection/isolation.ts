/**
 * Keeps records apart that would fail together. A batch that is refused for the sake of one record is halved until that one stands
 * alone: it keeps its last good rows, carries its fault and is tried again later. One that somebody holds is left out. The others are
 * written.
 */
import type { Clock } from '@rapport/shared/clock.ts'
import { keyString, type RecordKey } from '@rapport/shared/ids.ts'
import type { Plan } from '@rapport/shared/mapping/plan.ts'
import type { Sql } from '../db.ts'
import { type BatchWriter, createBatchWriter, type Written } from './batch.ts'
import { classifyFailure, faultOf } from './failure.ts'
import { createHeldRows } from './held-rows.ts'
import { ensureState, leaveMarks, noteFault } from './marks.ts'
import type { Mapped, Unreadable } from './reading.ts'
import { type Session, transact } from './transaction.ts'

export type Item = Mapped | Unreadable

/** What became of records, in numbers. */
export interface Tally {
  readonly settled: number
  readonly busy: number
  /** Of those busy, the ones that cost the time of a lock's timeout. */
  readonly held: readonly RecordKey[]
  readonly faulty: number
  /** Of those settled, how many had a row written or deleted. */
  readonly changed: number
}

export const NOTHING: Tally = { settled: 0, busy: 0, held: [], faulty: 0, changed: 0 }

/** A rebuild's part in each transaction. */
export interface Rebuilding {
  /** Before these items are written. Throws `Overtaken` to give up. */
  begin(session: Session): Promise<void>
  /** After they were. */
  end(session: Session, items: readonly Item[], tally: Tally): Promise<void>
  committed(items: readonly Item[]): void
}

export interface RecordWriter {
  readonly plan: Plan
  /** In order, in as many transactions as it takes. Throws only when the database is lost, or what `rebuilding` throws. */
  write(items: readonly Item[], rebuilding?: Rebuilding): Promise<Tally>
}

/** Records of a batch that may cost a lock's timeout each, before the rest is left for later. */
const MOST_HELD = 3

/** Another process is at the same rebuild: no record's fault. */
export class Overtaken extends Error {}

export function createRecordWriter(sql: Sql, plan: Plan, others: readonly string[], clock: Clock): RecordWriter {
  const batch: BatchWriter = createBatchWriter(plan, others, clock)
  const heldRows = createHeldRows(sql, plan)
  const mapping = plan.mapping.id

  async function inTransaction(
    items: readonly Item[],
    rebuilding: Rebuilding | undefined,
    body: (session: Session) => Promise<Tally>,
  ): Promise<Tally> {
    const tally = await transact(sql, async (session) => {
      await rebuilding?.begin(session)
      const done = await body(session)
      await rebuilding?.end(session, items, done)
      return done
    })
    rebuilding?.committed(items)
    return tally
  }

  async function writeMapped(records: readonly Mapped[], rebuilding: Rebuilding | undefined): Promise<Tally> {
    if (records.length === 0) return NOTHING
    try {
      return await inTransaction(records, rebuilding, async (session) => {
        const written = await batch.write(session, records, rebuilding !== undefined)
        // A record that is marked already keeps its own mark; one that a rebuild came for has none.
        if (rebuilding !== undefined) await leaveMarks(session, mapping, keysOf(written.busy))
        return tallyOf(written)
      })
    } catch (error) {
      if (error instanceof Overtaken || classifyFailure(error) === 'lost') throw error
      const [first] = records
      if (first === undefined) return NOTHING
      if (records.length === 1) {
        return classifyFailure(error) === 'busy' ? await leave(first, rebuilding) : await fail(first, faultOf(error), rebuilding)
      }
      if (classifyFailure(error) === 'busy') return await writeFree(records, rebuilding)
      const half = Math.ceil(records.length / 2)
      const one = await writeMapped(records.slice(0, half), rebuilding)
      return sum(one, await writeMapped(records.slice(half), rebuilding))
    }
  }

  /** Those that are held cost no time but this attempt's; the others are written together. */
  async function writeFree(records: readonly Mapped[], rebuilding: Rebuilding | undefined): Promise<Tally> {
    const names = rebuilding === undefined ? await heldRows(keysOf(records)) : new Set<string>()
    if (names.size === 0) return await writeEach(records, rebuilding)
    const free = records.filter(({ key }) => !names.has(keyString(key)))
    const held = keysOf(records.filter(({ key }) => names.has(keyString(key))))
    return sum({ ...NOTHING, busy: held.length, held }, await writeMapped(free, rebuilding))
  }

  /**
   * Who waits for what no row shows (a unique value, say) is found out by trying: each of them costs a lock's timeout, anybody else next
   * to nothing, so halving would cost more. After a few the rest is left for later; where it begins is drawn, so that nobody is always
   * behind those.
   */
  async function writeEach(records: readonly Mapped[], rebuilding: Rebuilding | undefined): Promise<Tally> {
    // A rebuild passes each record once, in order.
    const from = rebuilding === undefined ? clock.random32() % records.length : 0
    let tally = NOTHING
    for (const [index, record] of [...records.slice(from), ...records.slice(0, from)].entries()) {
      if (rebuilding === undefined && tally.held.length >= MOST_HELD) {
        return { ...tally, busy: tally.busy + records.length - index }
      }
      tally = sum(tally, await writeMapped([record], rebuilding))
    }
    return tally
  }

  async function leave(item: Item, rebuilding: Rebuilding | undefined): Promise<Tally> {
    const busy = { ...NOTHING, busy: 1, held: [item.key] }
    if (rebuilding === undefined) return busy
    return await inTransaction([item], rebuilding, async (session) => {
      await leaveMarks(session, mapping, [item.key])
      return busy
    })
  }

  async function fail(item: Item, fault: string, rebuilding: Rebuilding | undefined): Promise<Tally> {
    const { key, sequence } = item
    try {
      return await inTransaction([item], rebuilding, async (session) => {
        await noteFault(session, mapping, { key, sequence, fault }, others)
        return { ...NOTHING, faulty: 1 }
      })
    } catch (error) {
      // Another process is at this record: it will find out for itself.
      if (error instanceof Overtaken || classifyFailure(error) !== 'busy') throw error
      return await leave(item, rebuilding)
    }
  }

  return {
    plan,
    async write(items, rebuilding) {
      if (items.length === 0) return NOTHING
      await ensureState(sql, mapping, keysOf(items))
      let tally = NOTHING
      let together: Mapped[] = []
      const flush = async (): Promise<void> => {
        if (together.length > 0) tally = sum(tally, await writeMapped(together, rebuilding))
        together = []
      }
      for (const item of items) {
        if (item.type === 'mapped') together.push(item)
        else {
          await flush()
          tally = sum(tally, await fail(item, item.fault, rebuilding))
        }
      }
      await flush()
      return tally
    },
  }
}

export function sum(one: Tally, other: Tally): Tally {
  return {
    settled: one.settled + other.settled,
    busy: one.busy + other.busy,
    held: [...one.held, ...other.held],
    faulty: one.faulty + other.faulty,
    changed: one.changed + other.changed,
  }
}

function keysOf(items: readonly Item[]): readonly RecordKey[] {
  return items.map(({ key }) => key)
}

function tallyOf({ settled, busy, changed }: Written): Tally {
  return { settled: settled.length, busy: busy.length, held: [], faulty: 0, changed }
}
