/**
 * `npm run bench`: measures Rapport beside a naive relay, in the same run and on the same machine, since only the ratio of the
 * two travels. Servers take turns (A B A B), so that a disturbance of the machine does not fall on one of them alone.
 */
import { writeFile } from 'node:fs/promises'
import { describeSurroundings } from './environment.ts'
import { type Measurement, measure } from './measure.ts'
import { type Options, readOptions, USAGE } from './options.ts'
import { formatScenario } from './report.ts'
import { embeddedRapport, postgresRapport, rawRelay, type Target } from './targets.ts'

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}

/** In the order in which they take turns. */
const TARGETS = { relay: async () => rawRelay, postgres: postgresRapport, embedded: embeddedRapport } as const

async function openTargets({ only }: Options): Promise<readonly Target[]> {
  const opened: Target[] = []
  for (const [name, open] of Object.entries(TARGETS)) {
    if (only.length === 0 || only.includes(name)) opened.push(await open())
  }
  return opened
}

async function measureAll(options: Options, targets: readonly Target[]): Promise<readonly Measurement[]> {
  const measurements: Measurement[] = []
  const total = options.scenarios.length * options.rounds * targets.length
  for (const scenario of options.scenarios) {
    for (let round = 1; round <= options.rounds; round += 1) {
      for (const target of targets) {
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
  const targets = await openTargets(options)
  try {
    const measurements = await measureAll(options, targets)
    console.log(`${Object.values(surroundings).join(' · ')}\n`)
    for (const scenario of options.scenarios) console.log(formatScenario(scenario, measurements, rawRelay.name))
    for (const { name, settings } of targets) console.log(`${name}: ${settings}`)
    if (options.json !== undefined) await writeFile(options.json, JSON.stringify({ surroundings, measurements }, null, 2))

    const faults = measurements.flatMap(({ target, scenario, result }) =>
      result.faults.map((fault) => `${target}, ${scenario}: ${fault}`),
    )
    for (const fault of faults) console.error(fault)
    if (faults.length > 0) process.exitCode = 1
  } finally {
    for (const target of targets) await target.dispose()
  }
}

try {
  await main()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  console.error(USAGE)
  process.exitCode = 1
}
