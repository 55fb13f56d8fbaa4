/** Group commit: what is gathered, in which order it is written, and what becomes of an entry when the database fails. */
import { describe, expect, test } from 'vitest'
import type { AppendOutcome, JudgedEntry } from '../../../server/log/entry.ts'
import { entryOf, freshTenant, positionOf, recordKey } from '../../support/entries.ts'
import { createStage, DataRefused, passing, RowHeld, settled } from '../document/stage.ts'

/** A log whose store notes every group that it is asked to insert. */
function openLog() {
  const stage = createStage()
  const { insert } = stage.memory
  const groups: (readonly JudgedEntry[])[] = []
  const attempts: string[][] = []
  let fault: (entries: readonly JudgedEntry[]) => unknown = () => undefined
  let answerLost = false
  stage.replace('insert', async (entries) => {
    groups.push(entries)
    attempts.push(entries.map(({ id }) => id))
    const thrown = fault(entries)
    if (thrown !== undefined) throw thrown
    const admitted = await insert(entries)
    if (answerLost) throw new Error('the answer was lost')
    return admitted
  })
  return {
    ...stage,
    groups,
    attempts,
    fail: (decide: typeof fault) => (fault = decide),
    loseAnswers: (lose: boolean) => (answerLost = lose),
  }
}

const tenant = freshTenant()
const entries = (count: number, update = Uint8Array.of(0, 0)): JudgedEntry[] =>
  Array.from({ length: count }, (_, index) => entryOf(recordKey(`r${index}`, tenant), undefined, { update }))

describe('group commit', () => {
  test('gathers while one group is in flight, and writes what it gathered as the next one', async () => {
    const { log, hold, groups } = openLog()
    const gate = hold('insert')
    const [first, ...rest] = entries(21)
    const outcomes = [first, ...rest].map((entry) => entry && log.append(entry))
    await settled()
    gate.let()
    expect((await Promise.all(outcomes)).map((outcome) => outcome?.type)).toEqual(Array(21).fill('committed'))
    expect(groups.map((group) => group.length)).toEqual([1, 20])
  })

  test('P1: nothing is reported committed before the database said so', async () => {
    const { log, hold } = openLog()
    const gate = hold('insert')
    const heard: AppendOutcome[] = []
    for (const entry of entries(3)) void log.append(entry).then((outcome) => heard.push(outcome))
    await settled()
    expect(heard).toEqual([])
    gate.let()
    await settled()
    expect(heard).toEqual(Array(3).fill({ type: 'committed', sequence: 1 }))
  })

  test('P10: a group has at most 500 rows and 4 MiB, but for a single entry that is larger', async () => {
    const { log, groups } = openLog()
    const megabyte = new Uint8Array(1024 * 1024)
    const large = new Uint8Array(5 * 1024 * 1024)
    const all = [...entries(1), ...entries(700), ...entries(6, megabyte), ...entries(1, large), ...entries(1)].map(
      (entry, index) => ({
        ...entry,
        key: recordKey(`k${index}`, tenant),
      }),
    )
    const outcomes = await Promise.all(all.map((entry) => log.append(entry)))
    expect(outcomes.every(({ type }) => type === 'committed')).toBe(true)
    // 700 small ones, of which 500 fit; then the bytes decide.
    expect(groups.map((group) => group.length)).toEqual([1, 500, 203, 3, 1, 1])
    expect(groups.flat().map(({ id }) => id)).toEqual(all.map(({ id }) => id))
  })

  test('keeps the order of a record: each entry follows the one before', async () => {
    const { log } = openLog()
    const key = recordKey('ordered', tenant)
    let previous = { sequence: 0, entry: '' }
    for (let sequence = 1; sequence <= 20; sequence += 1) {
      const entry = entryOf(key, previous)
      const beside = entries(5).map((other) => log.append({ ...other, key: recordKey(`b${sequence}-${other.key.id}`, tenant) }))
      expect(await log.append(entry)).toEqual({ type: 'committed', sequence })
      await Promise.all(beside)
      previous = positionOf(entry)
    }
    expect((await log.load(key))?.tail.map(({ position }) => position.sequence)).toEqual(
      Array.from({ length: 20 }, (_, index) => index + 1),
    )
  })

  test('an entry that somebody else was faster than is outrun, and its group is not disturbed', async () => {
    const { log, memory } = openLog()
    const [one, two] = [entryOf(recordKey('one', tenant)), entryOf(recordKey('two', tenant))]
    await memory.insert([entryOf(one.key)])
    expect(await Promise.all([log.append(one), log.append(two)])).toEqual([
      { type: 'outrun' },
      { type: 'committed', sequence: 1 },
    ])
  })
})

describe('P10: data that the database refuses fails its own entry alone', () => {
  test.each([1, 2, 7, 64])('of %i entries, wherever the guilty one stands', async (count) => {
    for (const guilty of new Set([0, Math.floor(count / 2), count - 1])) {
      const { log, fail, attempts, hold } = openLog()
      const gate = hold('insert')
      const [first, ...all] = entries(count + 1)
      const bad = all[guilty]
      fail((group) => (group.some(({ id }) => id === bad?.id) ? new DataRefused('refused') : undefined))
      const outcomes = [first, ...all].map((entry) => entry && log.append(entry))
      gate.let()
      const types = (await Promise.all(outcomes)).map((outcome) => outcome?.type)
      expect(types).toEqual(['committed', ...all.map((entry) => (entry === bad ? 'refused' : 'committed'))])
      // Halving: a logarithm of attempts, and no row twice.
      expect(attempts.length).toBeLessThanOrEqual(3 + 2 * Math.ceil(Math.log2(count)))
      expect(log.healthy()).toBe(true)
    }
  })

  test('several guilty ones are found, and the reason names no value', async () => {
    const { log, fail } = openLog()
    const all = entries(32)
    const bad = new Set([all[3]?.id, all[4]?.id, all[31]?.id])
    fail((group) => (group.some(({ id }) => bad.has(id)) ? new DataRefused('secret value') : undefined))
    const outcomes = await Promise.all(all.map((entry) => log.append(entry)))
    expect(outcomes.flatMap(({ type }, index) => (type === 'refused' ? all[index]?.id : []))).toEqual([...bad])
    expect(JSON.stringify(outcomes)).not.toContain('secret')
  })

  test('what was committed by a lost attempt is not taken for refused', async () => {
    const { log, fail, loseAnswers, clock } = openLog()
    const [entry] = entries(1)
    if (entry === undefined) throw new Error('no entry')
    loseAnswers(true)
    const outcome = log.append(entry)
    await settled()
    loseAnswers(false)
    fail(() => new DataRefused('refused, the second time'))
    await passing(clock, 100)
    expect(await outcome).toEqual({ type: 'committed', sequence: 1 })
  })
})

test('P1: a group that was committed unheard, and is then split for its data, is found entry by entry', async () => {
  const { log, hold, fail, loseAnswers, clock } = openLog()
  const gate = hold('insert')
  const outcomes = Promise.all(entries(5).map((entry) => log.append(entry)))
  let groups = 0
  fail((group) => {
    if (group.length > 1) groups += 1
    loseAnswers(groups === 1)
    return group.length > 1 && groups > 1 ? new DataRefused('refused') : undefined
  })
  gate.let()
  await passing(clock, 5_000)
  expect(groups).toBe(4)
  expect((await outcomes).map(({ type }) => type)).toEqual(Array(5).fill('committed'))
})

describe('a database that cannot be reached', () => {
  test('P1: the same entries are tried again, with the same ids, until it can; meanwhile the log is not healthy', async () => {
    const { log, fail, attempts, clock } = openLog()
    fail(() => new Error('gone'))
    const all = entries(3)
    const heard: AppendOutcome[] = []
    for (const entry of all) void log.append(entry).then((outcome) => heard.push(outcome))
    await passing(clock, 30_000)
    expect(heard).toEqual([])
    expect(log.healthy()).toBe(false)
    // Pauses double from 50 ms to 2 s: not hundreds of attempts, and not three.
    expect(attempts.length).toBeGreaterThan(10)
    expect(attempts.length).toBeLessThan(30)
    expect(new Set(attempts.map((ids) => ids.join()))).toEqual(new Set([all[0]?.id]))
    fail(() => undefined)
    await passing(clock, 2_000)
    expect(heard).toEqual(Array(3).fill({ type: 'committed', sequence: 1 }))
    expect(log.healthy()).toBe(true)
  })

  test('P1: a commit whose answer was lost is found by its id, and another writer at the same place is not taken for it', async () => {
    const { log, memory, loseAnswers, clock } = openLog()
    const [mine, theirs] = [entryOf(recordKey('mine', tenant)), entryOf(recordKey('theirs', tenant))]
    await memory.insert([entryOf(theirs.key)])
    loseAnswers(true)
    const outcomes = Promise.all([log.append(mine), log.append(theirs)])
    await settled()
    await passing(clock, 60)
    loseAnswers(false)
    await passing(clock, 5_000)
    expect(await outcomes).toEqual([{ type: 'committed', sequence: 1 }, { type: 'outrun' }])
    expect((await memory.load(mine.key))?.tail).toHaveLength(1)
  })

  test('reads say that it may be tried again', async () => {
    const { log, hold } = openLog()
    const key = recordKey('any', tenant)
    for (const name of ['load', 'readAfter', 'heads', 'page', 'quarantine'] as const) hold(name, new Error('gone'))
    const row = {
      id: 'q',
      key,
      reason: '',
      author: { sub: 'ada', role: 'rep' },
      roles: [],
      teams: [],
      at: 0,
      bytes: new Uint8Array(0),
    }
    const reads = [
      log.load(key),
      log.readAfter(key, 0, 1),
      log.heads([key]),
      log.page(tenant, 'contact', '', 1),
      log.quarantine(row),
    ]
    for (const read of await Promise.allSettled(reads)) {
      expect(read).toMatchObject({ status: 'rejected', reason: { code: 'overload', retry: true } })
    }
  })
})

describe('close', () => {
  test('waits for what was appended; later appends answer closed and write nothing', async () => {
    const { log, hold, groups } = openLog()
    const gate = hold('insert')
    const outcomes = entries(3).map((entry) => log.append(entry))
    let closed = false
    const closing = log.close(1_000).then(() => (closed = true))
    await settled()
    expect(closed).toBe(false)
    gate.let()
    await closing
    expect((await Promise.all(outcomes)).map(({ type }) => type)).toEqual(['committed', 'committed', 'committed'])
    const written = groups.length
    expect(await log.append(entryOf(recordKey('late', tenant)))).toEqual({ type: 'closed' })
    expect(groups).toHaveLength(written)
  })

  test('gives up after its time: what was not written answers closed, and what fails is not tried for ever', async () => {
    const { log, fail, clock, attempts } = openLog()
    fail(() => new Error('gone'))
    const outcomes = entries(3).map((entry) => log.append(entry))
    await settled()
    const closing = log.close(1_000)
    await passing(clock, 4_000)
    await closing
    expect((await Promise.all(outcomes)).map(({ type }) => type)).toEqual(['closed', 'closed', 'closed'])
    const tried = attempts.length
    await passing(clock, 10_000)
    expect(attempts).toHaveLength(tried)
  })
})

describe('P10: a row that somebody holds', () => {
  test('delays the commits of its own record and of no other', async () => {
    const { log, fail, clock } = openLog()
    const [first, held, ...others] = entries(5)
    let holding = true
    fail((group) => (holding && group.some(({ key }) => key.id === held?.key.id) ? new RowHeld() : undefined))
    const outcomes = new Map<string, string>()
    for (const entry of [first, held, ...others]) {
      if (entry !== undefined) void log.append(entry).then(({ type }) => outcomes.set(entry.key.id, type))
    }
    await settled()
    expect([...outcomes.keys()].sort()).toEqual(['r0', 'r2', 'r3', 'r4'])
    expect(log.healthy()).toBe(true)
    const [later] = entries(1)
    if (later !== undefined)
      void log.append({ ...later, id: 'later', key: recordKey('r9', tenant) }).then(({ type }) => outcomes.set('r9', type))
    await settled()
    expect(outcomes.get('r9')).toBe('committed')
    holding = false
    await passing(clock, 3_000)
    expect(outcomes.get('r1')).toBe('committed')
  })

  test('a log that closes does not wait for it for ever', async () => {
    const { log, fail, clock } = openLog()
    const [held] = entries(1)
    fail(() => new RowHeld())
    const outcome = held && log.append(held)
    await settled()
    const closing = log.close(100)
    await passing(clock, 3_000)
    await closing
    expect(await outcome).toEqual({ type: 'closed' })
  })
})
