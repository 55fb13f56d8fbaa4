/**
 * Runs the simulation over many seeds: `npm run soak -- --seeds 10000 --from 0`. Prints what happened in them, and each failing
 * seed with its reason; ends with exit code 1 if there was one.
 */
import { parseArgs } from 'node:util'
import { simulate } from './run.ts'
import { emptyTally, type Tally } from './scenario.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '10000' },
    from: { type: 'string', default: '0' },
    stop: { type: 'boolean', default: false },
  },
})
const from = Number(values.from)
const seeds = Number(values.seeds)
const sum = emptyTally()
let failed = 0

for (let seed = from; seed < from + seeds; seed += 1) {
  try {
    const tally = await simulate(seed)
    for (const name of Object.keys(sum) as (keyof Tally)[]) sum[name] += tally[name]
  } catch (error) {
    failed += 1
    console.log(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`)
    if (values.stop) break
  }
  if (process.stdout.isTTY && seed % 100 === 0) process.stdout.write(`\r${seed - from} of ${seeds}`)
}
console.log(`${seeds} seeds from ${from}, ${failed} failed; in them: ${JSON.stringify(sum)}`)
process.exitCode = failed > 0 ? 1 : 0
