/**
 * The judge against an oracle that knows only what people wrote and saw: some hundred plans here, as many as one likes with
 * `npm run soak:judge`.
 */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { PLACES } from './places.ts'
import { plans } from './plan.ts'
import { live } from './run.ts'
import { addTally, emptyTally } from './tally.ts'
import { duel, duels } from './two-editors.ts'

const LIVES = 1000
const DUELS = 1000
/** Always the same plans, so that a failure is one of the change that brought it; the soak looks for others. */
const SEED = 4

/** Not every run of a few hundred meets one of these. */
const RARE = new Set(['lostClears', 'renamedRows', 'lostAdds', 'twins', 'putBack', 'settledRows', 'withdrawnRows'])

test(`P3 P4 P5: in ${LIVES} lives nothing forbidden shows, nothing permitted is lost, and conflicts are those that there were`, () => {
  const sum = emptyTally()
  fc.assert(
    fc.property(plans(PLACES.length), (plan) => addTally(sum, live(plan))),
    { numRuns: LIVES, seed: SEED },
  )
  // A run in which nothing happened proves nothing.
  for (const [name, times] of Object.entries(sum)) if (!RARE.has(name)) expect(times, name).toBeGreaterThan(20)
  expect(sum.lostClears / sum.clears).toBeLessThan(0.005)
})

test('P5: of two offline editors, each loser has one conflict, which can be put back; who saw the other has none', () => {
  const sum = { conflicts: 0, outruns: 0 }
  fc.assert(
    fc.property(duels(), (plan) => {
      const { conflicts, outruns } = duel(plan)
      sum.conflicts += conflicts
      sum.outruns += outruns
    }),
    { numRuns: DUELS, seed: SEED },
  )
  expect(sum.conflicts).toBeGreaterThan(100)
  expect(sum.outruns).toBeGreaterThan(100)
})
