/** `cli drift`: whether rows are what documents say, by kinds of difference, and what is done about it. */
import { parseArgs } from 'node:util'
import { systemClock } from '@rapport/shared/clock.ts'
import type { Plan } from '@rapport/shared/mapping/plan.ts'
import { compileShipped } from '../../drizzle/mappings/mappings.ts'
import type { Config } from '../config.ts'
import type { Engine } from '../engine.ts'
import { createAbsorber } from '../inbound/absorber.ts'
import { createMissedRows } from '../inbound/missed-rows.ts'
import { createLogger } from '../observability/logger.ts'
import { createMetrics } from '../observability/metrics.ts'
import { createRepair, type RepairOptions, type RepairSummary } from '../projection/drift-repair.ts'
import { isClean, type MappingReport, reportDrift } from '../projection/drift-report.ts'
import { versionsInForce } from '../projection/mapping-versions.ts'
import { UsageError } from './command.ts'
import { withEngine } from './engine.ts'
import { mappedType } from './mapped-type.ts'

/** Records whose state and rows are in memory at a time. */
const RECORDS_AT_ONCE = 32
/** What `--exit-code` ends with when something is amiss; a failure of the command itself is 1. */
export const DRIFTED = 2

interface Answer {
  /** Rows are what documents say, now; of edits that were refused this says nothing. */
  readonly clean: boolean
  readonly mappings: readonly MappingReport[]
  /** As it was before the repair. */
  readonly before?: readonly MappingReport[]
  readonly repair?: { readonly dryRun: boolean; readonly mappings: readonly RepairSummary[] }
}

interface Options extends RepairOptions {
  readonly repair: boolean
}

export async function printDrift(config: Config, args: readonly string[]): Promise<string> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      repair: { type: 'boolean', default: false },
      'dry-run': { type: 'boolean', default: false },
      foreign: { type: 'string' },
      'exit-code': { type: 'boolean', default: false },
    },
  })
  const [type, ...rest] = positionals
  if (rest.length > 0) throw new UsageError('drift takes one record type, or none for all.')
  const all = compileShipped()
  const plans = type === undefined ? all : mappedType(all, type)
  if (!values.repair && (values['dry-run'] || values.foreign !== undefined)) {
    throw new UsageError('--dry-run and --foreign say something of --repair, which is missing.')
  }
  const policy = values.foreign ?? 'absorb'
  if (policy !== 'absorb' && policy !== 'restore' && policy !== 'review') {
    throw new UsageError('--foreign must be absorb, restore or review.')
  }
  const options = { repair: values.repair, dry: values['dry-run'], policy } as const
  const answer = await withEngine(config, (engine) => examine(engine, plans, all, options))
  if (values['exit-code'] && !answer.clean) process.exitCode = DRIFTED
  return `${JSON.stringify(answer)}\n`
}

async function examine(engine: Engine, plans: readonly Plan[], all: readonly Plan[], options: Options): Promise<Answer> {
  const { database, updateLog, projector } = engine
  const deps = { sql: database.sql, log: updateLog, clock: systemClock, recordsAtOnce: RECORDS_AT_ONCE }
  const inForce = await versionsInForce(deps.sql)
  const newer = plans.find(({ mapping }) => (inForce.get(mapping.id) ?? 0) > mapping.version)
  if (newer !== undefined) {
    throw new UsageError(`A newer version of the mapping ${newer.mapping.id} is in force: look with the release that has it.`)
  }
  const reports: MappingReport[] = []
  const repairs: RepairSummary[] = []
  for (const plan of plans) {
    const repair = options.repair ? createRepair(deps.sql, plan, createMissedRows(deps.sql, plan), options) : undefined
    reports.push(await reportDrift(deps, plan, all, repair))
    if (repair !== undefined) repairs.push(repair.summary())
  }
  if (!options.repair) return { clean: isClean(reports), mappings: reports }
  const repair = { dryRun: options.dry, mappings: repairs }
  if (options.dry) return { clean: isClean(reports), mappings: reports, repair }
  await absorbWaiting(engine)
  await projector.drain()
  const after: MappingReport[] = []
  for (const plan of plans) after.push(await reportDrift(deps, plan, all))
  return { clean: isClean(after), mappings: after, before: reports, repair }
}

/** Without a server nobody else would; beside one the two share the work. */
async function absorbWaiting({ database: { sql, kind }, registry, updateLog, projector, plans }: Engine): Promise<void> {
  const absorber = createAbsorber({
    ...{ sql, kind, registry, log: updateLog, plans, clock: systemClock },
    logger: createLogger('error'),
    metrics: createMetrics(),
    onReturned: projector.wake,
  })
  try {
    await absorber.drain()
  } finally {
    await absorber.stop()
  }
}
