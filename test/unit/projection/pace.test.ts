import { expect, test } from 'vitest'
import { createPace, type Found, type Pace, type Turn } from '../../../server/projection/pace.ts'
import { settled } from '../document/stage.ts'
import { createFakeClock, type FakeClock } from '../gateway/fake-clock.ts'

/** A projector that notes when it has its turns, and takes as long for each as it is told. */
function follow(clock: FakeClock, pace: Pace, find: () => { readonly took: number; readonly found: Found }): string[] {
  const turns: string[] = []
  const run = async (): Promise<void> => {
    for (;;) {
      const turn: Turn = await pace.next()
      turns.push(`${turn} ${clock.elapsed()}`)
      if (turn === 'end') return
      const { took, found } = find()
      if (turn === 'due') pace.took(took, found)
    }
  }
  void run()
  return turns
}

async function pass(clock: FakeClock, milliseconds: number): Promise<void> {
  await settled()
  for (let passed = 0; passed < milliseconds; passed += 10) {
    clock.pass(10)
    await settled()
  }
}

test('begins at once, then looks once a second while nobody calls', async () => {
  const clock = createFakeClock()
  const turns = follow(clock, createPace(clock), () => ({ took: 1, found: 'nothing' }))
  await pass(clock, 3_000)
  expect(turns).toEqual(['due 0', 'due 1000', 'due 2000', 'due 3000'])
})

test('a call at rest is answered at once, calls soon after a turn together and 200 ms after it', async () => {
  const clock = createFakeClock()
  const pace = createPace(clock)
  const turns = follow(clock, pace, () => ({ took: 1, found: 'nothing' }))
  await pass(clock, 500)
  pace.wake()
  await settled()
  pace.wake()
  await pass(clock, 20)
  pace.wake()
  await pass(clock, 500)
  expect(turns).toEqual(['due 0', 'due 500', 'due 700'])
})

test.each([
  [10, 200],
  [100, 200],
  [200, 400],
  [900, 1_000],
])('with more to do, turns of %i ms come %i ms apart: at most a third of the time, and never a second', async (took, apart) => {
  const clock = createFakeClock()
  const turns = follow(clock, createPace(clock), () => ({ took, found: 'more' }))
  await pass(clock, 3 * apart)
  expect(turns).toEqual([0, 1, 2, 3].map((n) => `due ${n * apart}`))
})

test('where nothing could be done, calls do not make it try more often', async () => {
  const clock = createFakeClock()
  const pace = createPace(clock)
  const turns = follow(clock, pace, () => ({ took: 1, found: 'stuck' }))
  for (let n = 0; n < 50; n += 1) {
    pace.wake()
    await pass(clock, 10)
  }
  expect(turns).toEqual(['due 0', 'due 250', 'due 500'])
})

test('somebody who waits has a turn at once, and takes none from the others', async () => {
  const clock = createFakeClock()
  const pace = createPace(clock)
  const turns = follow(clock, pace, () => ({ took: 200, found: 'more' }))
  for (let n = 0; n < 10; n += 1) {
    await pass(clock, 50)
    pace.hurry()
    await settled()
  }
  expect(turns).toEqual([
    'due 0',
    ...[50, 100, 150, 200, 250, 300, 350].map((at) => `hurry ${at}`),
    'due 400',
    'hurry 400',
    'hurry 450',
    'hurry 500',
  ])
})

test.each([1, 30, 150])(
  'P7: under an endless stream of those who wait, each turn taking %i ms, all others still have theirs in time',
  async (took) => {
    const clock = createFakeClock()
    const pace = createPace(clock)
    const turns: { readonly turn: Turn; readonly at: number }[] = []
    while (clock.elapsed() < 5_000) {
      pace.wake()
      pace.hurry()
      const turn = await pace.next()
      turns.push({ turn, at: clock.elapsed() })
      clock.pass(took)
      if (turn === 'due') pace.took(took, 'more')
    }
    const due = turns.filter(({ turn }) => turn === 'due').map(({ at }) => at)
    const gaps = due.slice(1).map((at, index) => at - (due[index] ?? 0))
    expect(due.length).toBeGreaterThan(8)
    // The turn itself, the time that it leaves to others, and the turn of somebody who waits at its end.
    expect(Math.max(...gaps)).toBeLessThanOrEqual(took + Math.max(200, 2 * took) + took)
    expect(turns.filter(({ turn }) => turn === 'hurry').length).toBeGreaterThanOrEqual(due.length - 1)
  },
)

test('ends from wherever it is', async () => {
  const clock = createFakeClock()
  const pace = createPace(clock)
  const turns = follow(clock, pace, () => ({ took: 1, found: 'nothing' }))
  await pass(clock, 30)
  pace.end()
  await settled()
  expect(turns).toEqual(['due 0', 'end 30'])
  expect(await pace.next()).toBe('end')
})
