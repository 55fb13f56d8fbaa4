/**
 * Turns marked records into rows of the mapped tables, in the background. Walks the marks in the order of the records' keys, round and
 * round, so that no record starves; a batch of records is one short transaction. What goes wrong costs time, never a projection: a
 * mark leaves in the transaction that writes its record's rows, or its fault.
 */
import { type Clock, sleep } from '@rapport/shared/clock.ts'
import type { RecordKey } from '@rapport/shared/ids.ts'
import type { Plan } from '@rapport/shared/mapping/plan.ts'
import type { Sql } from '../db.ts'
import type { UpdateLog } from '../log/update-log.ts'
import type { Logger } from '../observability/logger.ts'
import type { Metrics } from '../observability/metrics.ts'
import { createGauges } from './gauges.ts'
import { createRecordWriter, NOTHING, type RecordWriter, sum, type Tally } from './isolation.ts'
import { BEGINNING, dropUnmapped, dueAgain, forget, markedAfter, type Place, vacuum } from './marks.ts'
import { createPace, type Found } from './pace.ts'
import { readRecords } from './reading.ts'
import { createRebuild, type Rebuild } from './rebuild.ts'
import { createRebuildWatch } from './rebuild-watch.ts'
import { createRests, type Rests } from './rests.ts'
import { createWaiters } from './waiters.ts'

export interface Projector {
  /** Begins to project in the background, and brings rows of an older mapping version up to date. */
  start(): void
  /** There may be news: do not wait for the next look. */
  wake(): void
  /** Resolves with true once the record's rows show it at `sequence` or later, with false after so many milliseconds. */
  reached(key: RecordKey, sequence: number, milliseconds: number): Promise<boolean>
  /** Projects until no mark is left, but for records that are faulty or held by somebody else. For commands. */
  drain(): Promise<void>
  /** Rebuilds of one type's mappings, or of all; each begins when it is told to. For commands. */
  rebuilds(type?: string): readonly Rebuild[]
  /** Ends after the transaction at hand. */
  stop(): Promise<void>
}

export interface ProjectorDeps {
  readonly sql: Sql
  readonly log: Pick<UpdateLog, 'load'>
  readonly plans: readonly Plan[]
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  /** Records in one transaction: fewer where it keeps everybody else from the database. */
  readonly recordsAtOnce: number
  /** Whether the database leaves dead rows where they are unless it is told: the embedded one does. */
  readonly vacuums: boolean
  /** Records were projected, and their change events committed. Must not throw. */
  readonly onProjected?: () => void
}

/** Milliseconds after which a turn ends, at the next border between batches. */
const TURN = 100
/** Milliseconds between looks for faulty records that are to be tried again, and for marks that nobody needs. */
const RETRY_EVERY = 1_000
const TIDY_EVERY = 600_000
const TIDY_ROWS = 5_000
/** Records after which marks and shadows, of which each leaves some behind, are vacuumed. */
const VACUUM_EVERY = 2_000
/** How long `drain` waits for records that somebody else holds. */
const DRAIN_TRIES = 20
const DRAIN_PAUSE = 100

export function createProjector(deps: ProjectorDeps): Projector {
  const { sql, plans, clock, logger, metrics, recordsAtOnce } = deps
  const writers = Map.groupBy(plans.map(writerOf), (writer) => writer.plan.type.name)
  const rests = new Map<RecordWriter, Rests>([...writers.values()].flat().map((writer) => [writer, createRests(clock)]))
  const types = [...writers.keys()]
  const waiters = createWaiters(sql, clock, logger, (type) => (writers.get(type) ?? []).map(({ plan }) => plan.mapping.id))
  const gauges = createGauges(sql, clock, logger, metrics, types)
  const seconds = metrics.histogram(
    'rapport_projection_seconds',
    'How long it took to project a batch of records',
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
  )
  const projected = metrics.counter('rapport_projected_records_total', 'Records whose rows were brought up to date', ['type'])
  const pace = createPace(clock)
  const walk = createWalk()
  const watch = createRebuildWatch(allRebuilds(), clock, logger)
  let running: Promise<void> | undefined
  let stopped = false
  let failing = false
  /** In elapsed milliseconds. */
  let retryAt = 0
  let tidyAt = 0
  let unvacuumed = 0

  function writerOf(plan: Plan): RecordWriter {
    const others = plans.filter((other) => other !== plan && other.type.name === plan.type.name).map(({ mapping }) => mapping.id)
    return createRecordWriter(sql, plan, others, clock)
  }

  /** `insistent`: those that rest, too. */
  async function project(keys: readonly RecordKey[], insistent = false): Promise<Tally> {
    let tally = NOTHING
    for (const [type, ofType] of Map.groupBy(keys, (key) => key.type)) {
      for (const writer of writers.get(type) ?? []) {
        const awake = insistent ? ofType : (rests.get(writer)?.awake(ofType) ?? [])
        tally = { ...tally, busy: tally.busy + ofType.length - awake.length }
        for (let rest: readonly RecordKey[] = awake; rest.length > 0 && !stopped; ) {
          const start = clock.elapsed()
          const { items, gone, taken } = await readRecords(deps, writer.plan, rest.slice(0, recordsAtOnce))
          await forget(sql, gone)
          const done = await writer.write(items)
          rests.get(writer)?.tried(rest.slice(0, taken), done.held)
          seconds.observe((clock.elapsed() - start) / 1000)
          projected.inc({ type }, done.settled)
          if (done.settled > 0) deps.onProjected?.()
          unvacuumed += done.settled
          tally = sum(tally, done)
          rest = rest.slice(taken)
        }
      }
    }
    return tally
  }

  /** Most of those who wait ask for rows that are there already. */
  async function projectAwaited(): Promise<Tally> {
    await waiters.look()
    return await project(waiters.keys())
  }

  /** Goes through the marks, some at a time. */
  function createWalk(insistent = false) {
    let place: Place = BEGINNING
    return {
      /** `last`: no mark was behind these. */
      async step(): Promise<{ readonly tally: Tally; readonly last: boolean }> {
        const keys = await markedAfter(sql, types, place, recordsAtOnce)
        const last = keys.length < recordsAtOnce
        // Before they are projected: should that fail for ever, others still have their turn.
        place = last ? BEGINNING : (keys.at(-1) ?? BEGINNING)
        return { tally: await project(keys, insistent), last }
      },
      atBeginning: () => place === BEGINNING,
    }
  }

  async function turn(): Promise<Found> {
    let tally = await projectAwaited()
    // Those who wait take nothing from the time of the walk.
    const start = clock.elapsed()
    const inTime = (): boolean => !stopped && clock.elapsed() - start < TURN
    await lookAfterOthers(start)
    const whole = walk.atBeginning()
    let last = false
    do {
      const step = await walk.step()
      tally = sum(tally, step.tally)
      last = step.last
    } while (!last && inTime())
    await watch.rebuild(inTime)
    if (!last || !whole || watch.isPending()) return 'more'
    return tally.busy > 0 ? 'stuck' : 'nothing'
  }

  async function lookAfterOthers(now: number): Promise<void> {
    if (now >= retryAt) {
      retryAt = now + RETRY_EVERY
      for (const { mapping } of plans) await project(await dueAgain(sql, mapping.id, recordsAtOnce))
    }
    if (now >= tidyAt) {
      tidyAt = now + TIDY_EVERY
      const removed = await dropUnmapped(sql, types, TIDY_ROWS)
      if (removed === TIDY_ROWS) tidyAt = now
    }
    if (deps.vacuums && unvacuumed >= VACUUM_EVERY) {
      unvacuumed = 0
      await vacuum(sql)
    }
  }

  async function loop(): Promise<void> {
    for (;;) {
      const next = await pace.next()
      if (next === 'end') return
      const start = clock.elapsed()
      let found: Found = 'stuck'
      try {
        await watch.look()
        if (next === 'hurry') await projectAwaited()
        else found = await turn()
        failing = false
      } catch (error) {
        if (!failing && !stopped) logger.warn({ err: error }, 'projecting failed; trying again')
        failing = true
      }
      if (next === 'due') pace.took(clock.elapsed() - start, found)
      await waiters.look()
    }
  }

  function allRebuilds(type?: string): Rebuild[] {
    const of = type === undefined ? [...writers.values()].flat() : (writers.get(type) ?? [])
    return of.map((writer) => createRebuild(deps, writer))
  }

  return {
    start() {
      gauges.start()
      running ??= loop()
    },
    wake: pace.wake,
    reached(key, sequence, milliseconds) {
      const answer = waiters.wait(key, sequence, milliseconds)
      pace.hurry()
      return answer
    },
    async drain() {
      const marks = createWalk(true)
      for (let tries = 0; tries < DRAIN_TRIES && !stopped; tries += 1) {
        let round = NOTHING
        for (let last = false; !last && !stopped; ) {
          const step = await marks.step()
          round = sum(round, step.tally)
          last = step.last
        }
        if (round.settled > 0) tries = 0
        else if (round.busy === 0) return
        else await sleep(clock, DRAIN_PAUSE)
      }
    },
    rebuilds: allRebuilds,
    async stop() {
      stopped = true
      pace.end()
      gauges.stop()
      waiters.end()
      await running
    },
  }
}
