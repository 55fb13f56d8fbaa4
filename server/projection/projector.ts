/** Turns marked records into rows of the mapped tables, in the background. */
import type { Clock } from '@rapport/shared/clock.ts'
import type { RecordKey } from '@rapport/shared/ids.ts'
import type { Plan } from '@rapport/shared/mapping/plan.ts'
import type { Sql } from '../db.ts'
import type { UpdateLog } from '../log/update-log.ts'
import type { Logger } from '../observability/logger.ts'
import type { Metrics } from '../observability/metrics.ts'

export interface Projector {
  /** Begins to project in the background, and brings rows of an older mapping version up to date. */
  start(): void
  /** There may be news: do not wait for the next look. */
  wake(): void
  /** Resolves with true once the record's rows show it at `sequence` or later, with false after so many milliseconds. */
  reached(key: RecordKey, sequence: number, milliseconds: number): Promise<boolean>
  /** Projects until no mark is left, but for records that are faulty or held by somebody else. For commands. */
  drain(): Promise<void>
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
}

export function createProjector(_deps: ProjectorDeps): Projector {
  return {
    start: () => undefined,
    wake: () => undefined,
    reached: () => Promise.resolve(false),
    drain: () => Promise.resolve(),
    stop: () => Promise.resolve(),
  }
}
