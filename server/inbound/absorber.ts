/**
 * Takes what SQL writers changed in mapped rows into the documents, in the background. Walks the records of which changes wait in the
 * order of their keys, round and round, so that a bulk statement keeps nobody waiting for its end; a few records at a time, each through its
 * room, between everybody else's edits. What fails for the moment rests and is tried again; nothing that was captured is ever dropped.
 */
import { type Clock, sleep } from '@rapport/shared/clock.ts'
import type { RecordKey } from '@rapport/shared/ids.ts'
import type { Plan } from '@rapport/shared/mapping/plan.ts'
import type { Sql } from '../db.ts'
import type { AbsorbedChange } from '../log/findings.ts'
import type { Logger } from '../observability/logger.ts'
import type { Metrics } from '../observability/metrics.ts'
import { classifyFailure } from '../projection/failure.ts'
import { BEGINNING, type Place } from '../projection/marks.ts'
import { createRests } from '../projection/rests.ts'
import { type Absorbed, type AbsorptionNeeds, absorb } from './absorption.ts'
import { createCapturedChanges, type Settlement, type Waiting } from './captured.ts'
import { createSole } from './sole.ts'

export interface Absorber {
  /** Begins to absorb in the background. */
  start(): void
  /** Absorbs until nothing waits, but for what cannot be taken now. Not beside a started one. */
  drain(): Promise<void>
  /** Counts what waits, and removes what was settled long ago, if it is time. */
  tidy(): Promise<void>
  /** Ends after the records at hand. */
  stop(): Promise<void>
}

export interface AbsorberDeps extends AbsorptionNeeds {
  readonly sql: Sql
  readonly kind: 'embedded' | 'postgres'
  readonly plans: readonly Plan[]
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  /** Records are to be projected of which no entry tells. */
  readonly onReturned: () => void
}

/** Records that are taken in at once: their edits share commits, and others' edits come in between. */
const RECORDS_AT_ONCE = { embedded: 8, postgres: 32 } as const
/** Milliseconds between looks: soon after there was something, then rarer and rarer. */
const SOONEST = 20
const LATEST = 250
/** Looking through very many changes that wait for their records takes its time: that is then the smaller part of it, up to this. */
const SHARE = 4
const LONGEST = 1_000
const COUNT_EVERY = 1_000
const COUNT_SHARE = 20
const FORGET_EVERY = 600_000
const FORGET_ROWS = 5_000
/** Changes after which the embedded database, which leaves dead rows where they are, is told to clear up. */
const VACUUM_EVERY = 5_000
/** How often `drain` tries what cannot be taken now. */
const DRAIN_TRIES = 20

export function createAbsorber(deps: AbsorberDeps): Absorber {
  const { sql, kind, plans, clock, logger, metrics } = deps
  const captured = createCapturedChanges(sql, plans)
  const sole = createSole(sql, kind, clock)
  const rests = createRests(clock)
  let waiting = 0
  metrics.gauge('rapport_inbound_pending', 'Changes of rows that wait to be absorbed', [], (gauge) => gauge.set(waiting))
  const seconds = metrics.histogram(
    'rapport_inbound_seconds',
    'From the statement that changed a row until the change was absorbed or refused',
    [0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300],
  )
  const counter = metrics.counter('rapport_inbound_changes_total', 'Changes of rows that were taken, by what became of them', [
    'status',
  ])
  let place: Place = BEGINNING
  let running: Promise<void> | undefined
  let stopped = false
  let failing = false
  let countAt = 0
  let forgetAt = 0
  let unvacuumed = 0
  let wake = (): void => undefined

  /** Some records further. Resolves with how many were tried, how many of them are done, and whether the walk came to its end. */
  async function step(): Promise<{ readonly tried: number; readonly done: number; readonly last: boolean }> {
    const limit = RECORDS_AT_ONCE[kind]
    const keys = await captured.waitingAfter(place, limit)
    const last = keys.length < limit
    place = last ? BEGINNING : (keys.at(-1) ?? BEGINNING)
    const awake = rests.awake(keys)
    if (awake.length === 0) return { tried: 0, done: 0, last }
    const found = await captured.read(awake)
    const failed: RecordKey[] = []
    const settlements: Settlement[] = []
    await Promise.all(
      found.map(async (one) => {
        const { outcomes, failure } = await takeIn(one)
        for (const { changes } of outcomes) note(one, changes)
        const left = outcomes.flatMap(({ changes, isStored }) => (isStored ? [] : changes))
        if (left.length > 0) settlements.push({ key: one.key, changes: left })
        if (failure === undefined) return
        failed.push(one.key)
        logger.debug({ err: failure, type: one.key.type, id: one.key.id }, 'changes of rows wait for another try')
      }),
    )
    failed.push(...(await settle(settlements)))
    rests.tried(awake, failed)
    return { tried: found.length, done: found.length - failed.length, last }
  }

  async function takeIn(one: Waiting): Promise<Absorbed> {
    const plan = plans.find(({ type }) => type.name === one.key.type)
    return plan === undefined ? { outcomes: [], failure: undefined } : await absorb(deps, plan, one)
  }

  function note({ changes }: Waiting, settled: readonly AbsorbedChange[]): void {
    const times = new Map(changes.map(({ id, at }) => [id, at]))
    for (const { id, status } of settled) {
      seconds.observe(Math.max(0, clock.now() - (times.get(id) ?? 0)) / 1000)
      counter.inc({ status })
    }
    unvacuumed += settled.length
  }

  /** All together, or each by itself where somebody holds the rows of one. Resolves with the records of which none was settled. */
  async function settle(settlements: readonly Settlement[]): Promise<readonly RecordKey[]> {
    if (settlements.length === 0) return []
    const failed: RecordKey[] = []
    try {
      await captured.settle(settlements)
    } catch (error) {
      if (classifyFailure(error) === 'lost') throw error
      for (const settlement of settlements) if (!(await settleOne(settlement))) failed.push(settlement.key)
    }
    deps.onReturned()
    return failed
  }

  async function settleOne(settlement: Settlement): Promise<boolean> {
    try {
      await captured.settle([settlement])
      return true
    } catch (error) {
      const failure = classifyFailure(error)
      if (failure === 'lost') throw error
      if (failure === 'refused') logger.warn({ err: error, type: settlement.key.type }, 'changes of rows cannot be settled')
      return false
    }
  }

  async function tidy(): Promise<void> {
    const now = clock.elapsed()
    if (now >= countAt) {
      waiting = await captured.count()
      countAt = clock.elapsed() + Math.max(COUNT_EVERY, (clock.elapsed() - now) * COUNT_SHARE)
    }
    if (now >= forgetAt && (await captured.forgetSettled(FORGET_ROWS)) < FORGET_ROWS) forgetAt = now + FORGET_EVERY
    if (kind === 'embedded' && unvacuumed >= VACUUM_EVERY) {
      unvacuumed = 0
      await captured.vacuum()
    }
  }

  async function loop(): Promise<void> {
    let pause = SOONEST
    while (!stopped) {
      const start = clock.elapsed()
      let found = false
      try {
        await tidy()
        if (await sole.held()) found = (await step()).tried > 0
        failing = false
      } catch (error) {
        if (!failing && !stopped) logger.warn({ err: error }, 'absorbing changes of rows failed; trying again')
        failing = true
      }
      if (!stopped) await rest(found ? 0 : Math.max(pause, Math.min((clock.elapsed() - start) * SHARE, LONGEST)))
      pause = found ? SOONEST : Math.min(pause * 2, LATEST)
    }
  }

  /** Ends early when the absorber is stopped. */
  function rest(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = clock.after(milliseconds, resolve)
      wake = () => {
        timer.cancel()
        resolve()
      }
    })
  }

  return {
    start() {
      running ??= loop()
    },
    async drain() {
      for (let tries = 0; tries < DRAIN_TRIES && !stopped; tries += 1) {
        place = BEGINNING
        let [tried, done] = [0, 0]
        for (let last = false; !last && !stopped; ) {
          const one = await step()
          tried += one.tried
          done += one.done
          last = one.last
        }
        if (done > 0) tries = 0
        else if (tried === 0) return
        await sleep(clock, SOONEST)
      }
    },
    tidy,
    async stop() {
      stopped = true
      wake()
      await running
      await sole.release()
    },
  }
}
