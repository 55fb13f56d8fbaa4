import type { Issue, SyncError } from '@rapport/shared/errors.ts'
import { account } from '@rapport/shared/records/account.ts'
import { contact } from '@rapport/shared/records/contact.ts'
import { readMeta } from '@rapport/shared/schema/layout.ts'
import { readContent } from '@rapport/shared/schema/read-content.ts'
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import type { Policy } from '../../../server/access/policy.ts'
import type { Principal } from '../../../server/auth/principal.ts'
import { creation, deletion, patching, type RecordEdit, restoration } from '../../../server/inbound/record-edits.ts'
import { principalOf } from '../document/stage.ts'

const always = (): boolean => true
const rep = principalOf('ada')
const crm = principalOf('crm', 'crm')

/** `made`, `nothing` if the edit changed nothing, or the refusal's code with its issues. */
function outcome(document: Y.Doc, { precondition, change }: RecordEdit): string | readonly [string, readonly string[]] {
  const error = precondition({ sequence: document.getMap('meta').size === 0 ? 0 : 1, document })
  if (error !== undefined) return described(error)
  const before = Y.encodeStateAsUpdate(document)
  document.transact(() => change(document))
  return Buffer.from(before).equals(Y.encodeStateAsUpdate(document)) ? 'nothing' : 'made'
}

function described({ code, issues }: SyncError): string | readonly [string, readonly string[]] {
  const places = issues.map(({ path, code: why }: Issue) => `${path.join('/')} ${why}`)
  return places.length === 0 ? code : [code, places]
}

function thrownBy(make: () => RecordEdit): string | readonly [string, readonly string[]] {
  try {
    make()
  } catch (error) {
    return described(error as SyncError)
  }
  return 'none'
}

function recordOf(content: Readonly<Record<string, unknown>>): Y.Doc {
  const document = new Y.Doc()
  expect(outcome(document, creation(crm, contact, content))).toBe('made')
  return document
}

describe('a patch by a rep', () => {
  const patch = (content: Readonly<Record<string, unknown>>, by: Principal = rep) => patching(by, contact, content, always)

  test('is refused as a whole for one field that a rep may not write, and nothing of it is kept', () => {
    const document = recordOf({ fields: { owner: 'grace', title: 'Dr' } })
    const before = readContent(contact, document)
    expect(outcome(document, patch({ fields: { owner: 'ada', title: 'Prof' }, summary: 'x' }))).toEqual([
      'forbidden',
      ['fields/owner forbidden'],
    ])
    expect(outcome(document, patch({ fields: { owner: null, creditLimit: '5.00' } }))).toEqual([
      'forbidden',
      ['fields/owner forbidden', 'fields/creditLimit forbidden'],
    ])
    expect(readContent(contact, document)).toEqual(before)
    expect(outcome(document, patch({ fields: { owner: 'ada', title: 'Prof' } }, crm))).toBe('made')
  })

  test("may send back what it shows, and no field that is not the rep's is written again", () => {
    const document = recordOf({ fields: { owner: 'grace', creditLimit: '10.00', title: 'Dr' }, tags: { vip: true } })
    const read = readContent(contact, document)
    const items = (): number => [...document.store.clients.values()].flat().length
    const held = document.getMap('fields')._map.get('owner')
    expect(outcome(document, patch({ ...read, fields: { ...read.fields, title: 'Prof' } }))).toBe('made')
    expect(document.getMap('fields')._map.get('owner')).toBe(held)
    expect(readContent(contact, document)).toEqual({ ...read, fields: { ...read.fields, title: 'Prof' } })
    const count = items()
    expect(outcome(document, patch({ fields: { owner: 'grace', creditLimit: '10.00' } }))).toBe('nothing')
    expect(items()).toBe(count)
  })

  test("may clear a field that is not the rep's where it is empty", () => {
    expect(outcome(recordOf({}), patch({ fields: { owner: null, title: 'Dr' } }))).toBe('made')
  })

  test('is invalid, with every place, if anything else of it does not fit', () => {
    expect(outcome(recordOf({}), patch({ fields: { owner: 'ada', stage: 'won' }, meta: { createdBy: 'ada' } }))).toEqual([
      'invalid',
      ['fields/stage enum', 'meta forbidden', 'fields/owner forbidden'],
    ])
    expect(outcome(recordOf({}), patch({ meta: { createdBy: 'ada' } }))).toEqual(['invalid', ['meta forbidden']])
    expect(outcome(recordOf({}), patch({ notes: '<p>x</p>' }))).toEqual(['invalid', ['notes forbidden']])
  })

  test('says of a place that is forbidden nothing about its value', () => {
    expect(outcome(recordOf({}), patch({ fields: { creditLimit: 'much' } }))).toEqual([
      'forbidden',
      ['fields/creditLimit forbidden'],
    ])
  })

  test('is judged by what the record shows when it is made, not when it was sent', () => {
    const document = recordOf({ fields: { owner: 'grace' } })
    const edit = patch({ fields: { owner: 'grace' } })
    document.getMap('fields').set('owner', 'linus')
    expect(outcome(document, edit)).toEqual(['forbidden', ['fields/owner forbidden']])
  })
})

describe('a new record', () => {
  test('is made by a rep without an owner or a credit limit, and by others with them', () => {
    const content = { fields: { owner: 'ada', creditLimit: '1.00', title: 'Dr' } }
    expect(thrownBy(() => creation(rep, contact, content))).toEqual([
      'forbidden',
      ['fields/owner forbidden', 'fields/creditLimit forbidden'],
    ])
    expect(thrownBy(() => creation(rep, account, { fields: { owner: 'ada' } }))).toEqual([
      'invalid',
      ['fields/name kind', 'fields/owner forbidden'],
    ])
    expect(outcome(new Y.Doc(), creation(rep, contact, { fields: { owner: null, title: 'Dr' } }))).toBe('made')
    expect(readContent(contact, recordOf(content)).fields).toEqual(content.fields)
  })

  test('is not made by somebody who may only read such records', () => {
    expect(thrownBy(() => creation(principalOf('eve', 'viewer'), contact, {}))).toBe('forbidden')
  })
})

describe('under a policy by owner', () => {
  /** Reps write their own contacts but for tags, read those of their team, and see no others. */
  const policy: Policy = {
    grants: {
      rep: {
        '*': {
          owner: { record: 'write', except: { tags: 'read' } },
          team: { record: 'read' },
          anyone: { record: 'none' },
        },
      },
      crm: { '*': { anyone: { record: 'write' } } },
    },
  }
  const ada = { ...rep, teams: ['north'] }
  const patch = (content: Readonly<Record<string, unknown>>) => patching(ada, contact, content, always, policy)
  const owned = (owner: string): Y.Doc => recordOf({ fields: { owner, title: 'Dr' }, tags: { vip: true } })

  test('P11: a record that may not be opened is not there, for every edit', () => {
    for (const document of [owned('grace'), recordOf({})]) {
      const edits = [
        patch({}),
        patch({ nope: 1 }),
        deletion(ada, contact, 5, always, policy),
        restoration(ada, contact, always, policy),
      ]
      expect(edits.map((edit) => outcome(document, edit))).toEqual(['not_found', 'not_found', 'not_found', 'not_found'])
    }
  })

  test('a record that may only be read is neither changed nor deleted nor restored', () => {
    const document = owned('north')
    expect(outcome(document, patch({ fields: { title: 'Prof' } }))).toEqual(['forbidden', ['fields/title forbidden']])
    expect(outcome(document, patch({ fields: { title: 'Dr' }, tags: { vip: true } }))).toBe('nothing')
    expect(outcome(document, deletion(ada, contact, 5, always, policy))).toBe('forbidden')
    expect(outcome(document, deletion(crm, contact, 5, always, policy))).toBe('made')
    expect(outcome(document, restoration(ada, contact, always, policy))).toBe('forbidden')
    expect(readMeta(document).deletedAt).toBe(5)
  })

  test('whoever owns it changes, deletes and restores it', () => {
    const document = owned('ada')
    expect(outcome(document, patch({ fields: { title: 'Prof' } }))).toBe('made')
    expect(outcome(document, deletion(ada, contact, 5, always, policy))).toBe('made')
    expect(outcome(document, restoration(ada, contact, always, policy))).toBe('made')
  })

  test('members that are there already are not added anew by somebody who may not', () => {
    const document = owned('ada')
    const held = document.getMap('tags')._map.get('vip')
    expect(outcome(document, patch({ tags: { vip: true }, summary: 'x' }))).toBe('made')
    expect(document.getMap('tags')._map.get('vip')).toBe(held)
    expect(outcome(document, patch({ tags: { vip: null } }))).toEqual(['forbidden', ['tags forbidden']])
  })

  test('a patch that gives the record away is made by the rights of before', () => {
    const document = owned('ada')
    expect(outcome(document, patch({ fields: { owner: 'grace', title: 'Prof' }, summary: 'yours' }))).toBe('made')
    expect(readContent(contact, document)).toMatchObject({ fields: { owner: 'grace', title: 'Prof' }, summary: 'yours' })
    expect(outcome(document, patch({}))).toBe('not_found')
  })

  test("a new record is nobody's, so only those make one who may write any", () => {
    expect(thrownBy(() => creation(ada, contact, {}, policy))).toBe('forbidden')
    expect(outcome(new Y.Doc(), creation(crm, contact, {}, policy))).toBe('made')
  })
})
