/**
 * Runs the judge's properties over many plans: `npm run soak:judge -- --runs 100000 --seed 1`. Prints what happened in them; on a
 * failure the smallest plan that still fails, its path, and what happens in it, and ends with exit code 1.
 */
import { parseArgs } from 'node:util'
import * as fc from 'fast-check'
import { PLACES } from './places.ts'
import { plans } from './plan.ts'
import { live } from './run.ts'
import { addTally, emptyTally } from './tally.ts'
import { duel, duels } from './two-editors.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '10000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    /** Of a failure that was printed. */
    path: { type: 'string', default: '' },
  },
})
const settings = { numRuns: Number(values.runs), seed: Number(values.seed) }
const sum = emptyTally()
const duelled = { conflicts: 0, outruns: 0 }
const since = performance.now()

const lives = fc.property(plans(PLACES.length), (plan) => addTally(sum, live(plan)))
const result = fc.check(lives, values.path === '' ? settings : { ...settings, path: values.path })
const fights = fc.check(
  fc.property(duels(), (plan) => {
    const { conflicts, outruns } = duel(plan)
    duelled.conflicts += conflicts
    duelled.outruns += outruns
  }),
  settings,
)
const seconds = (performance.now() - since) / 1000
console.log(`${result.numRuns} lives and ${fights.numRuns} duels from seed ${settings.seed} in ${seconds.toFixed(0)} s`)
console.log(JSON.stringify({ lives: sum, duels: duelled }, undefined, 1))
if (result.failed) {
  console.log(`failed: --seed ${result.seed} --path ${result.counterexamplePath}`)
  const [plan] = result.counterexample ?? []
  if (plan !== undefined) tellOf(() => live(plan, (line) => console.log(line())))
}
if (fights.failed) console.log(fc.defaultReportMessage(fights))
process.exitCode = result.failed || fights.failed ? 1 : 0

function tellOf(run: () => void): void {
  try {
    run()
  } catch (error) {
    console.log(error)
  }
}
