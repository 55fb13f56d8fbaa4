import { expect, test } from 'vitest'
import { createGate } from '../../../server/http/gate.ts'
import { createFakeClock } from '../gateway/fake-clock.ts'

/** A gate with two places and a line of two, whose work ends when the test says so. */
function setUp() {
  const clock = createFakeClock()
  const log: string[] = []
  const ends = new Map<string, (error?: Error) => void>()
  const gate = createGate({ clock, places: 2, line: 2, patience: 1_000, onTurnedAway: () => log.push('turned away') })
  const settled = () => new Promise((resolve) => setImmediate(resolve))
  return {
    clock,
    log,
    settled,
    start(name: string) {
      const work = () => {
        log.push(`${name} begins`)
        return new Promise<string>((resolve, reject) => ends.set(name, (error) => (error ? reject(error) : resolve(name))))
      }
      const result = gate(work)
      result.catch(() => undefined)
      return result
    },
    async end(name: string, error?: Error) {
      await settled()
      ends.get(name)?.(error)
      await settled()
    },
  }
}

test('P10: so many at once, the others in line and in order', async () => {
  const { start, end, clock, log } = setUp()
  const first = start('a')
  for (const name of ['b', 'c', 'd']) void start(name)
  await end('nobody')
  expect(log).toEqual(['a begins', 'b begins'])
  await end('a')
  expect(await first).toBe('a')
  expect(log).toEqual(['a begins', 'b begins', 'c begins'])
  await end('b')
  clock.pass(1_000)
  expect(log).toEqual(['a begins', 'b begins', 'c begins', 'd begins'])
})

test('P10: whoever finds the line full is turned away at once, to come back later', async () => {
  const { start, log, end, settled } = setUp()
  for (const name of ['a', 'b', 'c', 'd']) void start(name)
  await settled()
  await expect(start('e')).rejects.toMatchObject({ code: 'overload', retry: true })
  expect(log.at(-1)).toBe('turned away')
  await end('a')
  void start('f')
  expect(log).toEqual(['a begins', 'b begins', 'turned away', 'c begins'])
})

test('P10: whoever waits in vain is turned away, and takes nobody’s place', async () => {
  const { start, end, clock, log, settled } = setUp()
  for (const name of ['a', 'b']) void start(name)
  const waiting = start('c')
  await settled()
  clock.pass(1_000)
  await expect(waiting).rejects.toMatchObject({ code: 'overload' })
  await end('a')
  void start('d')
  await settled()
  expect(log).toEqual(['a begins', 'b begins', 'turned away', 'd begins'])
})

test('work that fails frees its place', async () => {
  const { start, end, log } = setUp()
  for (const name of ['a', 'b', 'c']) void start(name)
  await end('a', new Error('failed'))
  await end('b', new Error('failed'))
  void start('d')
  await end('nobody')
  expect(log).toEqual(['a begins', 'b begins', 'c begins', 'd begins'])
})
