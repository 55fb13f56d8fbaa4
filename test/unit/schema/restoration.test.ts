/** A record put back as it was: exactly that content, and nothing written that read so already. */
import { requireType } from '@rapport/shared/records/record-types.ts'
import { editorOf } from '@rapport/shared/schema/edit.ts'
import { entryKey, materialise } from '@rapport/shared/schema/layout.ts'
import type { Place } from '@rapport/shared/schema/places.ts'
import { readContent } from '@rapport/shared/schema/read-content.ts'
import type { RecordType } from '@rapport/shared/schema/record-type.ts'
import { differencesFrom, overfilled } from '@rapport/shared/schema/restoration.ts'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import * as Y from 'yjs'

const contact = requireType('contact')
const account = requireType('account')

function kept(document: Y.Doc): Y.Doc {
  const copy = new Y.Doc()
  Y.applyUpdate(copy, Y.encodeStateAsUpdate(document))
  return copy
}

function restore(document: Y.Doc, then: Y.Doc, place?: Place, type: RecordType = contact): readonly Place[] {
  const differences = differencesFrom(type, document, then, place)
  document.transact(() => {
    for (const { write } of differences) write()
  })
  return differences.map(({ path }) => path)
}

const change = fc.record({
  what: fc.constantFrom(
    'field',
    'custom',
    'text',
    'notes',
    'tag',
    'untag',
    'entry',
    'column',
    'order',
    'delete',
    'undelete',
    'erase',
  ),
  which: fc.nat(2),
  value: fc.option(fc.constantFrom('a', 'b b', 'c@example.com', ''), { nil: null }),
})

function make(document: Y.Doc, { what, which, value }: { what: string; which: number; value: string | null }): void {
  const editor = editorOf<RecordType>(contact, document)
  const emails = document.getMap('emails')
  const id = `e${which}`
  if (what === 'field') editor.set(['title', 'department', 'firstName'][which] ?? 'title', value)
  else if (what === 'custom') editor.setCustom(`x_${which}`, value)
  else if (what === 'text') editor.rewrite('summary', `${document.getText('summary').toString().slice(which)} ${value ?? ''}`)
  else if (what === 'notes') document.getXmlFragment('notes').insert(0, [new Y.XmlText(value ?? 'n')])
  else if (what === 'tag') editor.add('tags', `t${which}`)
  else if (what === 'untag') editor.remove('tags', `t${which}`)
  else if (what === 'entry') editor.addEntry('emails', { label: value }, { id })
  else if (what === 'column') emails.set(entryKey(id, 'label'), value)
  else if (what === 'order') editor.moveEntry('emails', id, value === null ? null : `e${(which + 1) % 3}`)
  else if (what === 'delete') editor.deleteEntry('emails', id)
  else if (what === 'undelete') editor.restoreEntry('emails', id)
  // As a client other than ours would.
  else for (const column of ['label', 'order', 'deleted']) emails.delete(entryKey(id, column))
}

const changes = fc.array(change, { maxLength: 30 })

test('the whole record reads exactly as it did, and then nothing differs', () => {
  let differing = 0
  fc.assert(
    fc.property(changes, changes, (before, after) => {
      const document = new Y.Doc()
      materialise(contact, document)
      for (const each of before) make(document, each)
      const then = kept(document)
      const read = readContent(contact, then)
      for (const each of after) make(document, each)
      if (restore(document, then).length > 0) differing += 1
      expect(readContent(contact, document)).toEqual(read)
      expect(JSON.stringify(readContent(contact, document))).toBe(JSON.stringify(read))
      expect(differencesFrom(contact, document, then)).toEqual([])
    }),
    { numRuns: 500 },
  )
  expect(differing).toBeGreaterThan(300)
})

const places: readonly Place[] = [
  ['fields'],
  ['fields', 'title'],
  ['fields', 'x_1'],
  ['summary'],
  ['notes'],
  ['tags'],
  ['tags', 't1'],
  ['emails'],
  ['emails', 'e1'],
]

test('a place reads as it did, and nothing else changes', () => {
  fc.assert(
    fc.property(changes, changes, fc.constantFrom(...places), (before, after, place) => {
      const document = new Y.Doc()
      materialise(contact, document)
      for (const each of before) make(document, each)
      const then = kept(document)
      for (const each of after) make(document, each)
      const expected = structuredClone(readContent(contact, document)) as Record<string, Record<string, unknown>>
      const past = readContent(contact, then) as Record<string, Record<string, unknown>>
      const [root = '', name] = place
      if (name === undefined) expected[root] = past[root] ?? {}
      else if (past[root]?.[name] === undefined) delete expected[root]?.[name]
      else Object.assign(expected[root] ?? {}, { [name]: past[root][name] })
      restore(document, then, place)
      expect(readContent(contact, document)).toEqual(expected)
    }),
    { numRuns: 500 },
  )
})

function contactWith(emails: number): Y.Doc {
  const document = new Y.Doc()
  const editor = editorOf<RecordType>(contact, document)
  editor.set('title', 'Buyer')
  for (let count = 0; count < emails; count += 1) editor.addEntry('emails', { label: 'x' }, { id: `e${count}` })
  return document
}

test('one column of an entry comes back alone', () => {
  const document = contactWith(1)
  const then = kept(document)
  document.getMap('emails').set('e0/label', 'y')
  document.getMap('emails').set('e0/primary', true)
  expect(restore(document, then, ['emails', 'e0', 'label'])).toEqual([['emails', 'e0', 'label']])
  expect(document.getMap('emails').toJSON()).toMatchObject({ 'e0/label': 'x', 'e0/primary': true })
})

test('an entry deleted since comes back with what was in it, one added since is marked and keeps its columns', () => {
  const document = contactWith(1)
  const editor = editorOf<RecordType>(contact, document)
  const then = kept(document)
  editor.deleteEntry('emails', 'e0')
  editor.addEntry('emails', { label: 'new' }, { id: 'e1' })
  expect(restore(document, then)).toEqual([
    ['emails', 'e1'],
    ['emails', 'e0'],
  ])
  expect(readContent(contact, document)).toEqual(readContent(contact, then))
  expect(document.getMap('emails').toJSON()).toMatchObject({ 'e1/label': 'new', 'e1/deleted': true })
})

test('what would not be valid now is named: an empty required field, more than a collection takes', () => {
  const named = new Y.Doc()
  const then = kept(named)
  editorOf<RecordType>(account, named).set('name', 'Ferro')
  expect(differencesFrom(account, named, then).map(({ path, code }) => ({ path, code }))).toEqual([
    { path: ['fields', 'name'], code: 'kind' },
  ])

  const root = contact.roots.emails
  if (root?.kind !== 'collection') throw new Error('emails are no collection')
  const full = contactWith(1)
  const past = kept(full)
  const editor = editorOf<RecordType>(contact, full)
  editor.deleteEntry('emails', 'e0')
  full.transact(() => {
    for (let count = 1; count <= root.maxEntries; count += 1) full.getMap('emails').set(`e${count}/label`, 'x')
  })
  const one = differencesFrom(contact, full, past, ['emails', 'e0'])
  expect(overfilled(contact, full, one)).toEqual([['emails']])
  expect(overfilled(contact, full, differencesFrom(contact, full, past))).toEqual([])
})

test('meta is not content', () => {
  const document = contactWith(0)
  const then = kept(document)
  document.getMap('meta').set('deletedAt', '2026-01-01T00:00:00.000Z')
  expect(differencesFrom(contact, document, then)).toEqual([])
})
