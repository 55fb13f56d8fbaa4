/** One live record: what is served when, who hears what, and who is asked for what. */
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import type { Answer } from '../../../server/document/handle.ts'
import { openRoom, openWritten } from './opened.ts'
import { join, Listener, passing, principalOf, settled } from './stage.ts'

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

  test('SPEC 11: a repeat that was refused in part is answered with what stands instead, which heals even who missed the first answer', async () => {
    const { room } = await openWritten()
    const manager = new Listener('meg', { role: 'manager' })
    await join(room, manager)
    room.submit(manager, manager.set('creditLimit', '1.00'))
    await settled()
    const rep = new Listener('rep', { echo: true })
    await join(room, rep)
    const held = Y.encodeStateAsUpdate(rep.document)
    const forbidden = rep.edit((document) => {
      document.transact(() => {
        document.getMap('fields').set('title', 'Dr')
        document.getMap('fields').set('creditLimit', '9.00')
      })
    })
    room.submit(rep, forbidden)
    await settled()
    room.submit(rep, forbidden)
    await settled()
    const deaf = new Y.Doc()
    for (const update of [held, forbidden, rep.repeats[0]]) if (update !== undefined) Y.applyUpdate(deaf, update)
    expect(rep.repeats).toHaveLength(1)
    expect(deaf.getMap('fields').toJSON()).toEqual({ firstName: 'Ada', title: 'Dr', creditLimit: '1.00' })
    expect(deaf.store.pendingStructs).toBeNull()
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
