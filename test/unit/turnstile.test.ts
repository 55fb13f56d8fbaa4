import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { followAnswers } from '../../server/embedded/answers.ts'
import { createGrowingInput } from '../../server/embedded/growing-input.ts'
import { createTurnstile } from '../../server/embedded/turnstile.ts'

/** A session that notes what it is given, and opens and closes a transaction on the words for it. */
function fakeSession() {
  const seen: string[] = []
  let open = false
  const backend = {
    async run(messages: Uint8Array, answer: (bytes: Uint8Array) => Uint8Array | undefined) {
      await turn()
      const text = Buffer.from(messages).toString('latin1')
      seen.push(text)
      if (text.includes('begin')) open = true
      if (text.includes('commit') || text.includes('rollback')) open = false
      if (text === 'break') throw new Error('broken')
      if (text === 'mute') return void answer(Buffer.from('D\0\0\0\u0004'))
      if (text.includes('copy')) {
        const more = answer(Buffer.from('1\0\0\0\u0004G\0\0\0\u0009\0\0\u0001\0\0'))
        seen.push(Buffer.from(more ?? []).toString('latin1'))
        answer(Buffer.from('E\0\0\0\u0004'))
        // With the extended protocol its Sync is passed over.
        if (text.includes('sync')) return
      }
      for (const byte of READY) answer(Uint8Array.of(byte))
    },
    inTransaction: () => open,
  }
  return { backend, seen }
}

const READY = Buffer.from('Z\0\0\0\u0005I')
const RESET = 'Q\0\0\0\u002breset session authorization; reset all\0'
const FAIL = expect.stringMatching(/^f\0{3}.the embedded database .*\0$/)
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

  test.each([
    ['simple', 'copy', []],
    ['extended', 'parse copy execute sync', ['S\0\0\0\u0004']],
  ])('fails a copy from the connection where it begins, and the session goes on (%s protocol)', async (_name, sent, more) => {
    const { backend, seen } = fakeSession()
    const failures: unknown[] = []
    const turnstile = createTurnstile(backend, (error) => failures.push(error))
    const answers: Uint8Array[] = []
    turnstile.enter().submit(Buffer.from(sent), true, (bytes) => answers.push(bytes))
    turnstile.enter().submit(Buffer.from('other'), true, ignore)
    await settle()
    expect([failures, seen]).toEqual([[], [sent, FAIL, ...more, 'other']])
    expect(Buffer.concat(answers).toString('latin1').endsWith('E\0\0\0\u0004Z\0\0\0\u0005I')).toBe(true)
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

test('answers are followed through pieces of any size, whatever bytes they hold', () => {
  // A row that holds what a copy's begin and the end of an answer look like, then a true end.
  const row = Buffer.from('D\0\0\0\u0013G\0\0\0\u0007\0\0\0Z\0\0\0\u0005I', 'latin1')
  row.writeInt32BE(row.length - 1, 1)
  const whole = Buffer.concat([row, READY])
  for (let size = 1; size <= whole.length; size++) {
    const follow = followAnswers()
    const ends: string[] = []
    for (let at = 0; at < whole.length; at += size) {
      const type = follow(whole.subarray(at, at + size))
      if (type !== 0) ends.push(String.fromCharCode(type))
    }
    expect(ends).toEqual(row.length % size === 0 && size < whole.length ? ['D', 'Z'] : ['Z'])
  }
})

test('an input can grow while it is read, and the next one begins anew, whatever the lengths', () => {
  const input = createGrowingInput()
  for (const length of [3, 0, 100_000, 7, 300_000]) {
    const bytes = input.begin(new Uint8Array(length).fill(length & 255))
    expect(bytes.length).toBe(length)
    input.add(Uint8Array.of(1, 2))
    expect(Buffer.from(bytes.subarray(length)).toString('hex')).toBe('0102')
    expect(bytes.subarray(0, length).every((byte) => byte === (length & 255))).toBe(true)
  }
})
