import type { SyncError } from '@rapport/shared/errors.ts'
import { account } from '@rapport/shared/records/account.ts'
import { contact } from '@rapport/shared/records/contact.ts'
import { readMeta } from '@rapport/shared/schema/layout.ts'
import { readContent } from '@rapport/shared/schema/read-content.ts'
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { creation, deletion, patching, type RecordEdit, restoration } from '../../../server/inbound/record-edits.ts'
import { principalOf } from '../document/stage.ts'

const rep = principalOf('ada')
const always = (): boolean => true
const at = (wanted: number) => (sequence: number | undefined) => sequence === wanted

/** A record that is edited as its room would: `made`, `nothing` if the edit changed nothing, or the refusal's code. */
function createRecord() {
  const document = new Y.Doc()
  let sequence = 0
  return {
    document,
    make({ precondition, change }: RecordEdit): string {
      const error: SyncError | undefined = precondition({ sequence, document })
      if (error !== undefined) return error.code
      const before = Y.encodeStateAsUpdate(document)
      document.transact(() => change(document))
      if (Buffer.from(before).equals(Y.encodeStateAsUpdate(document))) return 'nothing'
      sequence += 1
      return 'made'
    },
    deletedAt: () => readMeta(document).deletedAt,
  }
}

describe('creation', () => {
  test('stores something even of empty content, once', () => {
    const record = createRecord()
    expect([record.make(creation(rep, contact, {})), record.make(creation(rep, contact, {}))]).toEqual(['made', 'exists'])
    expect(record.deletedAt()).toBe(null)
  })

  test('takes no id of a deleted record', () => {
    const record = createRecord()
    record.make(creation(rep, contact, {}))
    record.make(deletion(rep, contact, 5, always))
    expect(record.make(creation(rep, contact, {}))).toBe('exists')
  })

  test('refuses content that does not fit at once, with every place', () => {
    const issues = [
      { path: ['fields', 'stage'], code: 'enum' },
      { path: ['fields', 'name'], code: 'kind' },
    ]
    expect(() => creation(rep, account, { fields: { stage: 'x' } })).toThrow(expect.objectContaining({ code: 'invalid', issues }))
  })
})

describe('of a record that is not there', () => {
  test.each([
    ['a patch', patching(rep, contact, {}, always)],
    ['an invalid patch', patching(rep, contact, { nope: 1 }, at(7))],
    ['a deletion', deletion(rep, contact, 5, at(7))],
    ['a restoration', restoration(rep, contact, always)],
  ])('%s finds nothing, whatever else is wrong with it', (_what, edit) => {
    expect(createRecord().make(edit)).toBe('not_found')
  })
})

describe('a patch', () => {
  test('is refused as a whole if anything of it is', () => {
    const record = createRecord()
    record.make(creation(rep, contact, {}))
    const patch = { fields: { firstName: 'Ada', stage: 'x' }, emails: { e1: { address: 'a@example.com' } } }
    expect(record.make(patching(rep, contact, patch, always))).toBe('invalid')
    expect(readContent(contact, record.document)).toMatchObject({ fields: {}, emails: {} })
  })

  test('is refused first for a deleted record, then for its condition, then for its content (RFC 9110, 13.2.1)', () => {
    const record = createRecord()
    record.make(creation(rep, contact, {}))
    expect(record.make(patching(rep, contact, { nope: 1 }, at(7)))).toBe('stale')
    expect(record.make(patching(rep, contact, { nope: 1 }, at(1)))).toBe('invalid')
    record.make(deletion(rep, contact, 5, always))
    expect(record.make(patching(rep, contact, { nope: 1 }, at(7)))).toBe('gone')
  })
})

describe('deletion and restoration', () => {
  test('a deletion keeps its first time, and is done for whoever repeats it with the old condition', () => {
    const record = createRecord()
    record.make(creation(rep, contact, {}))
    expect([record.make(deletion(rep, contact, 5, at(9))), record.deletedAt()]).toEqual(['stale', null])
    expect([record.make(deletion(rep, contact, 5, at(1))), record.deletedAt()]).toEqual(['made', 5])
    expect([record.make(deletion(rep, contact, 8, at(1))), record.deletedAt()]).toEqual(['nothing', 5])
  })

  test('a restoration lifts it under its condition, and changes nothing where there is none', () => {
    const record = createRecord()
    record.make(creation(rep, contact, { fields: { firstName: 'Ada' } }))
    expect(record.make(restoration(rep, contact, always))).toBe('nothing')
    record.make(deletion(rep, contact, 5, always))
    expect([record.make(restoration(rep, contact, at(1))), record.deletedAt()]).toEqual(['stale', 5])
    expect([record.make(restoration(rep, contact, at(2))), record.deletedAt()]).toEqual(['made', null])
    expect(readContent(contact, record.document).fields).toEqual({ firstName: 'Ada' })
  })
})
