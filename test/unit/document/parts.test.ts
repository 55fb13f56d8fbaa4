/** The small parts of a room, by themselves: what they count, and in which order they hand things out. */
import { describe, expect, test } from 'vitest'
import { CompactionGauge } from '../../../server/document/compaction-gauge.ts'
import { GapQueue } from '../../../server/document/gap-queue.ts'
import { Inbox, type Waiting } from '../../../server/document/inbox.ts'
import { createSteadyClock, Listener, principalOf } from './stage.ts'

describe('reads in a gap', () => {
  test('P10: a gap serves them for 10 ms and leaves the rest to the next one, in order', () => {
    const clock = createSteadyClock()
    const queue = new GapQueue(clock)
    const served: number[] = []
    for (let read = 0; read < 10; read += 1) {
      const serve = (): void => {
        served.push(read)
        clock.pass(4)
      }
      queue.add(serve, () => served.push(-1))
    }
    const left: number[] = []
    for (let gap = 0; gap < 4; gap += 1) {
      queue.serve()
      left.push(queue.length)
    }
    expect(left).toEqual([7, 4, 1, 0])
    expect(served).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  test('P10: reads of a record at rest are served at once, but no longer than 10 ms of them', () => {
    const clock = createSteadyClock()
    const queue = new GapQueue(clock)
    const read = (): void => clock.pass(4)
    expect([1, 2, 3, 4].map(() => queue.serveNow(read))).toEqual([true, true, true, false])
    clock.pass(30)
    expect(queue.serveNow(read)).toBe(true)
    queue.add(read, () => undefined)
    expect(queue.serveNow(read)).toBe(false)
  })
})

describe('the inbox', () => {
  const waiting = (subscriber: Listener, bytes: number): Waiting => ({
    submission: { type: 'edit', principal: principalOf('ada'), change: () => undefined, frees: false, via: 'rest' },
    bytes,
    source: { type: 'socket', subscriber },
  })
  const ada = new Listener('ada')
  const bob = new Listener('bob')

  test('P10: hands out at most 500 submissions and 1 MiB at a time, but for a single larger one', () => {
    const inbox = new Inbox()
    const sizes = [...Array.from({ length: 600 }, () => 1), 2 ** 20, 2 ** 21, 1]
    for (const bytes of sizes) inbox.add(waiting(ada, bytes))
    const batches: number[][] = []
    while (inbox.length > 0) batches.push(inbox.take().map(({ bytes }) => bytes))
    expect(batches.map(({ length }) => length)).toEqual([500, 100, 1, 1, 1])
    expect(batches.flat()).toEqual(sizes)
  })

  test('a batch that was put back comes first again, one at a time if one of it is guilty', () => {
    const inbox = new Inbox()
    for (const bytes of [1, 2, 3]) inbox.add(waiting(ada, bytes))
    const batch = inbox.take()
    inbox.add(waiting(ada, 4))
    inbox.add(waiting(ada, 5))
    inbox.putBack(batch)
    inbox.isolate(batch.length)
    const batches = Array.from({ length: 4 }, () => inbox.take().map(({ bytes }) => bytes))
    expect(batches).toEqual([[1], [2], [3], [4, 5]])
  })

  test('what one connection sent can be taken out, and the others stay in order', () => {
    const inbox = new Inbox()
    for (const [subscriber, bytes] of [
      [ada, 1],
      [bob, 2],
      [ada, 3],
      [bob, 4],
    ] as const)
      inbox.add(waiting(subscriber, bytes))
    expect(inbox.drop(ada).map(({ bytes }) => bytes)).toEqual([1, 3])
    expect(inbox.take().map(({ bytes }) => bytes)).toEqual([2, 4])
    expect(inbox.length).toBe(0)
  })
})

describe('when a snapshot is due', () => {
  test('after 200 entries, once, and again when the rewrite is done', () => {
    const gauge = new CompactionGauge({ entries: 0, bytes: 0, snapshotBytes: 0 })
    const due: number[] = []
    for (let entry = 1; entry <= 650; entry += 1) {
      gauge.grow(10)
      if (gauge.claim()) due.push(entry)
      if (entry === 450) gauge.done(undefined)
    }
    expect(due).toEqual([200, 451])
  })

  test('once the tail takes 256 KiB and twice the snapshot, so that what is rewritten stays linear in what was written', () => {
    const gauge = new CompactionGauge({ entries: 0, bytes: 0, snapshotBytes: 0 })
    const due: number[] = []
    let [written, rewritten] = [0, 0]
    for (let entry = 1; entry < 200; entry += 1) {
      gauge.grow(16 * 1024)
      written += 16 * 1024
      if (!gauge.claim()) continue
      due.push(entry)
      rewritten += written
      gauge.done(written)
    }
    expect(due).toEqual([16, 48, 144])
    expect(rewritten).toBeLessThan(2 * written)
  })

  test('however often a field is overwritten: what counts is the size that the snapshot really has', () => {
    const gauge = new CompactionGauge({ entries: 0, bytes: 0, snapshotBytes: 0 })
    let times = 0
    for (let entry = 0; entry < 100; entry += 1) {
      gauge.grow(100_000)
      if (!gauge.claim()) continue
      times += 1
      gauge.done(100_000)
    }
    expect(times).toBe(33)
  })

  test('a large snapshot is not rewritten for every 200 small entries', () => {
    const gauge = new CompactionGauge({ entries: 0, bytes: 0, snapshotBytes: 1024 * 1024 })
    for (let entry = 0; entry < 2047; entry += 1) gauge.grow(40)
    expect(gauge.claim()).toBe(false)
    gauge.grow(40)
    expect(gauge.claim()).toBe(true)
  })

  test('at once for a record that was loaded with a long tail', () => {
    expect(new CompactionGauge({ entries: 200, bytes: 1, snapshotBytes: 0 }).claim()).toBe(true)
    expect(new CompactionGauge({ entries: 1, bytes: 65_536, snapshotBytes: 100_000 }).claim()).toBe(false)
  })
})
