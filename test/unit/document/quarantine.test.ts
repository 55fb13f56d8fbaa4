/**
 * Whatever is found next that Yjs throws at, once the scan has let it pass: here a submission that the judge is made to throw at,
 * after it has changed the document.
 */
import { describe, expect, test, vi } from 'vitest'
import type * as Judge from '../../../server/access/judge.ts'
import { recordKey } from '../../support/entries.ts'
import { createStage, join, Listener, settled, storedDocument } from './stage.ts'

const MARKER = 'the next poison'

vi.mock('../../../server/access/judge.ts', async (original) => {
  const real = await original<typeof Judge>()
  const judge: typeof Judge.judge = (docket) => {
    const judgement = real.judge(docket)
    const poisonous = docket.submissions.some(
      (submission) => submission.type === 'update' && Buffer.from(submission.update.bytes).includes(MARKER),
    )
    if (poisonous) throw new Error('Unexpected case')
    return judgement
  }
  return { ...real, judge }
})

describe('P10: an update at which Yjs throws', () => {
  test('goes to quarantine alone, also from the middle of a batch, with its author and his roles', async () => {
    const stage = createStage()
    const key = recordKey()
    const room = await stage.registry.acquire(key)
    const [ada, bob, mallory] = [new Listener('ada'), new Listener('bob'), new Listener('mallory', { role: 'manager' })]
    for (const listener of [ada, bob, mallory]) await join(room, listener)
    room.submit(ada, ada.set('firstName', 'Ada'))
    await settled()
    room.submit(ada, ada.set('lastName', 'L'))
    const poison = mallory.set('lastName', MARKER)
    room.submit(mallory, poison)
    room.submit(bob, bob.set('title', 'Dr'))
    await settled()
    expect(mallory.ends.map(({ code }) => code)).toEqual(['refused'])
    const quarantined = stage.memory.quarantined(key)
    expect(quarantined).toMatchObject([{ author: { sub: 'mallory' }, roles: ['manager'], bytes: poison }])
    expect([ada.ends, bob.ends]).toEqual([[], []])
    expect(bob.document.getMap('fields').toJSON()).toEqual({ firstName: 'Ada', lastName: 'L', title: 'Dr' })
    const stored = await storedDocument(stage.memory, key)
    expect(stored.getMap('fields').toJSON()).toEqual({ firstName: 'Ada', lastName: 'L', title: 'Dr' })
  })

  test('and is not put there again when somebody tries to admit it', async () => {
    const stage = createStage()
    const key = recordKey()
    const room = await stage.registry.acquire(key)
    const mallory = new Listener('mallory')
    await join(room, mallory)
    const poison = mallory.set('lastName', MARKER)
    room.submit(mallory, poison)
    await settled()
    await expect(room.admit(mallory.principal, poison)).rejects.toMatchObject({ code: 'refused' })
    expect(stage.memory.quarantined(key)).toHaveLength(1)
    expect(await room.view(({ document }) => document.getMap('fields').size)).toBe(0)
  })
})
