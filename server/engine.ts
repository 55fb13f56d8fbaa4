/**
 * What a server and the commands beside it have in common: database, log, rooms and projector, started in this order under one
 * lifecycle and stopped in reverse. Traffic is the server's own and not in here.
 */
import { randomUUID } from 'node:crypto'
import type { Clock } from '@rapport/shared/clock.ts'
import type { Plan } from '@rapport/shared/mapping/plan.ts'
import { requireType } from '@rapport/shared/records/record-types.ts'
import { compileShipped } from '../drizzle/mappings/mappings.ts'
import type { Judge } from './access/judge.ts'
import type { Config } from './config.ts'
import type { Database } from './db.ts'
import { createRegistry, type Registry } from './document/registry.ts'
import { createLocalHints } from './fanout/hints.ts'
import { createFeed, type Feed } from './feed/feed.ts'
import type { Lifecycle } from './lifecycle.ts'
import { classifyFailure } from './log/failures.ts'
import { createSqlLogStore } from './log/sql-log-store.ts'
import { createUpdateLog, type UpdateLog } from './log/update-log.ts'
import type { Logger } from './observability/logger.ts'
import type { Metrics } from './observability/metrics.ts'
import { admitMappings } from './projection/mapping-versions.ts'
import { createProjector, type Projector } from './projection/projector.ts'

const LOG_CLOSE_MS = 500
const DATABASE_STOP_MS = 1_500
const PROJECTOR_STOP_MS = 1_000
const FEED_STOP_MS = 1_000
/** How long a busy log gathers for one commit. In bench S2 it halves what the database does, and acknowledgements come 3 ms later. */
const GATHER_MS = 3
/** What one transaction of the projector takes on: the embedded database is one session, and others wait for its end. */
const RECORDS_AT_ONCE = { embedded: 16, postgres: 32 } as const
/** What one statement of the relay takes on, for the same reason. */
const EVENTS_AT_ONCE = { embedded: 100, postgres: 500 } as const

export interface Engine {
  readonly database: Database
  readonly updateLog: UpdateLog
  readonly registry: Registry
  readonly projector: Projector
  /** What is projected by. */
  readonly plans: readonly Plan[]
  readonly feed: Feed
}

export interface EngineNeeds {
  readonly config: Config
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
  readonly lifecycle: Lifecycle
  /** `openDatabase` for a server, `joinDatabase` for a command. */
  readonly open: (config: Config, log: Logger) => Promise<Database>
  /** What a test puts a faulty database in place with. */
  readonly createStore?: typeof createSqlLogStore
  /** What a bench puts in place of the judge. */
  readonly judge?: Judge
  /** What a test projects by instead of the mappings that ship. */
  readonly plans?: readonly Plan[]
}

/**
 * Projector and feed are not started: a server calls their `start`, a command the projector's `drain`. Rejects with a `configuration` error if a mapping changed
 * under its version, or if its tables are not ready for it.
 */
export async function startEngine(needs: EngineNeeds): Promise<Engine> {
  const { config, clock, log, metrics, lifecycle, open, createStore = createSqlLogStore, plans = compileShipped() } = needs
  const closeDatabase = (database: Database) => database.close()
  const database = await lifecycle.start('database', () => open(config, log), closeDatabase, DATABASE_STOP_MS)
  await admitMappings(database.sql, plans)
  const updateLog = await lifecycle.start(
    'log',
    () =>
      createUpdateLog({ store: createStore(database.sql), classify: classifyFailure, clock, log, metrics, gather: GATHER_MS }),
    (started) => started.close(LOG_CLOSE_MS),
    2 * LOG_CLOSE_MS,
  )
  const feed = await lifecycle.start(
    'feed',
    () =>
      createFeed({
        sql: database.sql,
        clock,
        logger: log,
        metrics,
        retentionDays: config.feedRetentionDays,
        webhookAllow: config.webhookAllow,
        eventsAtOnce: EVENTS_AT_ONCE[database.kind],
        vacuums: database.kind === 'embedded',
      }),
    (started) => started.stop(),
    FEED_STOP_MS,
  )
  const bus = createLocalHints()
  const projector = await lifecycle.start(
    'projector',
    () =>
      createProjector({
        sql: database.sql,
        log: updateLog,
        plans,
        clock,
        logger: log,
        metrics,
        recordsAtOnce: RECORDS_AT_ONCE[database.kind],
        vacuums: database.kind === 'embedded',
        onProjected: feed.wake,
      }),
    (started) => started.stop(),
    PROJECTOR_STOP_MS,
  )
  bus.join().subscribe(projector.wake)
  const registry = await lifecycle.start(
    'registry',
    () =>
      createRegistry({
        log: updateLog,
        hints: bus.join(),
        clock,
        logger: log,
        metrics,
        newEntryId: randomUUID,
        typeOf: requireType,
        maxRecordBytes: config.limits.recordBytes,
        ...(needs.judge && { judge: needs.judge }),
      }),
    (started) => started.drain(0),
  )
  return { database, updateLog, registry, projector, feed, plans }
}
