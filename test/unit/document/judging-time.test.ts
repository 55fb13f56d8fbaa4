/** A burst of edits at one record: however long they take to judge, the process goes on in between. */
import { expect, test } from 'vitest'
import { crm, openWritten } from './opened.ts'
import { passing, settled, storedDocument } from './stage.ts'

/** Milliseconds that each edit takes. */
const EACH = 8

async function openSlow() {
  const opened = await openWritten()
  const add = (name: string): Promise<void> =>
    opened.room.edit(crm, (document) => {
      opened.clock.pass(EACH)
      document.getText('summary').insert(document.getText('summary').length, name)
    })
  return { ...opened, add }
}

test('P10: judging stops after 20 ms, and the rest waits for the next entry, in order', async () => {
  const { room, ada, add } = await openSlow()
  await Promise.all([...'abcdefgh'].map(add))
  // Three edits take 24 ms; the entry before them was there.
  expect(ada.entries).toHaveLength(1 + 3)
  expect(await room.view(({ document }) => document.getText('summary').toString())).toBe('abcdefgh')
})

test('P10: what is left over stays behind what was outrun by another instance, and every edit is made once', async () => {
  const { room, key, another, clock, memory, add } = await openSlow()
  const other = await another().registry.acquire(key)
  await other.edit(crm, (document) => document.getMap('fields').set('title', 'there'))
  const made = Promise.all([...'abcdefgh'].map(add))
  await settled()
  await passing(clock, 200)
  await made
  const stored = await storedDocument(memory, key)
  expect([stored.getText('summary').toString(), stored.getMap('fields').get('title')]).toEqual(['abcdefgh', 'there'])
  expect(await room.view(({ document }) => document.getText('summary').toString())).toBe('abcdefgh')
})

test('P10: what comes behind a slow edit that changes nothing has its turn, too', async () => {
  const { ada, add, room, clock } = await openSlow()
  const idle = (): Promise<void> => room.edit(crm, () => clock.pass(EACH))
  await Promise.all([idle(), idle(), idle(), add('a'), idle(), idle(), add('b')])
  expect(ada.document.getText('summary').toString()).toBe('ab')
})

test('P10: one that throws when a batch was cut short takes none of the rest with it', async () => {
  const { room, add } = await openSlow()
  const failing = room.edit(crm, () => {
    throw new Error('no')
  })
  const edits = [add('a'), add('b'), failing, add('c'), add('d'), add('e')]
  const outcomes = await Promise.allSettled(edits)
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', ...Array(3).fill('fulfilled')])
  expect(await room.view(({ document }) => document.getText('summary').toString())).toBe('abcde')
})

test('P10: edits count with the requests that they came with: one entry takes no more than 1 MiB of them', async () => {
  const { room, ada } = await openWritten()
  const large = (name: string) =>
    room.edit(crm, (document) => document.getMap('fields').set(name, 1), undefined, { bytes: 400_000, frees: false })
  await Promise.all(['a', 'b', 'c', 'd', 'e'].map(large))
  expect(ada.entries).toHaveLength(1 + 3)
})
