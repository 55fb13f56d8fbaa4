/** The rooms of a process: loaded once, kept, compared with the log, and under which client ids they write. */
import type { RecordKey } from '@rapport/shared/ids.ts'
import { describe, expect, test } from 'vitest'
import { recordKey } from '../../support/entries.ts'
import { crm, edit, fieldOf } from './opened.ts'
import { createStage, join, Listener, passing, type Stage, settled, storedDocument } from './stage.ts'

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

  test("P3: is nobody else's to write under: what comes under it is set aside", async () => {
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
    expect(serverClients(stage, key)).toEqual([used])
    expect(twin.ends.map(({ code }) => code)).toEqual(['foreign'])
    expect(await fieldOf(stage, key, 'lastName')).toBeUndefined()
  })
})
