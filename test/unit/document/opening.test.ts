/** Who may be in a room, where that depends on who owns the record. */
import { describe, expect, test } from 'vitest'
import type { Policy } from '../../../server/access/policy.ts'
import type { Answer } from '../../../server/document/handle.ts'
import { recordKey } from '../../support/entries.ts'
import { edit } from './opened.ts'
import { createStage, join, Listener, passing, settled } from './stage.ts'

/** Reps see their own records alone, managers all of them. */
const byOwner: Policy = {
  grants: {
    rep: { '*': { owner: { record: 'write' }, anyone: { record: 'none' } } },
    manager: { '*': { anyone: { record: 'write' } } },
    crm: { '*': { anyone: { record: 'write' } } },
  },
}

async function owned() {
  const stage = createStage({ policy: byOwner })
  const key = recordKey()
  await edit(stage, key, 'owner', 'ada')
  const room = await stage.registry.acquire(key)
  const [ada, boss] = [new Listener('ada'), new Listener('boss', { role: 'manager' })]
  for (const listener of [ada, boss]) await join(room, listener)
  return { stage, key, room, ada, boss }
}

describe('P11: a record that only its owner may open', () => {
  test('is shown to nobody else, and opened by him when it is handed over', async () => {
    const { stage, key, room, ada } = await owned()
    const bob = new Listener('bob')
    const answers: Answer<Uint8Array>[] = []
    room.join(bob, (answer) => answers.push(answer))
    room.submit(ada, ada.set('title', 'Dr'))
    await settled()
    expect(answers).toMatchObject([{ type: 'unavailable', error: { code: 'forbidden' } }])
    expect(bob.entries).toEqual([])
    await edit(stage, key, 'owner', 'bob')
    await join(room, bob)
    expect(bob.field('title')).toBe('Dr')
  })

  test('is closed to its owner of before, who does not hear of that; what is on its way from there is forgotten', async () => {
    const { stage, key, room, ada, boss } = await owned()
    const before = ada.entries.length
    const gate = stage.hold('insert')
    const handing = edit(stage, key, 'owner', 'bob')
    await settled()
    room.submit(ada, ada.set('title', 'too late'))
    gate.let()
    await handing
    await settled()
    expect(ada.ends.map(({ code }) => code)).toEqual(['forbidden'])
    expect([ada.entries.length - before, ada.done.count]).toEqual([0, 1])
    expect([boss.ends, boss.field('owner'), boss.field('title')]).toEqual([[], 'bob', undefined])
  })

  test('also when another instance hands it over, heard of or found while reading the log anew', async () => {
    const { stage, key, room, ada, boss } = await owned()
    const other = stage.another()
    await edit(other, key, 'owner', 'bob')
    await passing(stage.clock, 1_100)
    expect(ada.ends.map(({ code }) => code)).toEqual(['forbidden'])
    const bob = new Listener('bob')
    await join(room, bob)
    await edit(other, key, 'owner', 'carl')
    const heard = bob.entries.length
    room.submit(boss, boss.set('title', 'outrun'))
    await settled()
    expect(bob.ends.map(({ code }) => code)).toEqual(['forbidden'])
    expect(bob.entries.length).toBe(heard)
    expect(boss.ends).toEqual([])
  })

  test('stays open to who may see it in either case', async () => {
    const { stage, key, room, ada, boss } = await owned()
    room.leave(ada)
    for (const owner of ['bob', 'boss', 'ada']) await edit(stage, key, 'owner', owner)
    expect([boss.ends, boss.field('owner')]).toEqual([[], 'ada'])
    await join(room, ada)
    room.submit(ada, ada.set('title', 'Dr'))
    await settled()
    expect(boss.field('title')).toBe('Dr')
  })
})
