/** A submission that is too large for one piece: nobody waits for all of it, and it is acknowledged once. */
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { preScan } from '../../../server/access/pre-scan.ts'
import type { FakeClock } from '../gateway/fake-clock.ts'
import { crm, edit, openRoom, openWritten } from './opened.ts'
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

  test.each([
    ['a text', 99_990, (document: Y.Doc) => document.getText('summary')],
    ['a rich text', 499_900, (document: Y.Doc) => paragraphOf(document)],
  ] as const)(
    'P4: in %s that is full, what a later piece deletes makes place for what an earlier one brings',
    async (_, size, open) => {
      const { room, eve, clock, ada } = await openFilled()
      room.submit(
        eve,
        eve.edit((document) => open(document).insert(0, 'x'.repeat(size))),
      )
      await done(eve, clock)
      const rewritten = eve.edit((document) => {
        document.transact(() => {
          const text = open(document)
          text.delete(0, text.length - 7)
          for (let word = 0; word < 100; word += 1) text.insert(word % 3, `w${word} `)
        })
      })
      room.submit(eve, rewritten)
      await done(eve, clock, 2)
      expect(open(ada.document).toString()).toBe(open(eve.document).toString())
      expect(open(ada.document).length).toBeLessThan(600)
      expect(open(ada.document).toString()).toContain('w99')
    },
  )

  test('P10: deletions that never come make no place beyond as much again', async () => {
    const { room, eve, clock, ada } = await openFilled()
    const text = (document: Y.Doc): Y.Text => document.getText('summary')
    room.submit(
      eve,
      eve.edit((document) => text(document).insert(0, 'x'.repeat(99_990))),
    )
    await done(eve, clock)
    const most: number[] = []
    ada.document.on('update', () => most.push(text(ada.document).length))
    const update = eve.edit((document) => {
      document.transact(() => {
        text(document).delete(0, 99_990)
        for (let part = 0; part < 90; part += 1) text(document).insert(0, `${'y'.repeat(4_000)} `)
      })
    })
    room.submit(eve, update)
    await done(eve, clock, 2)
    expect(Math.max(...most)).toBeLessThanOrEqual(200_000)
    expect(text(ada.document).length).toBeLessThanOrEqual(100_000)
  })

  test('P4: members that a later piece removes from a full set give their places to those that an earlier one adds', async () => {
    const { room, eve, clock, ada } = await openFilled()
    const tags = (document: Y.Doc): Y.Map<unknown> => document.getMap('tags')
    room.submit(
      eve,
      eve.edit((document) => {
        document.transact(() => {
          for (const index of numbers(200)) tags(document).set(`old ${index}`, true)
        })
      }),
    )
    await done(eve, clock)
    const swapped = eve.edit((document) => {
      document.transact(() => {
        for (const index of numbers(60)) {
          tags(document).delete(`old ${index}`)
          tags(document).set(`new ${index}`, true)
        }
      })
    })
    room.submit(eve, swapped)
    await done(eve, clock, 2)
    expect(tags(ada.document).size).toBe(200)
    expect([...tags(ada.document).keys()].sort()).toEqual([...tags(eve.document).keys()].sort())
  })

  test('P4: is its author’s as he stood to the record when it began', async () => {
    const write = { record: 'write' } as const
    const opened = await openRoom({
      policy: { grants: { rep: { '*': { owner: write, anyone: { record: 'read' } } }, crm: { '*': { anyone: write } } } },
    })
    const { room, key, clock } = opened
    await edit(opened, key, 'owner', 'eve')
    const [desk, eve] = [new Listener('desk', { role: 'crm' }), new Listener('eve')]
    for (const listener of [desk, eve]) await join(room, listener)
    const given = eve.edit((document) => {
      document.transact(() => {
        for (const index of numbers(40)) document.getMap('fields').set(`x_before_${index}`, index)
        document.getMap('fields').set('owner', 'grace')
        for (const index of numbers(40)) document.getMap('fields').set(`x_after_${index}`, index)
      })
    })
    room.submit(eve, given)
    await done(eve, clock)
    expect(eve.ends).toEqual([])
    expect(desk.field('owner')).toBe('grace')
    expect([...desk.document.getMap('fields').keys()].filter((name) => name.startsWith('x_'))).toHaveLength(80)
    room.submit(eve, eve.set('title', 'Dr'))
    await settled()
    expect(eve.ends.map(({ code }) => code)).toEqual(['forbidden'])
  })
})

function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index)
}

/** The text of the one paragraph of the notes, which is made where there is none. */
function paragraphOf(document: Y.Doc): Y.XmlText {
  const notes = document.getXmlFragment('notes')
  if (notes.length === 0) {
    const paragraph = new Y.XmlElement('paragraph')
    notes.insert(0, [paragraph])
    paragraph.insert(0, [new Y.XmlText()])
  }
  return (notes.get(0) as Y.XmlElement).get(0) as Y.XmlText
}
