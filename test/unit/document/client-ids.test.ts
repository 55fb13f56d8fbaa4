/** Whose a client id is: by the first write, or by the first announcement, here and on other instances. */
import { encodeAwareness } from '@rapport/shared/protocol/awareness.ts'
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import type { Room } from '../../../server/document/handle.ts'
import { freshTenant, recordKey } from '../../support/entries.ts'
import { openRoom, openWritten } from './opened.ts'
import { createStage, join, Listener, passing, settled } from './stage.ts'

/** As a stock client does when it opens a record. */
function announce(room: Room, listener: Listener): void {
  Object.assign(listener, { presence: () => undefined })
  room.presence.receive(listener, encodeAwareness([{ client: listener.document.clientID, clock: 1, state: '{}' }]))
}

/** Somebody who knows what the other's client id is, and nothing else. */
function squatterOn(victim: Listener): Listener {
  const squatter = new Listener('squatter')
  squatter.document.clientID = victim.document.clientID
  return squatter
}

/** 13 bytes that would use up all of a client's clocks: a GC of 2^31 at its next one. */
function capture(victim: Listener): Uint8Array {
  const { clientID } = victim.document
  const varint = (value: number): number[] => (value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))])
  const clock = Y.getState(victim.document.store, clientID)
  return Uint8Array.from([1, 1, ...varint(clientID), ...varint(clock), 0, ...varint(2 ** 31), 0])
}

/** 12 bytes that would delete all that a client has not written yet. */
function deleteFuture(victim: Listener): Uint8Array {
  const varint = (value: number): number[] => (value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))])
  return Uint8Array.from([0, 1, ...varint(victim.document.clientID), 1, 0, ...varint(2 ** 31)])
}

describe('P4: a client id that somebody has written with', () => {
  test.each([['capture', capture] as const, ['delete of the future', deleteFuture] as const])(
    'survives a %s: its owner writes on',
    async (_name, attack) => {
      const { room, ada } = await openWritten()
      const mallory = new Listener('mallory')
      await join(room, mallory)
      room.submit(mallory, attack(ada))
      await settled()
      room.submit(ada, ada.set('lastName', 'Lovelace'))
      await settled()
      const late = new Listener('late')
      await join(room, late)
      expect([late.field('lastName'), ada.field('lastName'), ada.ends]).toEqual(['Lovelace', 'Lovelace', []])
    },
  )

  test('is its owner’s on every device of that person, and stored bytes are no offence from anybody', async () => {
    const { room, ada } = await openWritten()
    const tablet = new Listener('ada')
    Y.applyUpdate(tablet.document, Y.encodeStateAsUpdate(ada.document))
    tablet.document.clientID = ada.document.clientID
    await join(room, tablet)
    room.submit(tablet, tablet.set('title', 'Dr'))
    await settled()
    const bob = new Listener('bob')
    await join(room, bob)
    room.submit(bob, Y.encodeStateAsUpdate(bob.document))
    await settled()
    expect([tablet.ends, bob.ends, bob.field('title')]).toEqual([[], [], 'Dr'])
  })
})

describe('P4: a client id that somebody has announced', () => {
  test('is theirs from then on, here at once', async () => {
    const { room } = await openWritten()
    const bob = new Listener('bob')
    await join(room, bob)
    announce(room, bob)
    const squatter = squatterOn(bob)
    await join(room, squatter)
    room.submit(squatter, squatter.set('title', 'squat'))
    await settled()
    expect(squatter.ends.map(({ code }) => code)).toEqual(['foreign'])
    room.submit(bob, bob.set('title', 'Dr'))
    await settled()
    expect([bob.ends, await room.view(({ document }) => document.getMap('fields').get('title'))]).toEqual([[], 'Dr'])
  })

  test('also hours after they went away, and once this process has forgotten them', async () => {
    const stage = await openWritten()
    const { room, key, clock } = stage
    const bob = new Listener('bob')
    await join(room, bob)
    announce(room, bob)
    await passing(clock, 200)
    room.presence.leave(bob)
    room.leave(bob)
    await passing(clock, 3 * 3_600_000)
    const restarted = stage.another()
    for (const where of [room, await restarted.registry.acquire(key)]) {
      const squatter = squatterOn(bob)
      await join(where, squatter)
      where.submit(squatter, squatter.set('title', 'squat'))
      await settled()
      expect(squatter.ends.map(({ code }) => code)).toEqual(['foreign'])
    }
    await join(room, bob)
    room.submit(bob, bob.set('title', 'Dr'))
    await settled()
    expect(bob.ends).toEqual([])
  })

  test('also on another instance whose ledger is from before: the log does not take the entry', async () => {
    const stage = await openWritten()
    const { room, key, clock, ada } = stage
    const other = stage.another()
    const there = await other.registry.acquire(key)
    const carl = new Listener('carl')
    await join(there, carl)
    there.submit(carl, carl.set('lastName', 'C'))
    await settled()
    const bob = new Listener('bob')
    await join(room, bob)
    announce(room, bob)
    await passing(clock, 200)
    const squatter = squatterOn(bob)
    await join(there, squatter)
    there.submit(squatter, squatter.set('title', 'squat'))
    await settled()
    expect(squatter.ends.map(({ code }) => code)).toEqual(['foreign'])
    there.submit(carl, carl.set('department', 'Sales'))
    await settled()
    await passing(clock, 1_100)
    expect([carl.ends, ada.field('department'), ada.field('title')]).toEqual([[], 'Sales', undefined])
  })

  test('P4: of a record that does not exist is theirs on every instance and after a restart, and makes no record', async () => {
    const stage = await openRoom()
    const { room, key, clock, memory } = stage
    const bob = new Listener('bob')
    await join(room, bob)
    announce(room, bob)
    await passing(clock, 200)
    expect(await memory.heads([key])).toEqual([undefined])
    const there = await stage.another().registry.acquire(key)
    const squatter = squatterOn(bob)
    await join(there, squatter)
    there.submit(squatter, squatter.set('title', 'squat'))
    await settled()
    await passing(clock, 1_000)
    expect([squatter.ends.map(({ code }) => code), await memory.heads([key])]).toEqual([['foreign'], [undefined]])
    room.submit(bob, bob.set('title', 'Dr'))
    await settled()
    expect([bob.ends, await room.view(({ document }) => document.getMap('fields').get('title'))]).toEqual([[], 'Dr'])
  })

  test('P10: of records that do not exist 1,000 of a person are stored a day, the rest once their record exists', async () => {
    const { registry, clock, memory } = createStage()
    const tenant = freshTenant()
    const keys = Array.from({ length: 1_001 }, (_, index) => recordKey(`r${index}`, tenant))
    const last = new Listener('bob')
    for (const key of keys) {
      const room = await registry.acquire(key)
      const bob = key === keys.at(-1) ? last : new Listener('bob')
      await join(room, bob)
      announce(room, bob)
    }
    await passing(clock, 1_000)
    const stored = async () => {
      const ledgers = await Promise.all(keys.map((key) => memory.ledger(key, 1)))
      return ledgers.filter(({ clients }) => clients.some(({ owner }) => owner.sub === 'bob')).length
    }
    expect(await stored()).toBe(1_000)
    const room = await registry.acquire(keys.at(-1) as (typeof keys)[number])
    const ada = new Listener('ada')
    await join(room, ada)
    Object.assign(ada, { presence: () => undefined })
    room.submit(ada, ada.set('title', 'Dr'))
    await settled()
    await passing(clock, 1_000)
    expect(await stored()).toBe(1_001)
  })

  test('P4: is shown to others once it is stored, or after 5 s without the database', async () => {
    const stage = await openWritten()
    const { room, clock, ada } = stage
    const seen: Uint8Array[] = []
    Object.assign(ada, { presence: (payload: Uint8Array) => seen.push(payload) })
    room.presence.greet(ada)
    const [bob, carl] = [new Listener('bob'), new Listener('carl')]
    for (const listener of [bob, carl]) await join(room, listener)
    const write = stage.hold('bind')
    announce(room, bob)
    await passing(clock, 1_000)
    expect(seen.length).toBe(0)
    write.let()
    await settled()
    await passing(clock, 50)
    expect(seen.length).toBe(1)
    stage.hold('bind')
    announce(room, carl)
    await passing(clock, 4_900)
    expect(seen.length).toBe(1)
    await passing(clock, 200)
    expect(seen.length).toBe(2)
  })

  test('P4: is nobody else’s in presence either, however long its owner has been away', async () => {
    const { room, clock, ada } = await openWritten()
    const seen: Uint8Array[] = []
    Object.assign(ada, { presence: (payload: Uint8Array) => seen.push(payload) })
    const bob = new Listener('bob')
    await join(room, bob)
    announce(room, bob)
    await passing(clock, 200)
    room.presence.leave(bob)
    await passing(clock, 3_600_000)
    const squatter = squatterOn(bob)
    await join(room, squatter)
    room.presence.greet(ada)
    announce(room, squatter)
    await passing(clock, 10_000)
    expect(seen).toEqual([])
  })

  test('of a record that does not exist is theirs, too, while everybody is away', async () => {
    const { registry, room, key } = await openRoom()
    const [bob, mallory] = [new Listener('bob'), new Listener('mallory')]
    for (const listener of [bob, mallory]) await join(room, listener)
    announce(room, bob)
    for (const listener of [bob, mallory]) room.leave(listener)
    registry.release(room)
    const again = await registry.acquire(key)
    expect(again).not.toBe(room)
    const squatter = squatterOn(bob)
    await join(again, squatter)
    again.submit(squatter, squatter.set('title', 'squat'))
    await settled()
    expect(squatter.ends.map(({ code }) => code)).toEqual(['foreign'])
  })

  test('of all rooms go to the database in one statement for what comes within 100 ms; those of readers never', async () => {
    const stage = createStage()
    const rooms = await Promise.all(['a', 'b', 'c'].map((id) => stage.registry.acquire(recordKey(id))))
    const everybody: Listener[] = []
    for (const room of rooms) {
      const [rep, viewer] = [new Listener('rep'), new Listener('viewer', { role: 'viewer' })]
      await join(room, rep)
      await join(room, viewer)
      room.submit(rep, rep.set('title', 'Dr'))
      everybody.push(rep, viewer)
    }
    await settled()
    for (const [index, listener] of everybody.entries()) announce(rooms[index >> 1] as Room, listener)
    const bound: number[][] = []
    const { bind } = stage.memory
    stage.replace('bind', async (claims) => {
      bound.push(claims.map(({ client }) => client))
      await bind(claims)
    })
    await passing(stage.clock, 1_000)
    const reps = everybody.filter(({ principal }) => principal.sub === 'rep').map(({ document }) => document.clientID)
    expect(bound).toEqual([reps])
  })

  test('waits while the database is away, and is written before the process ends', async () => {
    const stage = await openWritten()
    const { room, clock, key, memory, registry } = stage
    const bob = new Listener('bob')
    await join(room, bob)
    const away = stage.hold('bind', new Error('connection lost'))
    announce(room, bob)
    await passing(clock, 500)
    away.let()
    await registry.drain(1_000)
    const { clients } = await memory.ledger(key, 1)
    expect(clients.map(({ client }) => client)).toContain(bob.document.clientID)
  })

  test('P10: counts for the newest 100 of a person in one room, however many that person announces', async () => {
    const { room, clock, key, memory } = await openWritten()
    const last = new Listener('bob')
    for (let index = 0; index < 300; index += 1) {
      const tab = index < 299 ? new Listener('bob') : last
      await join(room, tab)
      announce(room, tab)
      room.presence.leave(tab)
      room.leave(tab)
    }
    await passing(clock, 1_000)
    const { clients } = await memory.ledger(key, 1)
    const his = clients.filter(({ owner }) => owner.sub === 'bob')
    expect([his.length, his.some(({ client }) => client === last.document.clientID)]).toEqual([100, true])
  })
})
