/**
 * Damages honest updates by seed, many of them, and prints how many passed the pre-scan and how many reached a document. Ends with
 * exit code 1 and the seed at the first record that cannot be read, loaded or edited afterwards. `npm run soak:updates -- --mutants 100000 --seed 1`.
 */
import { parseArgs } from 'node:util'
import { runMutants } from './mutation-run.ts'

const { values } = parseArgs({
  options: { mutants: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' } },
})
const { mutants, scanned, reached, forked, thrown, verdicts } = runMutants(Number(values.seed), Number(values.mutants))
const share = (count: number): string => `${count} (${((100 * count) / mutants).toFixed(1)} %)`
console.log(`${mutants} mutants: ${share(scanned)} passed the pre-scan, ${share(reached)} reached a document`)
console.log(`verdicts: ${[...verdicts].map(([name, count]) => `${name} ${count}`).join(', ')}`)
console.log(`${share(forked)} left a text whose order depends on the replica`)
for (const [message, count] of thrown) console.log(`thrown ${count} times: ${message}`)
