/** `cli rebuild`: projects all records again, of one type or of all, and says what was amiss. `--anew`: all of them, whatever was done before. */
import { SingleBar } from 'cli-progress'
import { compileShipped } from '../../drizzle/mappings/mappings.ts'
import type { Config } from '../config.ts'
import type { Rebuild, When } from '../projection/rebuild.ts'
import { UsageError } from './command.ts'
import { withEngine } from './engine.ts'
import { mappedType } from './mapped-type.ts'

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
  const anew = args.includes('--anew')
  const [type, ...rest] = args.filter((arg) => arg !== '--anew')
  if (rest.length > 0) throw new UsageError('rebuild takes one record type, or none for all.')
  if (type !== undefined) mappedType(compileShipped(), type)
  const summaries = await withEngine(config, async ({ projector }) => {
    const done: Summary[] = []
    for (const rebuild of projector.rebuilds(type)) done.push(await rebuildOne(rebuild, anew ? 'anew' : 'again'))
    return done
  })
  return `${JSON.stringify(summaries)}\n`
}

async function rebuildOne(rebuild: Rebuild, when: When): Promise<Summary> {
  const { mapping, type } = rebuild.plan
  const { state, since } = await rebuild.begin(when)
  if (state === 'newer') {
    throw new UsageError(`A newer version of the mapping ${mapping.id} is in force: rebuild with the release that has it.`)
  }
  if (state === 'unfinished') {
    process.stderr.write(
      `Going on with the rebuild of ${mapping.id} begun at ${since} and not finished; rebuild --anew begins again.\n`,
    )
  }
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
