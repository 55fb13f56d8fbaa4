/** When the ledger is read: before the first judging, after another instance was seen to write, and never for a reader. */
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { recordKey } from '../../support/entries.ts'
import { edit, fieldOf, openWritten } from './opened.ts'
import { createStage, join, Listener, passing, settled } from './stage.ts'

const whole = ({ document }: Listener): Uint8Array => Y.encodeStateAsUpdate(document)

describe("the ledger beside a record's document", () => {
  test('P10: is not read by who opens or reads a record, nor for what is stored already', async () => {
    const stage = await openWritten()
    const other = stage.another()
    const { key } = stage
    stage.room.submit(stage.ada, stage.ada.set('firstName', 'A'))
    await settled()
    const before = stage.calls('ledger')
    const room = await other.registry.acquire(key)
    const bob = new Listener('bob')
    await join(room, bob)
    await room.view(({ sequence }) => sequence)
    room.submit(bob, Uint8Array.of(0, 0))
    // A device that was here before: all that it has deleted is among what it answers.
    const carl = new Listener('carl')
    await join(room, carl)
    room.submit(carl, whole(carl), Y.encodeStateVector(carl.document))
    await settled()
    expect([bob.done.count, carl.done.count, stage.calls('ledger') - before]).toEqual([1, 1, 0])
  })

  test('is read once, before the first edit, and kept across the room’s own entries', async () => {
    const stage = await openWritten()
    const other = stage.another()
    const { key } = stage
    const before = stage.calls('ledger')
    for (const value of ['Dr', 'Prof', 'Dame']) await edit(other, key, 'title', value)
    expect(stage.calls('ledger') - before).toBe(1)
    expect(await fieldOf(other, key, 'title')).toBe('Dame')
  })

  test('needs no query for records that were never written, but one in ten seconds', async () => {
    const stage = createStage()
    for (let record = 0; record < 20; record += 1) await edit(stage, recordKey(`r${record}`), 'title', 'Dr')
    expect(stage.calls('ledger')).toBe(1)
    await passing(stage.clock, 10_001)
    for (let record = 0; record < 20; record += 1) await edit(stage, recordKey(`s${record}`), 'title', 'Dr')
    expect(stage.calls('ledger')).toBe(2)
  })

  test('is read anew once another instance was seen to write, or the log did not take an entry', async () => {
    const stage = await openWritten()
    const { room, ada, key } = stage
    const other = stage.another()
    const before = stage.calls('ledger')
    await edit(other, key, 'title', 'Dr')
    room.submit(ada, ada.set('lastName', 'outrun'))
    await settled()
    // The other's one; ours behind the first entry of all, and behind the one that was not taken.
    expect(stage.calls('ledger') - before).toBe(3)
    await passing(stage.clock, 50)
    await edit(other, key, 'title', 'Prof')
    await passing(stage.clock, 1_100)
    room.submit(ada, ada.set('lastName', 'absorbed'))
    await passing(stage.clock, 50)
    await passing(other.clock, 1_100)
    expect(stage.calls('ledger') - before).toBe(5)
    expect([ada.field('title'), await fieldOf(other, key, 'lastName')]).toEqual(['Prof', 'absorbed'])
  })

  test('P2: is waited for while the database is away, and whatever came meanwhile is judged then', async () => {
    const stage = await openWritten()
    const { key } = stage
    const other = stage.another()
    const room = await other.registry.acquire(key)
    const bob = new Listener('bob')
    await join(room, bob)
    const away = stage.hold('ledger', new Error('connection lost'))
    room.submit(bob, bob.set('title', 'Dr'))
    await settled()
    room.submit(bob, bob.set('title', 'Prof'))
    await passing(other.clock, 5_000)
    expect(bob.done.count).toBe(0)
    away.let()
    await passing(other.clock, 2_100)
    expect([bob.done.count, bob.ends, await room.view(({ sequence }) => sequence)]).toEqual([2, [], 2])
  })
})

describe('after the database was restored from a backup', () => {
  /** The database has lost Ada's second edit, which only Bob's device holds; Bob comes first. */
  async function restored() {
    const stage = await openWritten()
    const { room, ada, key, memory } = stage
    const backup = memory.dump()
    room.submit(ada, ada.set('lastName', 'Lovelace'))
    await settled()
    const bob = new Listener('bob')
    await join(room, bob)
    memory.restore(backup)
    return { stage, key, memory, ada, bob, other: stage.another() }
  }

  test('P1: what clients hold of others is admitted as relayed, and stays its owner’s', async () => {
    const { stage, key, memory, ada, bob, other } = await restored()
    memory.markRestored(Date.now() + 3_600_000)
    const room = await other.registry.acquire(key)
    const again = new Listener('bob')
    await join(room, again)
    room.submit(again, whole(bob))
    await settled()
    expect([again.ends, await fieldOf(other, key, 'lastName')]).toEqual([[], 'Lovelace'])
    await join(room, ada)
    room.submit(ada, ada.set('lastName', 'King'))
    await settled()
    expect([ada.ends, await fieldOf(other, key, 'lastName')]).toEqual([[], 'King'])
    expect(stage.calls('setAside')).toBe(0)
  })

  test('a server that runs learns of it before it sets anything aside', async () => {
    const { stage, key, memory, bob, other } = await restored()
    const room = await other.registry.acquire(key)
    const carl = new Listener('carl')
    await join(room, carl)
    room.submit(carl, carl.set('title', 'Dr'))
    await settled()
    memory.markRestored(Date.now() + 3_600_000)
    const again = new Listener('bob')
    await join(room, again)
    room.submit(again, whole(bob))
    await settled()
    expect([again.ends, await fieldOf(other, key, 'lastName')]).toEqual([[], 'Lovelace'])
    expect(stage.calls('setAside')).toBe(0)
  })

  test('and a room under which history was replaced judges so by itself', async () => {
    const { stage, key, bob } = await restored()
    const { room } = stage
    // The head is another one than it was.
    await passing(stage.clock, 1_100)
    expect(bob.asks).toHaveLength(1)
    room.submit(bob, whole(bob))
    await passing(stage.clock, 50)
    expect([bob.ends, await fieldOf(stage, key, 'lastName')]).toEqual([[], 'Lovelace'])
  })
})
