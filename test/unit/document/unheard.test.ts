/** Edits in a room that has not heard yet of what another instance wrote: what they come to is what the log says. */
import { SyncError } from '@rapport/shared/errors.ts'
import { expect, test } from 'vitest'
import type { Room } from '../../../server/document/handle.ts'
import { crm, edit, openRoom, openWritten } from './opened.ts'
import { passing, settled } from './stage.ts'

/** `made`, or the code of the refusal. */
async function outcome(edit: Promise<void>): Promise<string> {
  try {
    await edit
    return 'made'
  } catch (error) {
    return (error as SyncError).code
  }
}

/** As a patch does: what reads so already is not written. */
function setting(room: Room, title: string): Promise<void> {
  return room.edit(crm, (document) => {
    const fields = document.getMap('fields')
    if (fields.get('title') !== title) fields.set('title', title)
  })
}

const titleOf = (room: Room) => room.view(({ document }) => document.getMap('fields').get('title'))

test('P1: one that changes nothing here, but something there, is made and not merely acknowledged', async () => {
  const opened = await openWritten()
  const elsewhere = opened.another()
  await setting(opened.room, 'X')
  await edit(elsewhere, opened.key, 'title', 'Y')
  const made = setting(opened.room, 'X')
  await settled()
  await passing(opened.clock, 100)
  await made
  expect(await titleOf(await opened.another().registry.acquire(opened.key))).toBe('X')
})

test('one that truly changes nothing costs one look at the log, also with many at once, and no entry', async () => {
  const { room, calls, ada } = await openWritten()
  await setting(room, 'X')
  const before = [calls('heads'), ada.entries.length]
  await Promise.all(Array.from({ length: 50 }, () => setting(room, 'X')))
  expect([calls('heads'), ada.entries.length]).toEqual([(before[0] ?? 0) + 1, before[1]])
})

test('none is refused for what another instance has undone', async () => {
  const { room, key, another, clock } = await openRoom()
  const exists = ({ sequence }: { readonly sequence: number | undefined }): SyncError | undefined =>
    sequence === 0 ? new SyncError('not_found', 'no such record') : undefined
  await edit(another(), key, 'title', 'there')
  const made = outcome(room.edit(crm, (document) => void document.getMap('fields').set('stage', 'lead'), exists))
  await passing(clock, 100)
  expect([await made, await titleOf(room)]).toEqual(['made', 'there'])
})

test('one that comes while hints do is judged on no older state than the log had when it came', async () => {
  const opened = await openWritten()
  await setting(opened.room, 'X')
  const hinted = await opened.another(true).registry.acquire(opened.key)
  const gate = opened.hold('heads')
  const made = setting(opened.room, 'X')
  await settled()
  // While the log is asked, the hint of one entry arrives, and that of the next is lost.
  await hinted.edit(crm, (document) => document.getMap('fields').set('stage', 'lead'))
  await settled()
  await edit(opened.another(), opened.key, 'title', 'Z')
  expect(await opened.room.view(({ sequence, document }) => [sequence, document.getMap('fields').toJSON()])).toEqual([
    3,
    { firstName: 'Ada', title: 'X', stage: 'lead' },
  ])
  gate.let()
  await settled()
  await passing(opened.clock, 100)
  await made
  expect(await titleOf(await opened.another().registry.acquire(opened.key))).toBe('X')
})

test('one that finds the record full is made if there is room by what another instance has deleted', async () => {
  const { room, key, another, clock } = await openRoom({ maxRecordBytes: 4_000 })
  const writing = (length: number) => room.edit(crm, (document) => document.getText('summary').insert(0, 'x'.repeat(length)))
  await writing(3_800)
  const other = await another().registry.acquire(key)
  await other.edit(crm, (document) => document.getText('summary').delete(0, 3_700))
  const made = outcome(writing(3_000))
  await passing(clock, 100)
  expect(await made).toBe('made')
  const refused = outcome(writing(3_000))
  await passing(clock, 100)
  expect(await refused).toBe('too_large')
})

test('while the log cannot be read, one that changes nothing is not acknowledged', async () => {
  const { room, hold } = await openWritten()
  await setting(room, 'X')
  hold('heads', new Error('connection lost'))
  expect(await outcome(setting(room, 'X'))).toBe('overload')
})
