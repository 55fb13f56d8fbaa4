/** The rooms of a process: loaded once, kept while there is memory, compared with the log, and drained. */
import type { RecordKey } from '@rapport/shared/ids.ts'
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import type { LiveRoom } from '../../../server/document/live-room.ts'
import { entryOf, freshTenant, recordKey } from '../../support/entries.ts'
import {
  createStage,
  type Instance,
  join,
  Listener,
  passing,
  principalOf,
  type Stage,
  settled,
  storedDocument,
  updateOf,
} from './stage.ts'

const crm = principalOf('crm', 'crm')

/** Writes one field through a room of this instance, as the server. */
async function edit({ registry }: Instance, key: RecordKey, name: string, value: string): Promise<void> {
  const room = await registry.acquire(key)
  await room.edit(crm, (document) => document.getMap('fields').set(name, value))
  registry.release(room)
}

async function fieldOf({ registry }: Instance, key: RecordKey, name: string): Promise<unknown> {
  const room = await registry.acquire(key)
  const value = await room.view(({ document }) => document.getMap('fields').get(name))
  registry.release(room)
  return value
}

/** The client ids under which the server has written in a record. */
const serverClients = ({ memory }: Stage, key: RecordKey): number[] => [
  ...new Set(memory.serverItems(key).map(({ client }) => client)),
]

describe('opening', () => {
  test('concurrent callers share one load and one room', async () => {
    const stage = createStage()
    const gate = stage.hold('load')
    const key = recordKey()
    const callers = Array.from({ length: 50 }, () => stage.registry.acquire(key))
    await settled()
    gate.let()
    expect(new Set(await Promise.all(callers)).size).toBe(1)
    expect(stage.calls('load')).toBe(1)
  })

  test('a failed load fails all who shared it, and the next caller tries again', async () => {
    const stage = createStage()
    const key = recordKey()
    const failing = stage.hold('load', new Error('gone'))
    const outcomes = await Promise.allSettled([stage.registry.acquire(key), stage.registry.acquire(key)])
    expect(outcomes).toMatchObject([{ reason: { code: 'overload' } }, { reason: { code: 'overload' } }])
    expect(stage.calls('load')).toBe(1)
    failing.let()
    expect((await stage.registry.acquire(key)).key).toBe(key)
  })

  test('a record that somebody holds is not loaded again, nor is one that was kept', async () => {
    const stage = createStage()
    const key = recordKey()
    await edit(stage, key, 'title', 'Dr')
    await edit(stage, key, 'title', 'Prof')
    expect(await fieldOf(stage, key, 'title')).toBe('Prof')
    expect(stage.calls('load')).toBe(1)
  })

  test('P9: opening a record and leaving it unwritten leaves no row, and no room', async () => {
    const stage = createStage()
    const key = recordKey()
    const room = await stage.registry.acquire(key)
    stage.registry.release(room)
    expect(await stage.memory.load(key)).toBeUndefined()
    expect(await stage.registry.acquire(key)).not.toBe(room)
  })
})

describe('two processes on one log', () => {
  test('P3: a kept room is compared with the log before it is handed out again', async () => {
    const stage = createStage()
    const other = stage.another()
    const key = recordKey()
    await edit(stage, key, 'title', 'Dr')
    await edit(other, key, 'lastName', 'Lovelace')
    expect(await fieldOf(stage, key, 'lastName')).toBe('Lovelace')
    expect(stage.calls('load')).toBe(2)
  })

  test('while that comparison fails the record cannot be opened, since what was kept may be old', async () => {
    const stage = createStage()
    const key = recordKey()
    await edit(stage, key, 'title', 'Dr')
    const failing = stage.hold('heads', new Error('gone'))
    await expect(stage.registry.acquire(key)).rejects.toMatchObject({ code: 'overload' })
    failing.let()
    expect(await fieldOf(stage, key, 'title')).toBe('Dr')
  })

  test('P3: without any hint a room in use learns within a second or so what another process wrote', async () => {
    const stage = createStage()
    const other = stage.another()
    const key = recordKey()
    await edit(stage, key, 'title', 'Dr')
    const ada = new Listener('ada')
    const room = await stage.registry.acquire(key)
    await join(room, ada)
    for (const value of ['a', 'b', 'c']) await edit(other, key, 'lastName', value)
    expect(ada.field('lastName')).toBeUndefined()
    await passing(stage.clock, 1_100)
    expect(ada.field('lastName')).toBe('c')
  })

  test('a hint is enough, and costs no read', async () => {
    const stage = createStage()
    const other = stage.another(true)
    const key = recordKey()
    await edit(stage, key, 'title', 'Dr')
    const ada = new Listener('ada')
    const room = await stage.registry.acquire(key)
    await join(room, ada)
    const [reads, loads] = [stage.calls('readAfter'), stage.calls('load')]
    await edit(other, key, 'lastName', 'Lovelace')
    await settled()
    expect(ada.field('lastName')).toBe('Lovelace')
    expect([stage.calls('readAfter') - reads, stage.calls('load') - loads]).toEqual([0, 1])
  })

  test('P3: whoever is outrun judges again on what the other wrote, and both edits stand, in one order for all', async () => {
    const stage = createStage()
    const other = stage.another()
    const key = recordKey()
    await edit(stage, key, 'title', 'Dr')
    const [ada, bob] = [new Listener('ada'), new Listener('bob')]
    const [here, there] = [await stage.registry.acquire(key), await other.registry.acquire(key)]
    await join(here, ada)
    await join(there, bob)
    const edits = Array.from({ length: 6 }, async (_, round) => {
      here.submit(ada, ada.set(`x_a${round}`, 'ada'))
      there.submit(bob, bob.set(`x_b${round}`, 'bob'))
      await settled()
    })
    await Promise.all(edits)
    await Promise.all([passing(stage.clock, 3_000), passing(other.clock, 3_000)])
    const stored = await storedDocument(stage.memory, key)
    expect(Object.keys(stored.getMap('fields').toJSON())).toHaveLength(13)
    for (const { document } of [ada, bob]) {
      expect(document.getMap('fields').toJSON()).toEqual(stored.getMap('fields').toJSON())
    }
    const sequences = ((await stage.memory.load(key))?.tail ?? []).map(({ position }) => position.sequence)
    expect(sequences).toEqual(sequences.map((_, index) => index + 1))
  })
})

describe("the server's client id", () => {
  test('is kept when a record is unloaded for idleness and loaded again', async () => {
    const stage = createStage({ idleBytes: 0 })
    const key = recordKey()
    await edit(stage, key, 'title', 'Dr')
    for (const value of ['a', 'b', 'c']) {
      const loads = stage.calls('load')
      await passing(stage.clock, 6_000)
      await edit(stage, key, 'title', value)
      expect(stage.calls('load')).toBe(loads + 1)
    }
    expect(serverClients(stage, key)).toHaveLength(1)
  })

  test('P3: is drawn anew after any other reload: another process was faster', async () => {
    const stage = createStage()
    const other = stage.another()
    const key = recordKey()
    await edit(stage, key, 'title', 'Dr')
    const room = await stage.registry.acquire(key)
    await edit(other, key, 'title', 'Prof')
    await room.edit(crm, (document) => document.getMap('fields').set('title', 'Dame'))
    // One of ours before, the other's, and one of ours after.
    expect(serverClients(stage, key)).toHaveLength(3)
  })

  test('P3: and is not taken up again if the database lost what was written with it', async () => {
    const stage = createStage({ idleBytes: 0 })
    const key = recordKey()
    await edit(stage, key, 'title', 'Dr')
    const backup = stage.memory.dump()
    await edit(stage, key, 'title', 'lost')
    await passing(stage.clock, 6_000)
    stage.memory.restore(backup)
    const [before] = serverClients(stage, key)
    await edit(stage, key, 'title', 'new')
    const after = stage.memory.serverItems(key).at(-1)?.client
    expect(after).not.toBe(before)
  })

  test('P3: is given up when somebody else is seen to write under it', async () => {
    const stage = createStage()
    const key = recordKey()
    await edit(stage, key, 'title', 'Dr')
    const [used] = serverClients(stage, key)
    const room = await stage.registry.acquire(key)
    const twin = new Listener('twin')
    await join(room, twin)
    twin.document.clientID = used ?? 0
    room.submit(twin, twin.set('lastName', 'T'))
    await settled()
    await edit(stage, key, 'title', 'Prof')
    expect(serverClients(stage, key)).toHaveLength(2)
    expect(twin.ends).toEqual([])
  })
})

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
