/** The fault run's command line. */
import { parseArgs } from 'node:util'

export interface FaultOptions {
  readonly rounds: number
  readonly embedded: boolean
  readonly postgres: boolean
}

export const USAGE = 'npm run test:faults -- [--rounds N] [--database embedded|postgres|both]'

/** Throws an `Error` whose message is for the user. */
export function readOptions(args: readonly string[]): FaultOptions {
  const { values } = parseArgs({
    args: [...args],
    options: { rounds: { type: 'string', default: '30' }, database: { type: 'string', default: 'both' } },
  })
  const rounds = Number(values.rounds)
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds must be a whole number of at least 1.')
  if (!['embedded', 'postgres', 'both'].includes(values.database))
    throw new Error('--database must be embedded, postgres or both.')
  return { rounds, embedded: values.database !== 'postgres', postgres: values.database !== 'embedded' }
}
