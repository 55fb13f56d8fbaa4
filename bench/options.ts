/** The bench's command line. */
import { parseArgs } from 'node:util'
import { prolong, SCENARIOS, type Scenario } from './scenarios.ts'

export interface Options {
  readonly scenarios: readonly Scenario[]
  readonly rounds: number
  /** The servers to measure; empty for all. */
  readonly only: readonly string[]
  /** File for the raw results. */
  readonly json: string | undefined
}

export const USAGE = `npm run bench -- [--quick] [--scenario S1|S2|J1] [--only relay|postgres|embedded|unjudged] [--rounds N] [--json FILE]
  --quick     two rounds of the short load, under three minutes; otherwise five rounds of four times the load
  --only      may be given more than once`

const LONG = { rounds: 5, factor: 4 }
const QUICK = { rounds: 2, factor: 1 }

/** Throws an `Error` whose message is for the user. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      scenario: { type: 'string', multiple: true, default: [] },
      only: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string' },
      json: { type: 'string' },
    },
  })
  const extent = values.quick ? QUICK : LONG
  const unknown = values.scenario.find((name) => !SCENARIOS.some((scenario) => scenario.name === name))
  if (unknown !== undefined) throw new Error(`There is no scenario ${unknown}.`)
  const rounds = Number(values.rounds ?? extent.rounds)
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds must be a whole number of at least 1.')
  const chosen = SCENARIOS.filter(({ name }) => values.scenario.length === 0 || values.scenario.includes(name))
  return { scenarios: chosen.map((one) => prolong(one, extent.factor)), rounds, only: values.only, json: values.json }
}
