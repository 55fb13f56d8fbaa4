/** Edits by people whose rights depend on what the record itself says, through real rooms. */
import type { SyncError } from '@rapport/shared/errors.ts'
import { contact } from '@rapport/shared/records/contact.ts'
import { expect, test } from 'vitest'
import type { Policy } from '../../../server/access/policy.ts'
import type { Principal } from '../../../server/auth/principal.ts'
import type { Room } from '../../../server/document/handle.ts'
import { deletion, makeEdit, patching } from '../../../server/inbound/record-edits.ts'
import { edit, fieldOf, openRoom } from './opened.ts'
import { passing, principalOf } from './stage.ts'

const always = (): boolean => true
const ada = principalOf('ada')

/** Reps write their own contacts, and see no others. */
const byOwner: Policy = {
  grants: {
    rep: { '*': { owner: { record: 'write' }, anyone: { record: 'none' } } },
    crm: { '*': { anyone: { record: 'write' } } },
  },
}

/** `made`, or the code of the refusal. */
function patched(room: Room, by: Principal, content: Readonly<Record<string, unknown>>, policy?: Policy): Promise<string> {
  return outcome(makeEdit(room, by, patching(by, contact, content, always, policy), 0))
}

function outcome(made: Promise<void>): Promise<string> {
  return made.then(
    () => 'made',
    (error: SyncError) => error.code,
  )
}

test('P11: a record that may not be opened is not there for an edit, whatever else may be written', async () => {
  const opened = await openRoom({ policy: byOwner })
  const { room, key } = opened
  await edit(opened, key, 'owner', 'grace')
  expect(await patched(room, ada, { summary: 'x' }, byOwner)).toBe('not_found')
  expect(await outcome(makeEdit(room, ada, deletion(ada, contact, 5, always, byOwner), 0))).toBe('not_found')
  await edit(opened, key, 'owner', 'ada')
  expect(await patched(room, ada, { fields: { title: 'Dr', owner: 'grace' } }, byOwner)).toBe('made')
  expect(await patched(room, ada, { fields: { title: 'Prof' } }, byOwner)).toBe('not_found')
  expect(await fieldOf(opened, key, 'title')).toBe('Dr')
})

test('a right that another instance has given is found by a look at the log', async () => {
  const opened = await openRoom({ policy: byOwner })
  const { room, key, another, clock } = opened
  await edit(opened, key, 'owner', 'grace')
  await edit(another(), key, 'owner', 'ada')
  const made = patched(room, ada, { fields: { title: 'Dr' } }, byOwner)
  await passing(clock, 10)
  expect(await made).toBe('made')
})

test('a field that another instance has set as the patch has it does not refuse the patch', async () => {
  const opened = await openRoom()
  const { room, key, another, clock } = opened
  await edit(opened, key, 'owner', 'grace')
  await edit(another(), key, 'owner', 'linus')
  const made = patched(room, ada, { fields: { title: 'Dr', owner: 'linus' } })
  await passing(clock, 10)
  expect(await made).toBe('made')
  expect(await patched(room, ada, { fields: { owner: 'grace' } })).toBe('forbidden')
  expect([await fieldOf(opened, key, 'title'), await fieldOf(opened, key, 'owner')]).toEqual(['Dr', 'linus'])
})
