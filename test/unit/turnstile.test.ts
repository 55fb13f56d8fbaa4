import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createAllowance } from '../../server/embedded/allowance.ts'
import { followAnswers } from '../../server/embedded/answers.ts'
import { createGrowingInput } from '../../server/embedded/growing-input.ts'
import { createStatements } from '../../server/embedded/statements.ts'
import { createTurnstile, HOLD_MILLISECONDS, type Place, type Visitor } from '../../server/embedded/turnstile.ts'
import { createFakeClock } from './gateway/fake-clock.ts'

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
const SYNC = 'S\0\0\0\u0004'
const ROLLBACK = 'Q\0\0\0\rrollback\0'
const RESET = 'Q\0\0\0\u0032set session authorization postgres; reset all\0'
const FAIL = expect.stringMatching(/^f\0{3}.the embedded database .*\0$/)
const ignore = (): void => undefined
const settle = async (): Promise<void> => {
  for (let n = 0; n < 60; n++) await turn()
}

/** A turnstile on a fake session, and for each connection what it is told when it is shown out. */
function createStage() {
  const { backend, seen } = fakeSession()
  const clock = createFakeClock()
  const failures: unknown[] = []
  const turnstile = createTurnstile(backend, clock, (error) => failures.push(error))
  const enter = (): Place & { readonly told: string[]; send(text: string, settles?: boolean): void } => {
    const told: string[] = []
    const statements = createStatements()
    const showOut: Visitor['showOut'] = (message, limit) => told.push(`${limit} ${message.toString('latin1')}`)
    const place = turnstile.enter({ guest: false, settings: [], statements, showOut })
    const send = (text: string, settles = true): void => void place.submit({ messages: Buffer.from(text), settles }, ignore)
    return { ...place, told, send }
  }
  return { seen, clock, failures, enter }
}

describe('the turnstile', () => {
  test('P1: lets nobody in between a request and the end of it', async () => {
    const { seen, enter } = createStage()
    const [one, other] = [enter(), enter()]
    one.send('parse', false)
    other.send('other')
    await settle()
    expect(seen).toEqual(['parse'])
    one.send('bind execute sync')
    await settle()
    expect(seen).toEqual(['parse', 'bind execute sync', 'other'])
  })

  test('keeps a transaction together', async () => {
    const { seen, enter } = createStage()
    const [one, other] = [enter(), enter()]
    one.send('begin')
    other.send('other')
    await settle()
    one.send('work')
    one.send('commit')
    await settle()
    expect(seen).toEqual(['begin', 'work', 'commit', 'other'])
  })

  test.each([
    ['a transaction', 'begin', true, ['begin', SYNC, ROLLBACK, RESET, 'other']],
    ['half a request', 'parse', false, ['parse', SYNC, RESET, 'other']],
    ['nothing', 'select', true, ['select', RESET, 'other']],
  ])('clears up behind a connection that goes and leaves %s', async (_what, sent, settles, expected) => {
    const { seen, enter } = createStage()
    const [one, other] = [enter(), enter()]
    one.send(sent, settles)
    other.send('other')
    void one.leave()
    await settle()
    expect([...seen].sort()).toEqual([...expected].sort())
    expect(seen.at(0)).toBe(sent)
  })

  test.each([
    ['a transaction', 'begin', true, [SYNC, ROLLBACK, RESET]],
    ['half a request', 'parse', false, [SYNC, RESET]],
  ])(
    'P10: shows out whoever holds the session with %s and is silent, and the others go on',
    async (_what, sent, settles, end) => {
      const { seen, clock, enter } = createStage()
      const [one, other] = [enter(), enter()]
      one.send(sent, settles)
      await settle()
      clock.pass(HOLD_MILLISECONDS - 1)
      other.send('other')
      await settle()
      clock.turn()
      await settle()
      expect([seen, one.told]).toEqual([[sent], []])
      clock.pass(1)
      clock.turn()
      one.send('too late')
      await settle()
      expect(seen).toEqual([sent, ...end, 'other'])
      expect(one.told).toEqual([expect.stringMatching(/^held_session E.*SFATAL\0.*C25P03\0/s)])
      expect(other.told).toEqual([])
      await one.leave()
      expect(seen).toHaveLength(end.length + 2)
    },
  )

  test('P10: shows out nobody who goes on with the transaction, even if that is read only when the time is over', async () => {
    const { seen, clock, enter } = createStage()
    const one = enter()
    for (const text of ['begin', 'work', 'more work']) {
      one.send(text)
      await settle()
      clock.pass(HOLD_MILLISECONDS - 1)
      clock.turn()
      await settle()
    }
    clock.pass(1)
    one.send('read late')
    clock.turn()
    await settle()
    clock.turn()
    await settle()
    one.send('commit')
    await settle()
    clock.pass(2 * HOLD_MILLISECONDS)
    clock.turn()
    await settle()
    expect([seen, one.told]).toEqual([['begin', 'work', 'more work', 'read late', 'commit'], []])
  })

  test.each([
    ['simple', 'copy', []],
    ['extended', 'parse copy execute sync', [SYNC]],
  ])('fails a copy from the connection where it begins, and the session goes on (%s protocol)', async (_name, sent, more) => {
    const { seen, failures, enter } = createStage()
    const answers: Uint8Array[] = []
    void enter().submit({ messages: Buffer.from(sent), settles: true }, (bytes) => answers.push(bytes))
    enter().send('other')
    await settle()
    expect([failures, seen]).toEqual([[], [sent, FAIL, ...more, 'other']])
    expect(Buffer.concat(answers).toString('latin1').endsWith('E\0\0\0\u0004Z\0\0\0\u0005I')).toBe(true)
  })

  test.each(['break', 'mute'])('says once that the session has broken down (%s), and runs nothing more', async (word) => {
    const { seen, failures, enter } = createStage()
    const place = enter()
    for (const text of [word, 'later']) place.send(text)
    await settle()
    place.send('later still')
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
    const borders = new Set<number>()
    for (let at = 0; at < whole.length; at += size) {
      const type = follow.take(whole.subarray(at, at + size))
      if (type !== 0) ends.push(String.fromCharCode(type))
      if (follow.border() > 0) borders.add(at + follow.border())
    }
    expect(ends).toEqual(row.length % size === 0 && size < whole.length ? ['D', 'Z'] : ['Z'])
    // Both ends, unless they lie in one piece.
    const together = Math.ceil(row.length / size) === Math.ceil(whole.length / size)
    expect([...borders]).toEqual(together ? [whole.length] : [row.length, whole.length])
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

describe('prepared statements', () => {
  const message = (type: string, body: string): Buffer => {
    const bytes = Buffer.from(`${type}    ${body}`, 'latin1')
    bytes.writeInt32BE(bytes.length - 1, 1)
    return bytes
  }
  const parse = (name: string, text = 'select 1'): Buffer => message('P', `${name}\0${text}\0\0\0`)
  const bind = (name: string): Buffer => message('B', `portal\0${name}\0\0\0\0\0\0\0`)
  const describe_ = (name: string): Buffer => message('D', `S${name}\0`)
  const close = (name: string): Buffer => message('C', `S${name}\0`)
  const portal = message('D', 'Pportal\0')
  const sync = Buffer.from(SYNC)
  const group = (...messages: readonly Buffer[]): Buffer => Buffer.concat(messages)

  test('of guests have names of their own, whatever their length, and those of the server keep theirs', () => {
    const whole = (name: string): Buffer => group(parse(name), describe_(name), bind(name), portal, close(name), sync)
    const long = 'S_'.padEnd(62, '1')
    const [one, other, own] = [createStatements('g1_'), createStatements('g2_'), createStatements()]
    expect(one.translate(whole('S_1')).messages).toEqual(whole('g1_1'))
    expect(other.translate(whole('S_1')).messages).toEqual(whole('g2_1'))
    expect(one.translate(whole(long)).messages).toEqual(whole('g1_2'))
    expect(own.translate(whole('S_1')).messages).toEqual(whole('S_1'))
  })

  test('are closed when their guest goes, and prepared again when another one discards them', () => {
    const one = createStatements('g1_')
    one.translate(group(parse('a'), parse('b', 'select 2'), sync))
    expect(one.close()).toEqual(group(close('g1_1'), close('g1_2'), sync))
    expect(one.prepareAgain()).toEqual(group(parse('g1_1'), sync, parse('g1_2', 'select 2'), sync))
    one.translate(group(close('a'), sync))
    expect(one.close()).toEqual(group(close('g1_2'), sync))
    one.keep(new Set(['another']))
    expect([one.close(), one.prepareAgain()]).toEqual([Buffer.alloc(0), Buffer.alloc(0)])
  })

  test('without a name are kept for a request that relies on one of an earlier request', () => {
    const one = createStatements('g1_')
    expect(one.translate(group(bind(''), sync)).unnamed).toBeUndefined()
    expect(one.translate(group(parse(''), describe_(''), sync)).unnamed).toBeUndefined()
    expect(one.translate(group(bind(''), sync)).unnamed).toEqual(parse(''))
    expect(one.translate(group(parse('a'), bind('a'), portal, sync)).unnamed).toBeUndefined()
    expect(one.translate(group(describe_(''), sync)).unnamed).toEqual(parse(''))
    expect(one.translate(message('Q', 'select 1\0')).unnamed).toBeUndefined()
    expect(one.translate(group(bind(''), sync)).unnamed).toBeUndefined()
  })

  test('that make no sense are left for Postgres to refuse', () => {
    const one = createStatements('g1_')
    for (const odd of [message('P', 'unended'), message('B', ''), message('B', 'portal'), message('D', ''), message('C', 'S')]) {
      expect(one.translate(group(odd, sync)).messages).toEqual(group(odd, sync))
    }
  })
})

test('P10: when guests hold more than their allowance together, those with the most have to go', () => {
  const allowance = createAllowance(100)
  const dropped: number[] = []
  const borrow = (bytes: number) => {
    const borrower = { held: () => bytes, drop: () => dropped.push(bytes) }
    allowance.enter(borrower)
    return borrower
  }
  const [small, middle] = [borrow(10), borrow(30)]
  expect([allowance.exceededBy(small), allowance.exceededBy(middle), dropped]).toEqual([false, false, []])
  const large = borrow(70)
  expect([allowance.exceededBy(large), dropped]).toEqual([true, []])
  expect([allowance.exceededBy(small), dropped]).toEqual([false, [70]])
  allowance.leave(middle)
  borrow(90)
  expect([allowance.exceededBy(small), dropped]).toEqual([false, [70]])
})
