/** What becomes of an update that carries other people's edits which they have not delivered. */
import type { RecordKey } from '@rapport/shared/ids.ts'
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import type { Room } from '../../../server/document/handle.ts'
import { recordKey } from '../../support/entries.ts'
import { fieldOf, openWritten } from './opened.ts'
import { createStage, join, Listener, passing, principalOf, type Stage, settled } from './stage.ts'

/**
 * Ada has written online; then she and after her Bob wrote offline on one device. It is Bob who is signed in when it is
 * online again.
 */
async function sharedDevice(opened: { readonly room: Room; readonly ada: Listener }) {
  const { room, ada } = opened
  room.leave(ada)
  const hers = ada.set('department', 'Sales')
  const bob = new Listener('bob')
  Y.applyUpdate(bob.document, Y.encodeStateAsUpdate(ada.document))
  const his = bob.set('stage', 'lead')
  await join(room, bob)
  return { bob, hers, his, both: Y.mergeUpdates([hers, his]) }
}

async function asideOf({ memory }: Stage, key: RecordKey) {
  const { setAside } = await memory.ledger(key, Number.MAX_SAFE_INTEGER)
  return await Promise.all(setAside.map(({ id }) => memory.heldBack(key.tenant, id)))
}

describe("an update with somebody else's unsaved edits", () => {
  test('is kept whole beside the record, and its connection is told for good; what else that sent is forgotten', async () => {
    const opened = await openWritten()
    const { room, key, memory } = opened
    const { bob, both } = await sharedDevice(opened)
    room.submit(bob, both)
    room.submit(bob, bob.set('title', 'Dr'))
    await settled()
    expect(bob.ends.map(({ code }) => code)).toEqual(['foreign'])
    expect(bob.done.count).toBe(2)
    expect((await memory.load(key))?.tail).toHaveLength(1)
    expect(await asideOf(opened, key)).toMatchObject([
      { state: 'set-aside', author: { sub: 'bob', role: 'rep' }, roles: ['rep'], bytes: both },
    ])
    room.submit(bob, bob.set('title', 'Prof'))
    await settled()
    expect((await memory.load(key))?.tail).toHaveLength(1)
  })

  test('is admitted in its sender’s name once they have come from their owner', async () => {
    const opened = await openWritten()
    const { room, ada, key, memory } = opened
    const { bob, hers, both } = await sharedDevice(opened)
    room.submit(bob, both)
    await settled()
    await join(room, ada)
    room.submit(ada, hers)
    await settled()
    expect([ada.field('department'), ada.field('stage')]).toEqual(['Sales', 'lead'])
    expect(await asideOf(opened, key)).toEqual([])
    const stage = memory.changes(key).find(({ path }) => path[1] === 'stage')
    expect(stage?.author).toEqual({ sub: 'bob', role: 'rep' })
  })

  test('also by another instance, to which they came, and by one that reads of it only later', async () => {
    const opened = await openWritten()
    const { room, ada, key } = opened
    const { bob, hers, both } = await sharedDevice(opened)
    const other = opened.another()
    room.submit(bob, both)
    await settled()
    const there = await other.registry.acquire(key)
    await join(there, ada)
    there.submit(ada, hers)
    await settled()
    expect([ada.field('department'), ada.field('stage')]).toEqual(['Sales', 'lead'])
    expect(await asideOf(opened, key)).toEqual([])
    expect(await fieldOf(other, key, 'stage')).toBe('lead')
  })

  test('also by the instance that set it aside, when it takes in what came to another', async () => {
    const opened = await openWritten()
    const { room, ada, key, clock } = opened
    const { bob, hers, both } = await sharedDevice(opened)
    const other = opened.another()
    const there = await other.registry.acquire(key)
    await join(there, ada)
    // Its ledger is from before.
    there.submit(ada, ada.set('lastName', 'L'))
    await settled()
    room.submit(bob, both)
    await settled()
    there.submit(ada, hers)
    await settled()
    await passing(clock, 1_100)
    expect(await room.view(({ document }) => document.getMap('fields').get('stage'))).toBe('lead')
    expect(await asideOf(opened, key)).toEqual([])
  })

  test('of a record that was never written waits like any other', async () => {
    const stage = createStage()
    const key = recordKey()
    const room = await stage.registry.acquire(key)
    const [ada, bob] = [new Listener('ada'), new Listener('bob')]
    await join(room, ada)
    const clerk = { document: ada.document, principal: ada.principal }
    stage.replace('ledger', async (asked, sequence) => ({
      ...(await stage.memory.ledger(asked, sequence)),
      clients: [{ client: clerk.document.clientID, owner: { sub: 'ada', role: 'rep' }, relayed: false }],
    }))
    const hers = ada.set('firstName', 'Ada')
    Y.applyUpdate(bob.document, hers)
    const his = bob.set('title', 'Dr')
    await join(room, bob)
    room.submit(bob, Y.mergeUpdates([hers, his]))
    await settled()
    expect(bob.ends.map(({ code }) => code)).toEqual(['foreign'])
    room.submit(ada, hers)
    await settled()
    expect([ada.field('firstName'), ada.field('title')]).toEqual(['Ada', 'Dr'])
    expect(await asideOf(stage, key)).toEqual([])
  })

  test('gives a forger nothing: what he made up stays outside, and his victim writes on', async () => {
    const { room, ada, key, memory } = await openWritten()
    const mallory = new Listener('mallory')
    await join(room, mallory)
    mallory.document.clientID = ada.document.clientID
    room.submit(mallory, mallory.set('lastName', 'forged'))
    await settled()
    expect(mallory.ends.map(({ code }) => code)).toEqual(['foreign'])
    room.submit(ada, ada.set('lastName', 'Lovelace'))
    await settled()
    // The clocks that it waited for are known now, and nothing in it is new.
    expect(await room.view(({ document }) => document.getMap('fields').get('lastName'))).toBe('Lovelace')
    expect((await memory.load(key))?.tail).toHaveLength(2)
    expect((await memory.ledger(key, 9)).setAside).toEqual([])
  })

  test('is not lost if it cannot be kept: the connection is told to come again', async () => {
    const opened = await openWritten()
    const { room, key } = opened
    const { bob, both } = await sharedDevice(opened)
    const hold = opened.hold('setAside', new Error('connection lost'))
    room.submit(bob, both)
    await settled()
    expect(bob.ends).toMatchObject([{ code: 'commit_failed', retry: true }])
    hold.let()
    const again = new Listener('bob')
    await join(room, again)
    room.submit(again, both)
    await settled()
    expect(again.ends.map(({ code }) => code)).toEqual(['foreign'])
    expect(await asideOf(opened, key)).toHaveLength(1)
  })

  test('is only the newest of one sender', async () => {
    const opened = await openWritten()
    const { room, key } = opened
    const { bob, both } = await sharedDevice(opened)
    room.submit(bob, both)
    await settled()
    const again = new Listener('bob')
    Y.applyUpdate(again.document, Y.encodeStateAsUpdate(bob.document))
    const more = Y.mergeUpdates([both, again.set('title', 'Dr')])
    await join(room, again)
    room.submit(again, more)
    await settled()
    expect(await asideOf(opened, key)).toMatchObject([{ bytes: more }])
  })
})

describe('an update that was held back', () => {
  test('can be admitted with what it carries of others as relayed, whose owner writes on under the same id', async () => {
    const opened = await openWritten()
    const { room, ada, key } = opened
    const { bob, both, hers } = await sharedDevice(opened)
    room.submit(bob, both)
    await settled()
    await expect(room.admit(bob.principal, both)).rejects.toMatchObject({ code: 'foreign' })
    await room.admit(bob.principal, both, { relayed: true })
    expect(await fieldOf(opened, key, 'department')).toBe('Sales')
    expect(await fieldOf(opened, key, 'stage')).toBe('lead')
    await join(room, ada)
    room.submit(ada, hers)
    room.submit(ada, ada.set('department', 'Marketing'))
    await settled()
    expect(ada.ends).toEqual([])
    expect(await fieldOf(opened, key, 'department')).toBe('Marketing')
  })

  test('is refused as its sender’s would be, and where it builds on edits that are not here', async () => {
    const { room, ada } = await openWritten()
    const eve = principalOf('eve', 'viewer')
    await expect(room.admit(eve, ada.set('title', 'Dr'))).rejects.toMatchObject({ code: 'forbidden' })
    await expect(room.admit(ada.principal, Uint8Array.of(1, 2, 3))).rejects.toMatchObject({ code: 'refused' })
    const later = ada.set('lastName', 'L')
    await expect(room.admit(ada.principal, later)).rejects.toMatchObject({ code: 'stale' })
  })
})
