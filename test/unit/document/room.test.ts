/** One live record: what is served when, who hears what, and who is asked for what. */
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import type { Answer } from '../../../server/document/handle.ts'
import { recordKey } from '../../support/entries.ts'
import {
  createStage,
  join,
  Listener,
  passing,
  principalOf,
  type StageOptions,
  settled,
  storedDocument,
  updateOf,
} from './stage.ts'

async function openRoom(options?: StageOptions) {
  const stage = createStage(options)
  const key = recordKey()
  const room = await stage.registry.acquire(key)
  return { ...stage, key, room }
}

/** A room with somebody in it who has written the first entry. */
async function openWritten(options?: StageOptions) {
  const opened = await openRoom(options)
  const ada = new Listener('ada')
  await join(opened.room, ada)
  opened.room.submit(ada, ada.set('firstName', 'Ada'))
  await settled()
  return { ...opened, ada }
}

describe('P2: reads are of committed state', () => {
  test('while a commit is stuck they wait, and after 5 s they are told to come again', async () => {
    const { room, ada, hold, clock } = await openWritten()
    const gate = hold('insert')
    room.submit(ada, ada.set('firstName', 'not saved'))
    await settled()
    const answers: Answer<Uint8Array>[] = []
    room.read(Uint8Array.of(0), (answer) => answers.push(answer))
    room.join(new Listener('bob'), (answer) => answers.push(answer))
    const view = room.view(({ document }) => document.getMap('fields').get('firstName')).catch((error: unknown) => error)
    await passing(clock, 4_900)
    expect(answers).toEqual([])
    await passing(clock, 200)
    expect(answers).toMatchObject([{ error: { code: 'overload' } }, { error: { code: 'overload' } }])
    expect(await view).toMatchObject({ code: 'overload', retry: true })
    gate.let()
    await settled()
    expect(await room.view(({ document }) => document.getMap('fields').get('firstName'))).toBe('not saved')
  })

  test('a read that came later waits its own 5 s, and one that finds a gap in time is answered', async () => {
    const { room, ada, hold, clock } = await openWritten()
    const gate = hold('insert')
    room.submit(ada, ada.set('firstName', 'saved at last'))
    await settled()
    const early = room.view(() => 'early').catch(() => 'told to come again')
    await passing(clock, 4_000)
    const late = room.view(({ document, sequence }) => [document.getMap('fields').get('firstName'), sequence])
    await passing(clock, 2_000)
    expect(await early).toBe('told to come again')
    gate.let()
    await settled()
    expect(await late).toEqual(['saved at last', 2])
    await passing(clock, 10_000)
  })

  test('somebody who joined while an entry was in flight gets it, once, and exactly in step', async () => {
    const { room, ada, hold } = await openWritten()
    const gate = hold('insert')
    room.submit(ada, ada.set('title', 'Dr'))
    await settled()
    const bob = new Listener('bob')
    const joined = join(room, bob)
    await settled()
    expect(bob.field('title')).toBeUndefined()
    gate.let()
    await joined
    expect([bob.field('firstName'), bob.field('title'), bob.entries.length]).toEqual(['Ada', 'Dr', 0])
  })

  test('somebody who leaves while waiting to join hears nothing more', async () => {
    const { room, ada, hold } = await openWritten()
    const gate = hold('insert')
    room.submit(ada, ada.set('title', 'Dr'))
    await settled()
    const bob = new Listener('bob')
    void join(room, bob)
    room.leave(bob)
    gate.let()
    await settled()
    room.submit(ada, ada.set('title', 'Prof'))
    await settled()
    expect(bob.entries).toEqual([])
  })

  test('a state vector that cannot be decoded is malformed, and a record that was never written is empty', async () => {
    const { room } = await openRoom()
    const answers: Answer<Uint8Array>[] = []
    room.read(Uint8Array.of(9), (answer) => answers.push(answer))
    room.read(Uint8Array.of(0), (answer) => answers.push(answer))
    expect(answers).toMatchObject([{ error: { code: 'malformed' } }, { value: Uint8Array.of(0, 0) }])
    expect(await room.view(({ sequence, createdAt, createdBy }) => [sequence, createdAt, createdBy])).toEqual([0, 0, ''])
  })
})

describe('acknowledgement and delivery', () => {
  test('P1: an author is settled, and others hear of it, only behind the commit', async () => {
    const { room, ada, hold } = await openWritten()
    const bob = new Listener('bob')
    await join(room, bob)
    const gate = hold('insert')
    const update = ada.set('title', 'Dr')
    room.submit(ada, update)
    await settled()
    expect([ada.done.count, bob.entries.length]).toEqual([1, 0])
    gate.let()
    await settled()
    expect([ada.done.count, bob.entries.map(({ sequence }) => sequence)]).toEqual([2, [2]])
    expect(bob.field('title')).toBe('Dr')
  })

  test('an author without echo gets no copy of an entry that is all its own, but gets one that holds anything else', async () => {
    const { room, ada, hold } = await openWritten()
    const bob = new Listener('bob')
    await join(room, bob)
    ada.entries.length = 0
    room.submit(ada, ada.set('title', 'Dr'))
    room.submit(ada, ada.set('lastName', 'Lovelace'))
    await settled()
    expect([ada.entries.length, bob.entries.length]).toEqual([0, 1])
    const gate = hold('insert')
    room.submit(bob, bob.set('stage', 'lead'))
    await settled()
    room.submit(ada, ada.set('title', 'Prof'))
    room.submit(bob, bob.set('stage', 'customer'))
    gate.let()
    await settled()
    expect(ada.entries.map(({ sequence }) => sequence)).toEqual([3, 4])
    expect(ada.document.getMap('fields').toJSON()).toEqual(bob.document.getMap('fields').toJSON())
  })

  test("the server's own writes reach the author too: the first entry of a record holds its meta", async () => {
    const { ada, key, memory } = await openWritten()
    expect(ada.entries.map(({ sequence }) => sequence)).toEqual([1])
    expect(ada.document.getMap('meta').get('createdBy')).toBe('ada')
    expect(memory.serverItems(key).map(({ author }) => author.sub)).toEqual(['ada'])
  })

  test('an edit of the server itself is told to everybody and resolves behind its commit', async () => {
    const { room, ada, hold } = await openWritten()
    const gate = hold('insert')
    let saved = false
    const edit = room.edit(principalOf('crm', 'crm'), (document) => document.getMap('fields').set('stage', 'lead'))
    void edit.then(() => (saved = true))
    await settled()
    expect([saved, ada.field('stage')]).toEqual([false, undefined])
    gate.let()
    await edit
    expect(ada.field('stage')).toBe('lead')
    await expect(room.edit(principalOf('eve', 'viewer'), () => undefined)).rejects.toMatchObject({ code: 'forbidden' })
    const mistake = room.edit(principalOf('crm', 'crm'), () => {
      throw new Error('a mistake')
    })
    await expect(mistake).rejects.toMatchObject({ code: 'internal' })
    await room.edit(principalOf('crm', 'crm'), () => undefined)
    expect(await room.view(({ sequence }) => sequence)).toBe(2)
  })

  test('with echo the author gets its entry back, and a repeat of what is stored holds all its surviving structs', async () => {
    const { room, ada } = await openWritten()
    const echo = new Listener('echo', { echo: true })
    await join(room, echo)
    const first = echo.edit((document) => document.getText('summary').insert(0, 'abcdef'))
    room.submit(echo, first)
    await settled()
    expect(echo.entries.map(({ sequence }) => sequence)).toEqual([2])
    await join(room, ada)
    room.submit(
      ada,
      ada.edit((document) => document.getText('summary').delete(1, 2)),
    )
    await settled()
    room.submit(echo, first)
    await settled()
    expect(echo.repeats).toHaveLength(1)
    const [repeat] = echo.repeats
    const fresh = new Y.Doc()
    if (repeat !== undefined) Y.applyUpdate(fresh, repeat)
    // All its clocks, those that somebody deleted since included.
    expect(Y.getState(fresh.store, echo.document.clientID)).toBe(6)
    expect(fresh.getText('summary').toString()).toBe('adef')
    room.submit(echo, Uint8Array.of(0, 0))
    await settled()
    expect(echo.repeats[1]).toEqual(Uint8Array.of(0, 0))
    expect(echo.done.count).toBe(3)
  })

  test('without echo what is stored already is settled in silence', async () => {
    const { room, ada, key, memory } = await openWritten()
    const whole = Y.encodeStateAsUpdate(ada.document)
    room.submit(ada, whole)
    await settled()
    expect([ada.done.count, ada.repeats.length, ada.asks.length]).toEqual([2, 0, 0])
    expect((await memory.load(key))?.tail).toHaveLength(1)
  })
})

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
    const [one, two] = ['a', 'b'].map((letter) => bob.edit((document) => document.getText('summary').insert(0, letter)))
    room.submit(ada, one ?? new Uint8Array())
    room.submit(bob, two ?? new Uint8Array())
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
