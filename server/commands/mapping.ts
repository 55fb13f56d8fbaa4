/** `cli mapping`: which versions of the mappings there are and where they stand; `cli mapping contract` ends the step to a new one. */
import { parseArgs } from 'node:util'
import { compileShipped } from '../../drizzle/mappings/mappings.ts'
import type { Config } from '../config.ts'
import { joinDatabase } from '../db.ts'
import { createLogger } from '../observability/logger.ts'
import { contract } from '../projection/contraction.ts'
import { listVersions } from '../projection/mapping-phases.ts'
import { UsageError } from './command.ts'

export async function manageMappings(config: Config, args: readonly string[]): Promise<string> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      'dry-run': { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      discard: { type: 'boolean', default: false },
    },
  })
  const [command, id, ...rest] = positionals
  const flags = Object.values(values).some((given) => given)
  if (
    rest.length > 0 ||
    (command !== undefined && (command !== 'contract' || id === undefined)) ||
    (command === undefined && flags)
  ) {
    throw new UsageError('mapping takes nothing, or "contract" and the id of a mapping.')
  }
  if (values.keep && values.discard) throw new UsageError('mapping contract takes --keep or --discard, not both.')
  const plans = compileShipped()
  const plan = plans.find(({ mapping }) => mapping.id === id)
  if (id !== undefined && plan === undefined) throw new UsageError('There is no mapping of that id.')
  const { keep, discard, 'dry-run': dry } = values
  const database = await joinDatabase(config, createLogger('error'))
  try {
    const answer =
      plan === undefined
        ? await listVersions(database.sql, plans)
        : await contract(database.sql, plan, plans, { keep, discard, dry })
    return `${JSON.stringify(answer)}\n`
  } finally {
    await database.close()
  }
}
