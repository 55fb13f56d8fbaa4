/** What a room does with poison: it ends the one it came from, and serves everybody else. */
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { recordKey } from '../../support/entries.ts'
import { POISONS } from '../access/bytes.ts'
import { createStage, DataRefused, join, Listener, settled, storedDocument } from './stage.ts'

async function openRoom(options?: Parameters<typeof createStage>[0]) {
  const stage = createStage(options)
  const key = recordKey()
  const room = await stage.registry.acquire(key)
  const [ada, bob] = [new Listener('ada'), new Listener('bob')]
  await join(room, ada)
  await join(room, bob)
  return { stage, key, room, ada, bob }
}

describe('P10: one connection that sends poison', () => {
  test.each(POISONS)('is ended alone, and the room goes on: %s', async (_what, _reason, poison) => {
    const { stage, key, room, ada, bob } = await openRoom()
    const mallory = new Listener('mallory')
    await join(room, mallory)
    room.submit(ada, ada.set('firstName', 'Ada'))
    room.submit(mallory, mallory.set('lastName', 'M'))
    room.submit(mallory, poison)
    room.submit(bob, bob.set('title', 'Dr'))
    await settled()
    expect(mallory.ends.map(({ code }) => code)).toEqual(['refused'])
    expect(mallory.entries).toEqual([])
    expect([ada.ends, bob.ends]).toEqual([[], []])
    expect([mallory.done.count, ada.done.count, bob.done.count]).toEqual([2, 1, 1])
    expect([bob.field('firstName'), ada.field('title')]).toEqual(['Ada', 'Dr'])
    const late = new Listener('late')
    await join(room, late)
    expect(late.document.getMap('fields').toJSON()).toEqual({ firstName: 'Ada', title: 'Dr' })
    const stored = await storedDocument(stage.memory, key)
    expect(stored.getMap('fields').toJSON()).toEqual({ firstName: 'Ada', title: 'Dr' })
  })

  test('an entry that the database refuses goes to quarantine; the others of its batch are stored', async () => {
    const { stage, key, room, ada, bob } = await openRoom()
    const unstorable = 'UNSTORABLE'
    const insert = stage.memory.insert
    const refusing: typeof insert = async (entries) => {
      if (entries.some(({ update }) => Buffer.from(update).includes(unstorable))) throw new DataRefused('refused')
      return await insert(entries)
    }
    stage.replace('insert', refusing)
    room.submit(ada, ada.set('firstName', 'Ada'))
    const poison = bob.set('lastName', unstorable)
    room.submit(bob, poison)
    room.submit(ada, ada.set('title', 'Dr'))
    await settled()
    expect(bob.ends.map(({ code }) => code)).toEqual(['refused'])
    expect(stage.memory.quarantined(key).map(({ author, bytes }) => [author.sub, bytes])).toEqual([['bob', poison]])
    expect(ada.ends).toEqual([])
    const late = new Listener('late')
    await join(room, late)
    expect(late.document.getMap('fields').toJSON()).toEqual({ firstName: 'Ada', title: 'Dr' })
  })
})

describe('P10: a record has a size limit', () => {
  const LIMIT = 4_000

  test('what would exceed it ends its author alone; deletions are still allowed, and make room again', async () => {
    const { room, ada, bob } = await openRoom({ maxRecordBytes: LIMIT })
    room.submit(
      ada,
      ada.edit((document) => document.getText('summary').insert(0, 'x'.repeat(3_500))),
    )
    await settled()
    room.submit(
      bob,
      bob.edit((document) => document.getText('summary').insert(0, 'y'.repeat(600))),
    )
    await settled()
    expect(bob.ends.map(({ code }) => code)).toEqual(['too_large'])
    expect([ada.ends, bob.done.count]).toEqual([[], 1])
    room.submit(
      ada,
      ada.edit((document) => document.getText('summary').delete(0, 3_400)),
    )
    await settled()
    room.submit(
      ada,
      ada.edit((document) => document.getText('summary').insert(0, 'z'.repeat(3_000))),
    )
    await settled()
    expect(ada.ends).toEqual([])
    const late = new Listener('late')
    await join(room, late)
    expect(late.document.getText('summary').toString()).toBe(`${'z'.repeat(3_000)}${'x'.repeat(100)}`)
  })

  test('what arrives in one turn does not exceed it together either', async () => {
    const { room, ada } = await openRoom({ maxRecordBytes: LIMIT })
    for (let part = 0; part < 10; part += 1) {
      room.submit(
        ada,
        ada.edit((document) => document.getText('summary').insert(0, 'x'.repeat(1_000))),
      )
    }
    await settled()
    expect(await room.view(({ document }) => Y.encodeStateAsUpdate(document).length)).toBeLessThanOrEqual(LIMIT)
  })

  test('a deletion makes room for what its author types in the same turn', async () => {
    const { room, ada } = await openRoom({ maxRecordBytes: LIMIT })
    room.submit(
      ada,
      ada.edit((document) => document.getText('summary').insert(0, 'x'.repeat(3_500))),
    )
    await settled()
    room.submit(
      ada,
      ada.edit((document) => document.getText('summary').delete(0, 3_400)),
    )
    room.submit(
      ada,
      ada.edit((document) => document.getText('summary').insert(0, 'z'.repeat(1_000))),
    )
    await settled()
    expect(ada.ends).toEqual([])
  })

  test('in a full record everything may still be deleted, however many bytes the deletions take', async () => {
    const { room, ada } = await openRoom({ maxRecordBytes: LIMIT })
    room.submit(
      ada,
      ada.edit((document) => document.getText('summary').insert(0, 'x'.repeat(3_700))),
    )
    await settled()
    const deletions = ada.edit((document) => {
      for (let at = 0; at < 200; at += 1) document.getText('summary').delete(at, 1)
    })
    expect(deletions.length).toBeGreaterThan(LIMIT - 3_700)
    room.submit(ada, deletions)
    await settled()
    expect([ada.ends, ada.done.count]).toEqual([[], 2])
    expect(await room.view(({ document }) => document.getText('summary').length)).toBe(3_500)
  })

  test('it is the size of the content and not of its history: the same field may be set for ever', async () => {
    const { room, ada } = await openRoom({ maxRecordBytes: LIMIT })
    for (let edit = 0; edit < 100; edit += 1) {
      room.submit(ada, ada.set('title', `${edit}`.padStart(200, '.')))
      await settled()
    }
    expect([ada.ends, ada.done.count]).toEqual([[], 100])
    expect(Y.encodeStateAsUpdate(ada.document).length).toBeLessThan(LIMIT)
  })
})
