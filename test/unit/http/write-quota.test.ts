import type { SyncError } from '@rapport/shared/errors.ts'
import { describe, expect, test } from 'vitest'
import type { Principal } from '../../../server/auth/principal.ts'
import { createWriteQuota } from '../../../server/http/write-quota.ts'
import { createFakeClock } from '../gateway/fake-clock.ts'

const FRAME = 1_000

function setUp(updatesPerSecond: number, bytesPerSecond: number) {
  const clock = createFakeClock()
  const hits: string[] = []
  const limits = { frameBytes: FRAME, updatesPerSecond, bytesPerSecond }
  const quota = createWriteQuota({ clock, limits, limitHit: (limit) => hits.push(limit) })
  /** The pass, or the milliseconds to wait. */
  const enter = (sub: string, announced: number | undefined, tenant = 'demo') => {
    try {
      return quota.enter({ tenant, sub } as unknown as Principal, announced)
    } catch (error) {
      return (error as SyncError).retryAfter
    }
  }
  /** One whole request; true if it was let in. */
  const write = (bytes = 0, sub = 'ann', tenant = 'demo'): boolean => {
    const pass = enter(sub, bytes, tenant)
    if (typeof pass !== 'object') return false
    pass.arrived(bytes)
    pass.leave()
    return true
  }
  const count = (times: number, sub?: string) => Array.from({ length: times }, () => write(0, sub)).filter(Boolean).length
  return { clock, hits, quota, enter, write, count }
}

describe('P10: the rate of one principal', () => {
  test('two seconds of it may be used up at once, and then as much as time brings', () => {
    const { clock, count, hits } = setUp(10, 0)
    expect(count(100)).toBe(21)
    clock.pass(1_000)
    expect(count(100)).toBe(10)
    expect(new Set(hits)).toEqual(new Set(['rate']))
  })

  test('whoever comes back when told to is let in, and a little earlier is not', () => {
    const { clock, enter, count } = setUp(10, 0)
    count(100)
    const wait = enter('ann', 0)
    expect(wait).toBe(100)
    clock.pass(95)
    expect(enter('ann', 0)).toBeTypeOf('number')
    clock.pass(6)
    expect(enter('ann', 0)).toBeTypeOf('object')
  })

  test('bytes have a rate of their own, by what was read and not by what was announced', () => {
    const { clock, enter, write } = setUp(0, 1_000)
    const pass = enter('ann', undefined)
    if (typeof pass !== 'object') throw new Error('not let in')
    for (let index = 0; index < 5; index += 1) pass.arrived(800)
    pass.charge(1_000)
    pass.leave()
    expect(enter('ann', 0)).toBe(3_000)
    clock.pass(3_000)
    expect(write(10)).toBe(true)
  })

  test('is nobody else’s: neither a colleague nor a namesake in another tenant waits for it', () => {
    const { count, write } = setUp(10, 0)
    count(100)
    expect([write(0, 'bob'), write(0, 'ann', 'other'), write(0, 'ann')]).toEqual([true, true, false])
  })

  test('with no limits set nobody is held up', () => {
    const { write, hits } = setUp(0, 0)
    for (let index = 0; index < 10_000; index += 1) expect(write(FRAME)).toBe(true)
    expect(hits).toEqual([])
  })
})

describe('P10: what one principal has under way', () => {
  /** A request of which so much has come. */
  function begin(enter: ReturnType<typeof setUp>['enter'], announced: number | undefined, come: number) {
    const pass = enter('ann', announced)
    if (typeof pass !== 'object') throw new Error('not let in')
    pass.arrived(come)
    return pass
  }

  test('four of the largest bodies, of whatever number of requests', () => {
    const { enter, hits } = setUp(0, 0)
    const passes = [begin(enter, undefined, 1_000), begin(enter, 900, 900), begin(enter, 900, 900), begin(enter, 900, 900)]
    expect([enter('ann', 301), typeof enter('ann', 300), typeof enter('bob', 900)]).toEqual([1_000, 'object', 'object'])
    expect(hits).toEqual(['unsettled'])
    const last = begin(enter, undefined, 300)
    expect(() => last.arrived(1)).toThrow(expect.objectContaining({ code: 'rate_limited', retryAfter: 1_000 }))
    passes[0]?.leave()
    passes[0]?.leave()
    expect(typeof enter('ann', 1_000)).toBe('object')
    last.arrived(1_000)
    expect(enter('ann', 1)).toBe(1_000)
  })

  test('what is announced and does not come keeps nobody out', () => {
    const { enter } = setUp(0, 0)
    for (let index = 0; index < 100; index += 1) begin(enter, index % 2 === 0 ? undefined : 1_000, 1)
    expect(typeof enter('ann', 1_000)).toBe('object')
  })

  test('and a thousand requests, however small', () => {
    const { enter } = setUp(0, 0)
    for (let index = 0; index < 1_000; index += 1) expect(typeof enter('ann', 0)).toBe('object')
    expect(enter('ann', 0)).toBe(1_000)
  })
})

describe('P10: what is kept of principals', () => {
  test('leaves once their buckets are full again, debts and work under way included', () => {
    const { clock, quota, write, enter } = setUp(10, 100)
    for (let index = 0; index < 500; index += 1) write(1, `rep${index}`)
    write(2_000, 'debtor')
    const working = enter('worker', 1)
    expect(quota.size).toBe(502)
    clock.pass(6_000)
    write(0, 'somebody')
    expect(quota.size).toBe(3)
    expect(enter('debtor', 0)).toBe(12_000)
    clock.pass(15_000)
    if (typeof working === 'object') working.leave()
    write(0, 'somebody')
    expect(quota.size).toBe(1)
  })

  test('never exceeds a number, and then leaves oldest first', () => {
    const { quota, write, count } = setUp(10, 0)
    count(100)
    for (let index = 0; index < 19_999; index += 1) write(0, `rep${index}`)
    expect([quota.size, count(100)]).toEqual([20_000, 0])
    for (let index = 20_000; index < 39_000; index += 1) write(0, `rep${index}`)
    expect([quota.size, count(100), count(100, 'rep0')]).toEqual([20_001, 0, 21])
  })
})
