import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createTurnstile } from '../../server/embedded/turnstile.ts'

/** A session that notes what it is given, and opens and closes a transaction on the words for it. */
function fakeSession() {
  const seen: string[] = []
  let open = false
  const backend = {
    async run(messages: Uint8Array, answer: (bytes: Uint8Array) => void) {
      await turn()
      const text = Buffer.from(messages).toString('latin1')
      seen.push(text)
      if (text.includes('begin')) open = true
      if (text.includes('commit') || text.includes('rollback')) open = false
      if (text === 'break') throw new Error('broken')
      if (text === 'mute') return answer(Buffer.from('D\0\0\0\u0004'))
      for (const byte of READY) answer(Uint8Array.of(byte))
    },
    inTransaction: () => open,
  }
  return { backend, seen }
}

const READY = Buffer.from('Z\0\0\0\u0005I')
const RESET = 'Q\0\0\0\u002breset session authorization; reset all\0'
const ignore = (): void => undefined
const settle = async (): Promise<void> => {
  for (let n = 0; n < 30; n++) await turn()
}

describe('the turnstile', () => {
  test('P1: lets nobody in between a request and the end of it', async () => {
    const { backend, seen } = fakeSession()
    const turnstile = createTurnstile(backend, ignore)
    const [one, other] = [turnstile.enter(), turnstile.enter()]
    one.submit(Buffer.from('parse'), false, ignore)
    other.submit(Buffer.from('other'), true, ignore)
    await settle()
    expect(seen).toEqual(['parse'])
    one.submit(Buffer.from('bind execute sync'), true, ignore)
    await settle()
    expect(seen).toEqual(['parse', 'bind execute sync', 'other'])
  })

  test('keeps a transaction together', async () => {
    const { backend, seen } = fakeSession()
    const turnstile = createTurnstile(backend, ignore)
    const [one, other] = [turnstile.enter(), turnstile.enter()]
    one.submit(Buffer.from('begin'), true, ignore)
    other.submit(Buffer.from('other'), true, ignore)
    await settle()
    one.submit(Buffer.from('work'), true, ignore)
    one.submit(Buffer.from('commit'), true, ignore)
    await settle()
    expect(seen).toEqual(['begin', 'work', 'commit', 'other'])
  })

  test.each([
    ['a transaction', 'begin', true, ['begin', 'S\0\0\0\u0004', 'Q\0\0\0\rrollback\0', RESET, 'other']],
    ['half a request', 'parse', false, ['parse', 'S\0\0\0\u0004', RESET, 'other']],
    ['nothing', 'select', true, ['select', RESET, 'other']],
  ])('clears up behind a connection that goes and leaves %s', async (_what, sent, settles, expected) => {
    const { backend, seen } = fakeSession()
    const turnstile = createTurnstile(backend, ignore)
    const [one, other] = [turnstile.enter(), turnstile.enter()]
    one.submit(Buffer.from(sent), settles, ignore)
    other.submit(Buffer.from('other'), true, ignore)
    one.leave()
    await settle()
    expect([...seen].sort()).toEqual([...expected].sort())
    expect(seen.at(0)).toBe(sent)
  })

  test.each(['break', 'mute'])('says once that the session has broken down (%s), and runs nothing more', async (word) => {
    const { backend, seen } = fakeSession()
    const failures: unknown[] = []
    const place = createTurnstile(backend, (error) => failures.push(error)).enter()
    for (const text of [word, 'later']) place.submit(Buffer.from(text), true, ignore)
    await settle()
    place.submit(Buffer.from('later still'), true, ignore)
    await settle()
    expect([failures.length, seen]).toEqual([1, [word]])
  })
})
