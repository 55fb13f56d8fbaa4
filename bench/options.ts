/** The bench's command line. */
import { parseArgs } from 'node:util'
import { prolong, SCENARIOS, type Scenario } from './scenarios.ts'

export interface Options {
  readonly scenarios: readonly Scenario[]
  readonly rounds: number
  /** Edits per second at which the lag of rows is measured, and for how many seconds each; empty for not at all. */
  readonly lag: { readonly rates: readonly number[]; readonly seconds: number }
  /** The servers to measure; empty for all. */
  readonly only: readonly string[]
  /** File for the raw results. */
  readonly json: string | undefined
}

export const USAGE = `npm run bench -- [--quick] [--scenario S1|S2|J1|S11] [--only relay|postgres|embedded|unjudged] [--rounds N] [--json FILE]
  --quick     two rounds of the short load, about three minutes; otherwise five rounds of four times the load
  --rate      of S11, edits per second; may be given more than once
  --only      may be given more than once`

const LONG = { rounds: 5, factor: 4, lag: { rates: [250, 500, 1_000, 2_000], seconds: 30 } }
const QUICK = { rounds: 2, factor: 1, lag: { rates: [1_000], seconds: 15 } }
/** The one that is no load between editors. */
const LAG = 'S11'

/** Throws an `Error` whose message is for the user. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      scenario: { type: 'string', multiple: true, default: [] },
      only: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string' },
      rate: { type: 'string', multiple: true, default: [] },
      json: { type: 'string' },
    },
  })
  const extent = values.quick ? QUICK : LONG
  const unknown = values.scenario.find((name) => name !== LAG && !SCENARIOS.some((scenario) => scenario.name === name))
  if (unknown !== undefined) throw new Error(`There is no scenario ${unknown}.`)
  const rounds = Number(values.rounds ?? extent.rounds)
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds must be a whole number of at least 1.')
  const chosen = SCENARIOS.filter(({ name }) => values.scenario.length === 0 || values.scenario.includes(name))
  const rates = values.rate.length === 0 ? extent.lag.rates : values.rate.map(Number)
  if (rates.some((rate) => !Number.isInteger(rate) || rate < 1)) throw new Error('--rate must be a whole number of at least 1.')
  const wanted = values.scenario.length === 0 || values.scenario.includes(LAG)
  const lag = { rates: wanted ? rates : [], seconds: extent.lag.seconds }
  return { scenarios: chosen.map((one) => prolong(one, extent.factor)), rounds, lag, only: values.only, json: values.json }
}
