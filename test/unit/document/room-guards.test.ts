/** What a room guards itself against: gaps, people who may not write, and a log that does not add up. */
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { recordKey } from '../../support/entries.ts'
import { openWritten } from './opened.ts'
import { createStage, join, Listener, passing, principalOf, settled, storedDocument, updateOf } from './stage.ts'

describe('P10: gaps', () => {
  test('a subscriber is asked once, again only after something of its own was admitted, and the gap leaves nothing behind', async () => {
    const { room, key, ada, memory } = await openWritten()
    const bob = new Listener('bob')
    await join(room, bob)
    const updates = ['a', 'b', 'c', 'd'].map((letter) => bob.edit((document) => document.getText('summary').insert(0, letter)))
    const [first, second, third, fourth] = updates as [Uint8Array, Uint8Array, Uint8Array, Uint8Array]
    for (let round = 0; round < 5; round += 1) {
      room.submit(bob, second)
      room.submit(bob, third)
      await settled()
    }
    expect(bob.asks).toHaveLength(1)
    expect(Y.decodeStateVector(bob.asks[0] ?? new Uint8Array()).has(bob.document.clientID)).toBe(false)
    expect([bob.done.count, bob.ends.length]).toEqual([10, 0])
    expect((await storedDocument(memory, key)).getText('summary').toString()).toBe('')
    // The asked one's answer closes the gap.
    room.submit(bob, Y.mergeUpdates([first, second]))
    await settled()
    room.submit(bob, fourth)
    await settled()
    expect(bob.asks).toHaveLength(2)
    room.submit(bob, Y.encodeStateAsUpdate(bob.document, bob.asks[1]))
    await settled()
    expect(ada.document.getText('summary').toString()).toBe('dcba')
  })

  test('what one knows of another counts: a gap is of the record and not of the sender', async () => {
    const { room, ada } = await openWritten()
    const bob = new Listener('bob')
    await join(room, bob)
    const one = bob.edit((document) => document.getText('summary').insert(0, 'a'))
    // By a way of their own she has it already, and what she writes leans on it.
    Y.applyUpdate(ada.document, one)
    const two = ada.edit((document) => document.getText('summary').insert(0, 'b'))
    room.submit(bob, one)
    room.submit(ada, two)
    await settled()
    expect([bob.asks, ada.asks]).toEqual([[], []])
    expect(ada.document.getText('summary').toString()).toBe('ba')
  })
})

describe('a viewer', () => {
  test('may repeat what the record holds, as its client does when it is asked', async () => {
    const { room, ada } = await openWritten()
    room.submit(
      ada,
      ada.edit((document) => {
        document.getText('summary').insert(0, 'gone')
        document.getText('summary').delete(0, 2)
      }),
    )
    await settled()
    const viewer = new Listener('eve', { role: 'viewer' })
    await join(room, viewer)
    room.submit(viewer, Y.encodeStateAsUpdate(viewer.document))
    room.submit(viewer, Uint8Array.of(0, 0))
    await settled()
    expect([viewer.ends, viewer.done.count]).toEqual([[], 2])
    room.submit(ada, ada.set('title', 'Dr'))
    await settled()
    expect(viewer.field('title')).toBe('Dr')
  })

  test.each([
    ['a struct', (document: Y.Doc) => document.getMap('fields').set('title', 'mine')],
    ['a deletion', (document: Y.Doc) => document.getMap('fields').delete('firstName')],
  ])('P4: is ended for good with %s of its own, which leaves no trace', async (_what, change) => {
    const { room, ada, key, memory } = await openWritten()
    const viewer = new Listener('eve', { role: 'viewer' })
    await join(room, viewer)
    room.submit(viewer, viewer.edit(change))
    room.submit(ada, ada.set('lastName', 'Lovelace'))
    await settled()
    expect(viewer.ends.map(({ code, retry }) => [code, retry])).toEqual([['forbidden', false]])
    expect((await storedDocument(memory, key)).getMap('fields').toJSON()).toEqual({ firstName: 'Ada', lastName: 'Lovelace' })
    expect(ada.ends).toEqual([])
  })

  test('is ended also when the record rests as bytes', async () => {
    const { room, ada, clock, registry } = await openWritten()
    await passing(clock, 11_000)
    const viewer = new Listener('eve', { role: 'viewer' })
    await join(room, viewer)
    room.submit(viewer, Y.encodeStateAsUpdate(viewer.document))
    await settled()
    expect(viewer.ends).toEqual([])
    room.submit(
      viewer,
      updateOf(viewer.document, (document) => document.getMap('fields').delete('firstName')),
    )
    await settled()
    expect([viewer.ends.map(({ code }) => code), ada.ends]).toEqual([['forbidden'], []])
    await registry.drain(0)
  })
})

describe('a log that cannot be read back', () => {
  test('ends everybody with out of service, when it shows while the record is live', async () => {
    const { room, ada, key, memory, replace, another } = await openWritten()
    const bob = new Listener('bob')
    await join(room, bob)
    const elsewhere = another()
    const other = await elsewhere.registry.acquire(key)
    const cleo = new Listener('cleo')
    await join(other, cleo)
    other.submit(cleo, cleo.set('title', 'Dr'))
    await settled()
    const { load } = memory
    replace('load', async (given) => {
      const stored = await load(given)
      return stored && { ...stored, tail: stored.tail.slice(1) }
    })
    const edit = room.edit(principalOf('crm', 'crm'), (document) => document.getMap('fields').set('stage', 'lead'))
    const failed = expect(edit).rejects.toMatchObject({ code: 'out_of_service' })
    room.submit(ada, ada.set('lastName', 'L'))
    await settled()
    await failed
    for (const { ends } of [ada, bob]) expect(ends).toMatchObject([{ code: 'out_of_service', retry: true }])
    await expect(room.view(() => 1)).rejects.toMatchObject({ code: 'out_of_service' })
  })

  test.each([
    ['a hole', Uint8Array.of(0, 0), 2],
    ['bytes that are no update', Uint8Array.of(9, 9, 9), 1],
    ['an update that builds on what is not there', updateOfLater(), 1],
  ])('P3: refuses to open with %s, and nothing is written over it', async (_what, update, sequence) => {
    const { registry, memory, replace } = createStage()
    replace('load', async (key) => ({
      ...{ key, createdAt: 1, createdBy: 'ada', erased: false, snapshot: undefined, updatedAt: 1 },
      tail: [{ position: { sequence, entry: 'e' }, update, at: 1 }],
    }))
    const key = recordKey()
    await expect(registry.acquire(key)).rejects.toMatchObject({ code: 'out_of_service', retry: true })
    expect(await memory.load(key)).toBeUndefined()
  })

  test('an erased record is gone', async () => {
    const { key, memory, registry, another } = await openWritten()
    memory.erase(key)
    await expect(another().registry.acquire(key)).rejects.toMatchObject({ code: 'gone', retry: false })
    await registry.drain(0)
  })
})

function updateOfLater(): Uint8Array {
  const document = new Y.Doc()
  document.getText('summary').insert(0, 'a')
  return updateOf(document, () => document.getText('summary').insert(1, 'b'))
}
