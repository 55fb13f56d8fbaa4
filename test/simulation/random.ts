/**
 * Randomness from a seed: the same seed gives the same run, on any machine.
 */

export interface Random {
  /** Uniform, unsigned, 32 bits. */
  uint32(): number
  /** Uniform in `[0, below)`. */
  below(below: number): number
  chance(probability: number): boolean
  pick<T>(from: readonly T[]): T
}

/** The generator "mulberry32": 32 bits of state, good enough to choose schedules with. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const uint32 = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  const below = (limit: number): number => uint32() % limit
  return {
    uint32,
    below,
    chance: (probability) => uint32() < probability * 2 ** 32,
    pick(from) {
      const picked = from[below(from.length)]
      if (picked === undefined) throw new Error('nothing to pick from')
      return picked
    },
  }
}
