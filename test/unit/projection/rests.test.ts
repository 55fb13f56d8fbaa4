import { expect, test } from 'vitest'
import { createRests } from '../../../server/projection/rests.ts'
import { recordKey } from '../../support/entries.ts'
import { createFakeClock } from '../gateway/fake-clock.ts'

const [one, other] = [recordKey('one'), recordKey('other')]

test('a record that is held again and again rests longer each time, up to five seconds; others do not', () => {
  const clock = createFakeClock()
  const rests = createRests(clock)
  for (const milliseconds of [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]) {
    rests.tried([one, other], [one])
    clock.pass(milliseconds - 1)
    expect(rests.awake([one, other])).toEqual([other])
    clock.pass(1)
    expect(rests.awake([one, other])).toEqual([one, other])
  }
  rests.tried([one], [])
  rests.tried([one], [one])
  clock.pass(250)
  expect(rests.awake([one])).toEqual([one])
})

test('of very many, those found first are forgotten', () => {
  const rests = createRests(createFakeClock())
  const keys = Array.from({ length: 10_001 }, (_, n) => recordKey(`r${n}`))
  for (const key of keys) rests.tried([key], [key])
  expect(rests.awake(keys)).toEqual(keys.slice(0, 1))
})
