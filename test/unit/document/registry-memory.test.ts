/** What a process keeps in memory, what it lets go of, and how it ends. */
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { MOST_OPEN } from '../../../server/access/open-conflicts.ts'
import type { LiveRoom } from '../../../server/document/live-room.ts'
import { entryOf, freshTenant, recordKey } from '../../support/entries.ts'
import { crm, edit, fieldOf, openWritten } from './opened.ts'
import { createStage, join, Listener, passing, settled, storedDocument, updateOf } from './stage.ts'

describe('P10: memory', () => {
  const ENTRY = 'x'.repeat(500)

  test('10,000 records opened one after another stay within the bytes for idle rooms', async () => {
    const idleBytes = 2 * 1024 * 1024
    const stage = createStage({ idleBytes })
    const tenant = freshTenant()
    const update = updateOf(new Y.Doc(), (document) => document.getMap('fields').set('title', ENTRY))
    const keys = Array.from({ length: 10_000 }, (_, index) => recordKey(`r${index}`, tenant))
    await stage.memory.insert(keys.map((key) => entryOf(key, undefined, { update })))
    let living: LiveRoom[] = []
    let most = 0
    for (const [opened, key] of keys.entries()) {
      const room = await stage.registry.acquire(key)
      living.push(room as LiveRoom)
      stage.registry.release(room)
      if (opened % 100 > 0) continue
      living = await notOver(living)
      most = Math.max(most, memoryOf(living))
    }
    // Looked at every 256 loads, so at most so many stand above the limit until then.
    expect(most).toBeLessThanOrEqual(idleBytes + 256 * memoryOf(living.slice(-1)))
    await passing(stage.clock, 6_000)
    living = await notOver(living)
    expect(memoryOf(living)).toBeLessThanOrEqual(idleBytes)
    expect(living.length).toBeGreaterThan(100)
    expect(living.map(({ key }) => key)).toEqual(keys.slice(-living.length))
  })

  test('a record that somebody holds, or that has an entry in flight, is never unloaded', async () => {
    const stage = createStage({ idleBytes: 0 })
    const [held, dirty, idle] = [recordKey('held'), recordKey('dirty'), recordKey('idle')]
    for (const key of [held, dirty, idle]) await edit(stage, key, 'title', ENTRY)
    const ada = new Listener('ada')
    const holding = await stage.registry.acquire(held)
    await join(holding, ada)
    const writing = await stage.registry.acquire(dirty)
    const gate = stage.hold('insert')
    const saved = writing.edit(crm, (document) => document.getMap('fields').set('title', 'late'))
    await settled()
    stage.registry.release(writing)
    const loads = stage.calls('load')
    await passing(stage.clock, 20_000)
    gate.let()
    await saved
    expect(ada.ends).toEqual([])
    expect(await stage.registry.acquire(held)).toBe(holding)
    expect(await stage.registry.acquire(dirty)).toBe(writing)
    expect(stage.calls('load')).toBe(loads)
    await stage.registry.acquire(idle)
    expect(stage.calls('load')).toBe(loads + 1)
  })

  test('least recently used leaves first', async () => {
    const stage = createStage({ idleBytes: 3 * (4_096 + 12 * 900) })
    const keys = ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => recordKey(id))
    for (const key of keys) await edit(stage, key, 'title', ENTRY)
    const [first] = keys
    if (first !== undefined) await fieldOf(stage, first, 'title')
    await passing(stage.clock, 5_100)
    const loads = stage.calls('load')
    if (first !== undefined) await fieldOf(stage, first, 'title')
    expect(stage.calls('load')).toBe(loads)
    for (const key of keys.slice(1)) await fieldOf(stage, key, 'title')
    expect(stage.calls('load')).toBeGreaterThan(loads)
  })

  test('what nobody edits goes back to bytes, and an edit brings it back to life', async () => {
    const stage = createStage()
    const key = recordKey()
    await edit(stage, key, 'title', ENTRY)
    const room = (await stage.registry.acquire(key)) as LiveRoom
    const live = room.footprint()
    await passing(stage.clock, 11_000)
    expect(room.footprint()).toBeLessThan(live / 5)
    expect(await fieldOf(stage, key, 'title')).toBe(ENTRY)
    await edit(stage, key, 'title', 'again')
    expect(await fieldOf(stage, key, 'title')).toBe('again')
  })
})

describe('P10: what is known of a record beside its content', () => {
  /** Devices that have seen nothing each write the title, and lose to Ada. */
  async function opened(losers: number) {
    const stage = await openWritten({ idleBytes: 0 })
    const { room, ada, key } = stage
    ada.document.clientID = 4_294_967_000
    room.submit(ada, ada.set('title', 'honest'))
    const eve = new Listener('eve')
    await join(room, eve)
    for (let client = 1; client <= losers; client += 1) {
      const document = new Y.Doc()
      document.clientID = client
      const update = updateOf(document, (doc) => doc.getMap('fields').set('title', `${client} ${ENTRY}`))
      room.submit(eve, update)
    }
    await settled()
    expect(eve.done.count).toBe(losers)
    return { ...stage, room: room as LiveRoom, key }
  }
  const ENTRY = 'y'.repeat(60)

  test('counts in the memory that is bounded, as soon as it has been read', async () => {
    const stage = await opened(150)
    const other = stage.another()
    const room = (await other.registry.acquire(stage.key)) as LiveRoom
    await passing(other.clock, 11_000)
    const content = room.footprint()
    await edit(other, stage.key, 'lastName', 'short')
    await passing(other.clock, 11_000)
    // 149 rows or more, each with two texts; the content went back to bytes, and is hardly longer.
    expect(room.footprint() - content).toBeGreaterThan(149 * 2 * ENTRY.length)
    expect(await room.view(({ document }) => Y.encodeStateAsUpdate(document).length)).toBeLessThan(content + 100)
  })

  test('has a limit that is counted: of the open conflicts of a field the oldest are dismissed', async () => {
    const { metrics, memory, key } = await opened(MOST_OPEN.path + 7)
    expect(await metrics.render()).toContain('rapport_limit_hits_total{limit="conflicts"} 7')
    const statuses = memory.conflicts(key).map(({ status }) => status)
    const count = (which: string) => statuses.filter((status) => status === which).length
    expect([count('open'), count('dismissed')]).toEqual([MOST_OPEN.path, 7])
  })
})

describe('drain', () => {
  test('P1: commits what was received, ends everybody with draining, and opens nothing any more', async () => {
    const stage = createStage()
    const [one, two] = [recordKey('one'), recordKey('two')]
    const [ada, bob] = [new Listener('ada'), new Listener('bob')]
    const rooms = [await stage.registry.acquire(one), await stage.registry.acquire(two)] as const
    await join(rooms[0], ada)
    await join(rooms[1], bob)
    const gate = stage.hold('insert')
    rooms[0].submit(ada, ada.set('title', 'first'))
    await settled()
    rooms[0].submit(ada, ada.set('lastName', 'second'))
    rooms[1].submit(bob, bob.set('title', 'other'))
    const drained = stage.registry.drain(3_000)
    await settled()
    expect([ada.ends, bob.ends]).toEqual([[], []])
    await expect(stage.registry.acquire(one)).rejects.toMatchObject({ code: 'draining', retry: true })
    gate.let()
    await drained
    for (const { ends } of [ada, bob]) expect(ends).toMatchObject([{ code: 'draining', retry: true }])
    expect([ada.done.count, bob.done.count]).toEqual([2, 1])
    expect((await storedDocument(stage.memory, one)).getMap('fields').toJSON()).toEqual({ title: 'first', lastName: 'second' })
    expect((await storedDocument(stage.memory, two)).getMap('fields').toJSON()).toEqual({ title: 'other' })
  })

  test('P1: gives up after its time, and tells nobody that anything was saved', async () => {
    const stage = createStage()
    const room = await stage.registry.acquire(recordKey())
    const ada = new Listener('ada', { echo: true })
    await join(room, ada)
    stage.hold('insert')
    room.submit(ada, ada.set('title', 'Dr'))
    await settled()
    room.submit(ada, ada.set('title', 'Prof'))
    const waiting = room.edit(crm, (document) => document.getMap('fields').set('stage', 'customer'))
    const refused = expect(waiting).rejects.toMatchObject({ code: 'draining' })
    const drained = stage.registry.drain(3_000)
    await passing(stage.clock, 3_100)
    await drained
    await refused
    expect(ada.ends).toMatchObject([{ code: 'draining' }])
    expect([ada.entries, ada.repeats]).toEqual([[], []])
  })

  test('P1: an edit whose entry was in flight when the room ended is answered once its outcome is known', async () => {
    const stage = createStage()
    const key = recordKey()
    const room = await stage.registry.acquire(key)
    const gate = stage.hold('insert')
    const edit = room.edit(crm, (document) => document.getMap('fields').set('stage', 'lead'))
    let answer = 'none'
    edit.then(
      () => (answer = 'saved'),
      () => (answer = 'not saved'),
    )
    await settled()
    const drained = stage.registry.drain(1)
    await passing(stage.clock, 2)
    await drained
    gate.let()
    await settled()
    expect((await storedDocument(stage.memory, key)).getMap('fields').get('stage')).toBe('lead')
    expect(answer).toBe('saved')
  })
})

/** Those rooms that are not over. */
async function notOver(rooms: readonly LiveRoom[]): Promise<LiveRoom[]> {
  const living = await Promise.all(rooms.map((room) => room.view(() => room).catch(() => undefined)))
  return living.flatMap((room) => room ?? [])
}

/** Bytes, as the registry counts them: 4 KiB a room, and its content. */
function memoryOf(rooms: readonly LiveRoom[]): number {
  return rooms.reduce((sum, room) => sum + room.footprint() + 4_096, 0)
}
