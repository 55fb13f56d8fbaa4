/** Edits that are made only on the state that their author has in mind. */
import { SyncError } from '@rapport/shared/errors.ts'
import { describe, expect, test } from 'vitest'
import type * as Y from 'yjs'
import type { Precondition } from '../../../server/access/submission.ts'
import type { Room } from '../../../server/document/handle.ts'
import { crm, openRoom, openWritten } from './opened.ts'
import { Listener, passing, principalOf, settled, storedDocument } from './stage.ts'

const at =
  (wanted: number): Precondition =>
  ({ sequence }) =>
    sequence === wanted ? undefined : new SyncError('stale', `not at ${wanted}`)
const isNew: Precondition = ({ sequence }) => (sequence === 0 ? undefined : new SyncError('exists', 'there already'))

const setting = (name: string, value: string) => (document: Y.Doc) => void document.getMap('fields').set(name, value)

/** `made`, or the code of the refusal. */
function outcome(edit: Promise<void>): Promise<string> {
  return edit.then(
    () => 'made',
    (error: SyncError) => error.code,
  )
}

const fieldsOf = (room: Room) =>
  room.view(({ document, sequence }) => ({ ...document.getMap('fields').toJSON(), sequence }) as unknown)

describe('an edit with a precondition', () => {
  test('is made on the state that passes, and refused on any other, which leaves nothing behind', async () => {
    const { room, ada, key, memory, calls } = await openWritten()
    expect(await outcome(room.edit(crm, setting('stage', 'lead'), at(1)))).toBe('made')
    const loads = calls('load')
    const before = [ada.entries.length, (await memory.load(key))?.tail.length]
    expect(await outcome(room.edit(crm, setting('stage', 'former'), at(1)))).toBe('stale')
    expect([ada.entries.length, (await memory.load(key))?.tail.length]).toEqual(before)
    expect(await fieldsOf(room)).toEqual({ firstName: 'Ada', stage: 'lead', sequence: 2 })
    // A refusal does not make the room read its record anew.
    expect(calls('load')).toBe(loads)
  })

  test('of many on the same state that arrive at once, the first alone is made', async () => {
    const { room, ada } = await openWritten()
    const edits = Array.from({ length: 20 }, (_, index) => room.edit(crm, setting('title', `t${index}`), at(1)))
    const outcomes = await Promise.all(edits.map(outcome))
    expect(outcomes).toEqual(['made', ...Array.from({ length: 19 }, () => 'stale')])
    expect([ada.field('title'), ada.entries.length]).toEqual(['t0', 2])
  })

  test('comes too late behind a colleague’s update of the same entry, but not behind a repetition of what is stored', async () => {
    const { room, ada } = await openWritten()
    const update = ada.set('title', 'Dr')
    room.submit(ada, update)
    expect(await outcome(room.edit(crm, setting('stage', 'lead'), at(1)))).toBe('stale')
    room.submit(ada, update)
    expect(await outcome(room.edit(crm, setting('stage', 'lead'), at(2)))).toBe('made')
    expect(await fieldsOf(room)).toEqual({ firstName: 'Ada', title: 'Dr', stage: 'lead', sequence: 3 })
  })

  test('sees what earlier submissions of its entry brought, and what it writes is not seen by one that was refused', async () => {
    const { room, ada } = await openWritten()
    const titles: unknown[] = []
    const look: Precondition = ({ document }) => {
      titles.push(document.getMap('fields').get('title'))
      return undefined
    }
    room.submit(ada, ada.set('title', 'Dr'))
    const edits = [
      room.edit(crm, setting('title', 'refused'), () => new SyncError('invalid', 'no')),
      room.edit(crm, setting('title', 'Prof'), look),
      room.edit(crm, setting('stage', 'lead'), look),
    ]
    expect(await Promise.all(edits.map(outcome))).toEqual(['invalid', 'made', 'made'])
    expect(titles).toEqual(['Dr', 'Prof'])
  })

  test('behind other content of its entry passes by no sequence, though it may ask for any record that exists', async () => {
    const { room } = await openWritten()
    const some: Precondition = ({ sequence }) => (sequence === 0 ? new SyncError('not_found', 'none') : undefined)
    // The record stands at 2 afterwards; but nobody can have seen it there yet.
    const edits = [
      room.edit(crm, setting('title', 'Dr')),
      room.edit(crm, setting('stage', 'lead'), at(2)),
      room.edit(crm, setting('stage', 'former'), at(2)),
      room.edit(crm, setting('department', 'Board'), some),
    ]
    expect(await Promise.all(edits.map(outcome))).toEqual(['made', 'stale', 'stale', 'made'])
    expect(await fieldsOf(room)).toEqual({ firstName: 'Ada', title: 'Dr', department: 'Board', sequence: 2 })
  })

  test('that is refused takes nothing else of its entry with it', async () => {
    const { room, ada, calls } = await openWritten()
    const loads = calls('load')
    const edits = [
      room.edit(crm, setting('stage', 'lead')),
      room.edit(crm, setting('title', 'late'), at(1)),
      room.edit(crm, setting('department', 'Board')),
    ]
    expect(await Promise.all(edits.map(outcome))).toEqual(['made', 'stale', 'made'])
    expect(await fieldsOf(room)).toEqual({ firstName: 'Ada', stage: 'lead', department: 'Board', sequence: 2 })
    expect([ada.entries.length, calls('load')]).toEqual([2, loads])
  })

  test('is not even judged for somebody who may not write', async () => {
    const { room } = await openWritten()
    const asked: (number | undefined)[] = []
    const ask: Precondition = ({ sequence }) => void asked.push(sequence)
    expect(await outcome(room.edit(principalOf('eve', 'viewer'), setting('title', 'x'), ask))).toBe('forbidden')
    expect(asked).toEqual([])
  })
})

describe('beside another instance', () => {
  test('one that was outrun is judged on what the other wrote: of two on the same state one is made', async () => {
    const { room, key, another, hold, memory } = await openWritten()
    const other = await another().registry.acquire(key)
    const gate = hold('insert')
    const edits = [
      outcome(room.edit(crm, setting('title', 'here'), at(1))),
      outcome(other.edit(crm, setting('title', 'there'), at(1))),
    ]
    await settled()
    gate.let()
    const outcomes = await Promise.all(edits)
    expect(outcomes.toSorted()).toEqual(['made', 'stale'])
    const stored = await storedDocument(memory, key)
    expect(stored.getMap('fields').get('title')).toBe(outcomes[0] === 'made' ? 'here' : 'there')
    expect((await memory.load(key))?.tail).toHaveLength(2)
  })

  test('of two that create the record one is made, and the other finds that it exists', async () => {
    const { room, key, another, hold, memory } = await openRoom()
    const other = await another().registry.acquire(key)
    const gate = hold('insert')
    const edits = [room.edit(crm, setting('title', 'here'), isNew), room.edit(crm, setting('title', 'here, again'), isNew)]
    edits.push(other.edit(crm, setting('title', 'there'), isNew))
    const outcomes = Promise.all(edits.map(outcome))
    await settled()
    gate.let()
    expect((await outcomes).toSorted()).toEqual(['exists', 'exists', 'made'])
    expect((await memory.load(key))?.tail).toHaveLength(1)
  })

  test('one that builds on what this instance has not heard of yet is made after a look at the log', async () => {
    const { room, key, another, clock } = await openWritten()
    const other = await another().registry.acquire(key)
    await other.edit(crm, setting('title', 'there'))
    expect(await outcome(room.edit(crm, setting('stage', 'lead'), at(2)))).toBe('made')
    await passing(clock, 10)
    expect(await fieldsOf(room)).toEqual({ firstName: 'Ada', title: 'there', stage: 'lead', sequence: 3 })
  })

  test('a failing database delays it, and it is made once', async () => {
    const { room, hold, clock, ada } = await openWritten()
    const asked: (number | undefined)[] = []
    const gate = hold('insert', new Error('connection lost'))
    const edit = outcome(
      room.edit(crm, setting('title', 'Dr'), ({ sequence }) => {
        asked.push(sequence)
        return at(1)({ sequence } as never)
      }),
    )
    await settled()
    gate.let()
    for (let step = 0; step < 40; step += 1) {
      clock.pass(10)
      await settled()
    }
    expect([await edit, ada.entries.length, asked]).toEqual(['made', 2, [1]])
  })
})

test('a subscriber that leaves no trace does not count as somebody who wrote', async () => {
  const { room } = await openWritten()
  const viewer = new Listener('eve', { role: 'viewer' })
  room.submit(viewer, Uint8Array.of(0, 0))
  expect(await outcome(room.edit(crm, setting('stage', 'lead'), at(1)))).toBe('made')
})
