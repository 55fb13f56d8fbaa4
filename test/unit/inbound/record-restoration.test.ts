import { SyncError } from '@rapport/shared/errors.ts'
import { account } from '@rapport/shared/records/account.ts'
import { contact } from '@rapport/shared/records/contact.ts'
import { writeMeta } from '@rapport/shared/schema/layout.ts'
import type { Place } from '@rapport/shared/schema/places.ts'
import { readContent } from '@rapport/shared/schema/read-content.ts'
import type { RecordType } from '@rapport/shared/schema/record-type.ts'
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import type { RecordEdit } from '../../../server/inbound/record-edits.ts'
import { puttingBack, returning } from '../../../server/inbound/record-restoration.ts'
import { principalOf } from '../document/stage.ts'

const rep = principalOf('ada')
const manager = principalOf('mia', 'manager')
const always = (): boolean => true

/** The document with the fields, before and behind a later edit. */
function twoStates(before: Record<string, unknown>, after: Record<string, unknown>) {
  const document = new Y.Doc()
  const write = (fields: Record<string, unknown>): void => {
    for (const [name, value] of Object.entries(fields)) document.getMap('fields').set(name, value)
  }
  write(before)
  const then = new Y.Doc()
  Y.applyUpdate(then, Y.encodeStateAsUpdate(document))
  write(after)
  return { document, then }
}

/** As its room would make it. */
function make({ precondition, change }: RecordEdit, document: Y.Doc, sequence = 5): SyncError | 'made' {
  const error = precondition({ sequence, document })
  if (error !== undefined) return error
  document.transact(() => change(document))
  return 'made'
}

const back = (then: Y.Doc | undefined, place: Place = [], by = rep, type: RecordType = contact, condition = always as never) =>
  returning(by, type, { past: () => then, place }, condition)

describe('a record as it was', () => {
  test('reads so again', () => {
    const { document, then } = twoStates({ title: 'Buyer', x_size: 3 }, { title: 'Boss', department: 'Sales', x_size: null })
    expect(make(back(then), document)).toBe('made')
    expect(readContent(contact, document)).toEqual(readContent(contact, then))
  })

  test('in one place, which leaves the others alone', () => {
    const { document, then } = twoStates({ title: 'Buyer' }, { title: 'Boss', department: 'Sales' })
    expect(make(back(then, ['fields', 'title']), document)).toBe('made')
    expect(readContent(contact, document).fields).toEqual({ title: 'Buyer', department: 'Sales' })
  })

  test('P4: is refused as a whole to whoever may not write all that differs, and named by place', () => {
    const { document, then } = twoStates({ title: 'Buyer', owner: 'ada' }, { title: 'Boss', owner: 'bob', creditLimit: '9.00' })
    expect(make(back(then), document)).toMatchObject({
      code: 'forbidden',
      issues: [
        { path: ['fields', 'creditLimit'], code: 'forbidden' },
        { path: ['fields', 'owner'], code: 'forbidden' },
      ],
    })
    expect(document.getMap('fields').get('title')).toBe('Boss')
    expect(make(back(then, ['fields', 'title']), document)).toBe('made')
    expect(make(back(then, [], manager), document)).toBe('made')
    expect(readContent(contact, document).fields).toEqual({ title: 'Buyer', owner: 'ada' })
  })

  test('is refused where it would not be valid now', () => {
    const { document, then } = twoStates({}, { name: 'Ferro' })
    expect(make(back(then, [], rep, account), document)).toMatchObject({
      code: 'invalid',
      issues: [{ path: ['fields', 'name'], code: 'kind' }],
    })
  })

  test('of a record that is not there, deleted, or in another state: nothing is made', () => {
    const { document, then } = twoStates({ title: 'Buyer' }, { title: 'Boss' })
    expect(make(back(then), document, 0)).toMatchObject({ code: 'not_found' })
    expect(make(back(then, [], rep, contact, (() => false) as never), document)).toMatchObject({ code: 'stale' })
    expect(make(back(undefined), document)).toMatchObject({ code: 'overload' })
    writeMeta(document, { deletedAt: 5 })
    expect(make(back(then), document)).toMatchObject({ code: 'gone' })
    expect(document.getMap('fields').get('title')).toBe('Boss')
  })

  test('is not made any more once nobody waits for it, also where it was let in before', () => {
    const { document } = twoStates({ title: 'Buyer' }, { title: 'Boss' })
    expect(() => back(undefined).change(document)).toThrow(SyncError)
  })
})

describe('P5: a value that a conflict replaced', () => {
  const item = { client: 5, clock: 0 }
  const replaced = (value: string | null, path: Place = ['fields', 'title']) => {
    return { id: 'c1', path, replaced: { item, value, author: { sub: 'ann', role: 'rep' } } }
  }

  test('is put back, and settles the conflict', () => {
    const { document } = twoStates({ title: 'Buyer' }, {})
    const edit = puttingBack(rep, contact, replaced('Boss'))
    expect(edit.settles).toEqual({ id: 'c1', status: 'restored', replaced: item })
    expect(make(edit, document)).toBe('made')
    expect(document.getMap('fields').get('title')).toBe('Boss')
    expect(make(puttingBack(rep, contact, replaced(null)), document)).toBe('made')
    expect(document.getMap('fields').get('title')).toBe(null)
  })

  test('is put back into an entry, and written even where it shows', () => {
    const document = new Y.Doc()
    document.getMap('emails').set('e1/label', 'home')
    let updates = 0
    document.on('update', () => {
      updates += 1
    })
    expect(make(puttingBack(rep, contact, replaced('home', ['emails', 'e1', 'label'])), document)).toBe('made')
    expect(updates).toBe(1)
  })

  test('is refused to whoever may not write there, or where it would not be valid now', () => {
    const { document } = twoStates({ title: 'Buyer' }, {})
    const path = ['fields', 'creditLimit']
    expect(make(puttingBack(rep, contact, replaced('9.00', path)), document)).toMatchObject({
      code: 'forbidden',
      issues: [{ path, code: 'forbidden' }],
    })
    expect(make(puttingBack(manager, contact, replaced('much', path)), document)).toMatchObject({
      code: 'invalid',
      issues: [{ path, code: 'shape' }],
    })
    expect(make(puttingBack(rep, contact, replaced('Boss')), document, 0)).toMatchObject({ code: 'not_found' })
    writeMeta(document, { deletedAt: 5 })
    expect(make(puttingBack(rep, contact, replaced('Boss')), document)).toMatchObject({ code: 'gone' })
  })

  test('of a whole text there is none', () => {
    expect(() => puttingBack(rep, contact, replaced('x', ['summary']))).toThrow(SyncError)
  })
})
