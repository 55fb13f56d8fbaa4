/** What a run is made of, as fast-check draws and shrinks it. */
import * as fc from 'fast-check'

export interface DevicePlan {
  /** Below the number of people. */
  readonly person: number
  /** 0: the lowest client id, 1: the highest, otherwise any. */
  readonly id: number
  readonly gc: boolean
  readonly cut: boolean
}

export interface Plan {
  readonly instances: number
  /** Whether each person is a manager. */
  readonly managers: readonly boolean[]
  readonly devices: readonly DevicePlan[]
  /** Indexes of the places that the run's people write in, for they shall meet. */
  readonly places: readonly number[]
  /** For what the servers and later devices draw. */
  readonly seed: number
  /** What happens, one number each; read by `decode`. */
  readonly steps: readonly number[]
}

export type Happening =
  | 'edit'
  | 'edits'
  | 'text'
  | 'serverEdit'
  | 'putBack'
  | 'judge'
  | 'settle'
  | 'receive'
  | 'connect'
  | 'disconnect'
  | 'answer'
  | 'again'
  | 'learn'
  | 'crash'
  | 'compact'
  | 'newId'

/** How often each happens, in 64 times. */
const OFTEN: readonly (readonly [Happening, number])[] = [
  ['edit', 16],
  ['edits', 4],
  ['text', 3],
  ['serverEdit', 2],
  ['putBack', 1],
  ['judge', 10],
  ['settle', 8],
  ['receive', 9],
  ['connect', 3],
  ['disconnect', 2],
  ['answer', 1],
  ['again', 1],
  ['learn', 1],
  ['crash', 1],
  ['compact', 1],
  ['newId', 1],
]
const TABLE = OFTEN.flatMap(([happening, times]) => Array.from({ length: times }, () => happening))

export interface Step {
  readonly happening: Happening
  /** Which device or instance, modulo how many there are. */
  readonly who: number
  /** Everything else, modulo what there is to choose from. */
  readonly choice: number
}

const STEP_BITS = 30

export function decode(step: number): Step {
  return { happening: TABLE[step % 64] ?? 'edit', who: (step >>> 6) % 16, choice: step >>> 10 }
}

export function plans(places: number): fc.Arbitrary<Plan> {
  const step = fc.nat(2 ** STEP_BITS - 1)
  const device = fc.record({ person: fc.nat(3), id: fc.nat(7), gc: fc.nat(3).map((drawn) => drawn > 0), cut: fc.boolean() })
  return fc.noBias(
    fc.record({
      instances: fc.integer({ min: 1, max: 2 }),
      managers: fc.array(fc.boolean(), { minLength: 2, maxLength: 4 }),
      devices: fc.array(device, { minLength: 2, maxLength: 5 }),
      places: fc.array(fc.nat(places - 1), { minLength: 1, maxLength: 5 }),
      seed: fc.nat(2 ** 31 - 1),
      steps: fc.array(step, { minLength: 1, maxLength: 70, size: 'max' }),
    }),
  )
}
