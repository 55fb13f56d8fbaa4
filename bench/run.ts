/**
 * `npm run bench`: measures Rapport beside a naive relay, in the same run and on the same machine, since only the ratio of the
 * two travels. Servers take turns (A B A B), so that a disturbance of the machine does not fall on one of them alone.
 */
import { writeFile } from 'node:fs/promises'
import { describeSurroundings } from './environment.ts'
import { formatLag, measureLag } from './lag/run.ts'
import { type Measurement, measure } from './measure.ts'
import { type Options, readOptions, USAGE } from './options.ts'
import { formatScenario } from './report.ts'
import type { Scenario, TargetName } from './scenarios.ts'
import { embeddedRapport, postgresRapport, rawRelay, type Target, unjudgedRapport } from './targets.ts'

type Targets = ReadonlyMap<TargetName, Target>

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}

/** In the order in which they take turns. */
const TARGETS: Readonly<Record<TargetName, () => Promise<Target>>> = {
  relay: async () => rawRelay,
  unjudged: unjudgedRapport,
  postgres: postgresRapport,
  embedded: embeddedRapport,
}

/** The server whose rows are looked at. */
const LAGGING: TargetName = 'postgres'

async function openTargets({ only, scenarios, lag }: Options): Promise<Targets> {
  const opened = new Map<TargetName, Target>()
  for (const name of Object.keys(TARGETS) as TargetName[]) {
    const wanted = only.length === 0 || only.includes(name)
    const lagging = name === LAGGING && lag.rates.length > 0
    if (wanted && (lagging || scenarios.some(({ targets }) => targets.includes(name)))) opened.set(name, await TARGETS[name]())
  }
  return opened
}

function targetsOf({ targets }: Scenario, opened: Targets): readonly Target[] {
  return targets.flatMap((name) => opened.get(name) ?? [])
}

async function measureAll(options: Options, opened: Targets): Promise<readonly Measurement[]> {
  const measurements: Measurement[] = []
  const total = options.scenarios.reduce((sum, scenario) => sum + options.rounds * targetsOf(scenario, opened).length, 0)
  for (const scenario of options.scenarios) {
    for (let round = 1; round <= options.rounds; round += 1) {
      for (const target of targetsOf(scenario, opened)) {
        progress(`${measurements.length + 1} of ${total}: ${scenario.name}, round ${round}, ${target.name}`)
        measurements.push(await measure(target, scenario))
      }
    }
  }
  progress('')
  return measurements
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2))
  const surroundings = describeSurroundings()
  const opened = await openTargets(options)
  try {
    const measurements = await measureAll(options, opened)
    console.log(`${Object.values(surroundings).join(' · ')}\n`)
    for (const scenario of options.scenarios)
      console.log(formatScenario(scenario, measurements, opened.get(scenario.targets[0] ?? 'relay')?.name))
    const lagging = opened.get(LAGGING)
    const lags =
      lagging === undefined || options.lag.rates.length === 0
        ? []
        : await measureLag(lagging, options.lag.rates, options.lag.seconds)
    if (lagging !== undefined && lags.length > 0) console.log(formatLag(lagging.name, lags))
    for (const { name, settings } of opened.values()) console.log(`${name}: ${settings}`)
    if (options.json !== undefined) await writeFile(options.json, JSON.stringify({ surroundings, measurements, lags }, null, 2))

    const faults = measurements.flatMap(({ target, scenario, result }) =>
      result.faults.map((fault) => `${target}, ${scenario}: ${fault}`),
    )
    faults.push(
      ...lags.flatMap(({ editsPerSecond, result }) => result.faults.map((fault) => `S11 at ${editsPerSecond}/s: ${fault}`)),
    )
    for (const fault of faults) console.error(fault)
    if (faults.length > 0) process.exitCode = 1
  } finally {
    for (const target of opened.values()) await target.dispose()
  }
}

try {
  await main()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  console.error(USAGE)
  process.exitCode = 1
}
