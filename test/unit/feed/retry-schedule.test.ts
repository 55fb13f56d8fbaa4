import { expect, test } from 'vitest'
import { pauseBehind } from '../../../server/feed/retry-schedule.ts'

test('pauses grow from seconds to a day, with up to a fifth more by chance, and end behind the tenth failure', () => {
  const pauses = (random: number) => Array.from({ length: 10 }, (_, index) => pauseBehind(index + 1, { random32: () => random }))
  const seconds = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]
  expect(pauses(0)).toEqual([...seconds.map((each) => each * 1_000), undefined])
  expect(pauses(2 ** 32 - 1)).toEqual([...seconds.map((each) => each * 1_200), undefined])
})
