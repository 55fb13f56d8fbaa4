/** A submission that is too large for one piece: nobody waits for all of it, and it is acknowledged once. */
import { describe, expect, test } from 'vitest'
import { preScan } from '../../../server/access/pre-scan.ts'
import type { FakeClock } from '../gateway/fake-clock.ts'
import { crm, openWritten } from './opened.ts'
import { join, Listener, passing, settled, storedDocument } from './stage.ts'

/** So many keys, each an item of its own. */
const KEYS = 6_000

function fill(listener: Listener, keys = KEYS): Uint8Array {
  return listener.edit((document) => {
    document.transact(() => {
      for (let index = 0; index < keys; index += 1)
        document.getMap('activities').set(`e${index >> 1}/${index % 2 === 0 ? 'subject' : 'body'}`, `a${index}`)
    })
  })
}

/** Time passes, since two instances at one record leave each other a turn. */
async function done(listener: Listener, clock: FakeClock, count = 1): Promise<void> {
  while (listener.done.count < count) {
    await settled()
    clock.pass(1)
  }
}

async function openFilled() {
  const opened = await openWritten({ maxRecordBytes: 16 * 1024 * 1024 })
  const eve = new Listener('eve', { echo: true })
  await join(opened.room, eve)
  return { ...opened, eve }
}

describe('P10: a large submission', () => {
  test('becomes several entries, is settled once, and is stored whole', async () => {
    const { room, eve, clock, ada, memory, key } = await openFilled()
    const update = fill(eve)
    const before = ada.entries.length
    room.submit(eve, update)
    await done(eve, clock)
    expect(ada.entries.length - before).toBeGreaterThan(1)
    expect(eve.done).toEqual({ count: 1, bytes: update.length })
    expect(Object.keys(ada.document.getMap('activities').toJSON())).toHaveLength(KEYS)
    const stored = await storedDocument(memory, key)
    expect(Object.keys(stored.getMap('activities').toJSON())).toHaveLength(KEYS)
    expect(eve.ends).toEqual([])
  })

  test('lets others at the record go between its pieces, but nothing that its sender sent later', async () => {
    const { room, eve, clock, ada } = await openFilled()
    room.submit(eve, fill(eve))
    room.submit(eve, eve.set('lastName', 'last'))
    let keysThen = -1
    const edit = room.edit(crm, (document) => {
      keysThen = document.getMap('activities').size
      document.getMap('fields').set('title', 'between')
    })
    await edit
    expect(keysThen).toBeGreaterThan(0)
    expect(keysThen).toBeLessThan(KEYS)
    await done(eve, clock, 2)
    expect(ada.field('lastName')).toBe('last')
    expect(eve.done.count).toBe(2)
    const [title, name] = ['between', 'last'].map((value) =>
      ada.entries.findIndex(({ update }) => Buffer.from(update).includes(value)),
    )
    expect(title).toBeLessThan(name ?? 0)
    expect(name).toBe(ada.entries.length - 1)
  })

  test('goes on where it was when another instance was faster', async () => {
    const { room, eve, clock, another, key, memory } = await openFilled()
    const other = await another().registry.acquire(key)
    await other.edit(crm, (document) => document.getMap('fields').set('title', 'there'))
    room.submit(eve, fill(eve))
    await done(eve, clock)
    const stored = await storedDocument(memory, key)
    expect(stored.getMap('fields').get('title')).toBe('there')
    expect(Object.keys(stored.getMap('activities').toJSON())).toHaveLength(KEYS)
    expect(eve.done.count).toBe(1)
  })

  test('takes less with each entry that was outrun, until one is fast enough', async () => {
    const { room, eve, clock, memory, key, replace } = await openFilled()
    let outrun = 0
    // Whatever is more than a little comes too late.
    replace('insert', async (entries) => {
      if (!entries.some(({ update }) => update.length > 2_000)) return memory.insert(entries)
      outrun += 1
      return new Set()
    })
    room.submit(eve, fill(eve, 80))
    for (let turn = 0; turn < 100 && eve.done.count < 1; turn += 1) await passing(clock, 2)
    expect([eve.done.count, eve.ends]).toEqual([1, []])
    expect(outrun).toBeGreaterThan(1)
    const stored = await storedDocument(memory, key)
    expect(stored.getMap('activities').toJSON()).toEqual(eve.document.getMap('activities').toJSON())
  })

  test('with a gap is kept nowhere, asked about once, and settled once', async () => {
    const { room, eve, clock, ada } = await openFilled()
    eve.set('firstName', 'never sent')
    const update = fill(eve, 500)
    const before = ada.entries.length
    room.submit(eve, update)
    await done(eve, clock)
    expect(ada.entries.length).toBe(before)
    expect(eve.asks).toHaveLength(1)
    expect(eve.done).toEqual({ count: 1, bytes: update.length })
  })

  test('that is stored already is acknowledged whole', async () => {
    const { room, eve, clock, ada } = await openFilled()
    const update = fill(eve, 500)
    room.submit(eve, update)
    await done(eve, clock)
    const before = ada.entries.length
    room.submit(eve, update)
    await done(eve, clock, 2)
    await settled()
    expect(ada.entries.length).toBe(before)
    expect(eve.repeats).toHaveLength(1)
    const [sent] = preScan(update).structs
    const [repeated] = eve.repeats.flatMap((repeat) => preScan(repeat).structs.filter(({ client }) => client === sent?.client))
    expect(repeated).toEqual(sent)
  })
})
