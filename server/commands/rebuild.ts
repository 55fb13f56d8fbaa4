/** `cli rebuild`: projects all records again, of one type or of all, and says what was amiss. */
import { recordTypeOf } from '@rapport/shared/records/record-types.ts'
import { SingleBar } from 'cli-progress'
import { compileShipped } from '../../drizzle/mappings/mappings.ts'
import type { Config } from '../config.ts'
import type { Rebuild } from '../projection/rebuild.ts'
import { UsageError } from './command.ts'
import { withEngine } from './engine.ts'

/** What stdout gets of one mapping. */
interface Summary {
  readonly mapping: string
  readonly type: string
  /** Records passed, those of them that had a row written or deleted, and those that cannot be projected. */
  readonly seen: number
  readonly changed: number
  readonly faults: number
}

export async function rebuildRows(config: Config, args: readonly string[]): Promise<string> {
  const [type, ...rest] = args
  if (rest.length > 0) throw new UsageError('rebuild takes one record type, or none for all.')
  if (type !== undefined) {
    if (recordTypeOf(type) === undefined) throw new UsageError('There is no record type of that name.')
    if (!compileShipped().some((plan) => plan.type.name === type))
      throw new UsageError('No mapping projects records of that type.')
  }
  const summaries = await withEngine(config, async ({ projector }) => {
    const done: Summary[] = []
    for (const rebuild of projector.rebuilds(type)) done.push(await rebuildOne(rebuild))
    return done
  })
  return `${JSON.stringify(summaries)}\n`
}

async function rebuildOne(rebuild: Rebuild): Promise<Summary> {
  const { mapping, type } = rebuild.plan
  const resumed = await rebuild.begin(true)
  if (resumed) process.stderr.write(`Going on with a rebuild of ${mapping.id} that was not finished.\n`)
  const bar = process.stderr.isTTY
    ? new SingleBar({ format: `${mapping.id} {bar} {value}/{total}`, clearOnComplete: true })
    : undefined
  bar?.start(await rebuild.total(), 0)
  try {
    while (await rebuild.step()) bar?.update(rebuild.progress().seen)
  } finally {
    bar?.stop()
  }
  const { seen, changed } = rebuild.progress()
  return { mapping: mapping.id, type: type.name, seen, changed, faults: await rebuild.faults() }
}
