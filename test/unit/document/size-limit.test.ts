/** P10: a record has a size limit; and a full one can be emptied, and deleted. */
import type { SyncError } from '@rapport/shared/errors.ts'
import { contact } from '@rapport/shared/records/contact.ts'
import { readMeta } from '@rapport/shared/schema/layout.ts'
import { expect, test } from 'vitest'
import * as Y from 'yjs'
import type { Room } from '../../../server/document/handle.ts'
import { deletion, makeEdit, patching, type RecordEdit, restoration } from '../../../server/inbound/record-edits.ts'
import { crm, openRoom } from './opened.ts'

const LIMIT = 20_000

const always = (): boolean => true
const patch = (content: Readonly<Record<string, unknown>>) => patching(crm, contact, content, always)

async function make(room: Room, edit: RecordEdit): Promise<string> {
  try {
    await makeEdit(room, crm, edit, 0)
    return 'made'
  } catch (error) {
    return (error as SyncError).code
  }
}

/** Full to the last byte or so, with 20 entries in it. */
async function openFull() {
  const opened = await openRoom({ maxRecordBytes: LIMIT })
  await opened.room.edit(crm, (document) => document.getMap('fields').set('x_0', ''))
  const emails = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`e${index}`, { address: `${index}@example.com` }]))
  await make(opened.room, patch({ emails }))
  let field = 1
  for (let length = 4_000; length >= 1; ) {
    const made = await make(opened.room, patch({ fields: { [`x_${field}`]: 'y'.repeat(length) } }))
    if (made === 'made') field += 1
    else length = Math.floor(length / 2)
  }
  return opened
}

const sizeOf = (room: Room) => room.view(({ document }) => Y.encodeStateAsUpdate(document).length)

test('a full record can be deleted, restored and deleted again', async () => {
  const { room } = await openFull()
  for (let round = 1; round <= 200; round += 1) {
    expect([
      await make(room, deletion(crm, contact, round, always)),
      await make(room, restoration(crm, contact, always)),
    ]).toEqual(['made', 'made'])
  }
  expect(await make(room, deletion(crm, contact, 5, always))).toBe('made')
  expect(await room.view(({ document }) => readMeta(document).deletedAt)).toBe(5)
})

test('in a full record entries can be removed, which marks them, and fields cleared; then there is room again', async () => {
  const { room } = await openFull()
  const emails = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`e${index}`, null]))
  expect(await make(room, patch({ emails }))).toBe('made')
  expect(await sizeOf(room)).toBeGreaterThan(LIMIT)
  // The reserve is for nothing else.
  expect(await make(room, patch({ fields: { title: 'Dr' } }))).toBe('too_large')
  expect(await make(room, patch({ emails: { e99: {} } }))).toBe('too_large')
  expect(await make(room, patch({ emails: { e99: { label: null } } }))).toBe('too_large')
  expect(await make(room, patch({ fields: { x_1: null } }))).toBe('made')
  expect(await make(room, patch({ fields: { title: 'Dr' } }))).toBe('made')
})

test('in a record over its limit whatever makes it smaller is made, and nothing that makes it larger', async () => {
  const { room } = await openFull()
  await make(room, patch({ emails: Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`e${index}`, null])) }))
  const before = await sizeOf(room)
  expect(before).toBeGreaterThan(LIMIT)
  // By more than it takes to note that there was another value.
  const shorter = { fields: { x_1: 'y'.repeat(3_900) } }
  expect(await make(room, patch(shorter))).toBe('made')
  expect(await sizeOf(room)).toBeLessThan(before)
  expect(await make(room, patch({ fields: { x_1: 'y'.repeat(4_000) } }))).toBe('too_large')
})

test('what only takes away has an end as well: the reserve is not for growing on', async () => {
  const { room } = await openFull()
  const growing: RecordEdit = {
    precondition: () => undefined,
    change: (document) => document.getText('summary').insert(0, 'z'.repeat(1_000)),
    frees: true,
  }
  const outcomes: string[] = []
  for (let round = 0; round < 10; round += 1) outcomes.push(await make(room, growing))
  expect(outcomes.at(-1)).toBe('too_large')
  expect(await sizeOf(room)).toBeLessThan(LIMIT + LIMIT / 16 + 5_000)
})
