import { evenOrders, orderBetween } from '@rapport/shared/schema/fractional-order.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const key = fc.string({ unit: fc.constantFrom('0', '1', 'V', 'a', 'y', 'z'), minLength: 1, maxLength: 8 })

describe('fractional order', () => {
  it('there is a key between any two different ones, unless the upper is the lower followed by zeros', () => {
    fc.assert(
      fc.property(key, key, (one, other) => {
        const [lower, upper] = one < other ? [one, other] : [other, one]
        const between = orderBetween(lower, upper)
        if (upper.replace(/0+$/, '') === lower.replace(/0+$/, '')) expect(between).toBeUndefined()
        else {
          expect(between).toBeDefined()
          expect(lower < String(between) && String(between) < upper).toBe(true)
          expect(between).not.toMatch(/0$/)
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('there is always a key above, and one below any key but zeros', () => {
    fc.assert(
      fc.property(key, (given) => {
        expect(String(orderBetween(given, undefined)) > given).toBe(true)
        const below = orderBetween(undefined, given)
        if (/^0+$/.test(given)) expect(below).toBeUndefined()
        else expect(below !== undefined && below < given).toBe(true)
      }),
    )
  })

  it('keys of foreign alphabets are declined, not guessed at', () => {
    expect(orderBetween('é', undefined)).toBeUndefined()
    expect(orderBetween(undefined, '-')).toBeUndefined()
    expect(orderBetween('b', 'a')).toBeUndefined()
    expect(orderBetween('a', 'a')).toBeUndefined()
  })

  it('a thousand appended entries need keys of at most 40 characters', () => {
    let last: string | undefined
    for (let count = 0; count < 1000; count += 1) last = orderBetween(last, undefined)
    expect(last?.length).toBeLessThanOrEqual(40)
  })

  it('evenly spaced keys ascend and leave room on every side', () => {
    for (const count of [0, 1, 2, 60, 61, 62, 63, 500, 4000]) {
      const keys = evenOrders(count)
      expect(keys).toHaveLength(count)
      expect(new Set(keys).size).toBe(count)
      expect([...keys].sort()).toEqual(keys)
      for (const [index, current] of keys.entries()) {
        expect(orderBetween(keys[index - 1], current)).toBeDefined()
        expect(orderBetween(current, keys[index + 1])).toBeDefined()
      }
    }
  })
})
