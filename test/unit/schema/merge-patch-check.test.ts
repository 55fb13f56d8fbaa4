import { account } from '@rapport/shared/records/account.ts'
import { contact } from '@rapport/shared/records/contact.ts'
import { opportunity } from '@rapport/shared/records/opportunity.ts'
import { writeContent } from '@rapport/shared/schema/edit.ts'
import { applyPatch } from '@rapport/shared/schema/merge-patch.ts'
import { checkDraft, checkPatch } from '@rapport/shared/schema/merge-patch-check.ts'
import { readContent } from '@rapport/shared/schema/read-content.ts'
import { collection, recordType } from '@rapport/shared/schema/record-type.ts'
import { string } from '@rapport/shared/schema/register.ts'
import { validateContent } from '@rapport/shared/schema/validate-content.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'

const empty = new Y.Doc()

/** `path code` for each issue, the path with slashes. */
function issuesIn(patch: unknown, type: Parameters<typeof checkPatch>[0] = contact, document = empty): string[] {
  return checkPatch(type, document, patch).map(({ path, code }) => `${path.join('/')} ${code}`)
}

describe('every place that does not fit is named, with the reason', () => {
  const long = 'x'.repeat(300)
  const cases: readonly (readonly [unknown, readonly string[]])[] = [
    [
      { fields: { firstName: 1, stage: 'none', birthday: '2024-02-30', creditLimit: '1e3', lastName: long } },
      [
        'fields/firstName kind',
        'fields/stage enum',
        'fields/birthday shape',
        'fields/creditLimit shape',
        'fields/lastName length',
      ],
    ],
    [
      { fields: { account: 'no id!', creditLimit: '1'.repeat(16), nope: 1, x_UPPER: 1, x_ok: 'a', x_list: [] } },
      [
        'fields/account reference',
        'fields/creditLimit range',
        'fields/nope unknown_field',
        'fields/x_UPPER unknown_field',
        'fields/x_list kind',
      ],
    ],
    [{ fields: null }, ['fields kind']],
    [{ fields: [] }, ['fields kind']],
    [{ meta: { deletedAt: null } }, ['meta forbidden']],
    [{ notes: '<p>x</p>' }, ['notes forbidden']],
    [{ notes: null }, ['notes forbidden']],
    [{ nope: null, id: 'x' }, ['nope unknown_field', 'id unknown_field']],
    [{ summary: 1 }, ['summary kind']],
    [{ summary: 'a\0' }, ['summary shape']],
    [{ tags: 'vip' }, ['tags kind']],
    [
      { tags: { vip: false, '': true, [long]: true, ok: null, '  ': null } },
      ['tags/vip kind', 'tags/ length', `tags/${long} length`],
    ],
    [{ emails: [] }, ['emails kind']],
    [
      { emails: { e1: 'a@example.com', 'no id': {}, 'no id either': null } },
      ['emails/e1 kind', 'emails/no id shape', 'emails/no id either shape'],
    ],
    [
      { emails: { e1: { address: 'nobody', primary: 'yes', nope: 1, deleted: true, order: null } } },
      [
        'emails/e1/address shape',
        'emails/e1/primary kind',
        'emails/e1/nope unknown_field',
        'emails/e1/deleted unknown_field',
        'emails/e1/order kind',
      ],
    ],
    [{ emails: { e1: { order: 'x'.repeat(257) } } }, ['emails/e1/order length']],
    [[], [' kind']],
    ['text', [' kind']],
    [null, [' kind']],
  ]
  it('in fields, texts, sets, collections, and in what is none of these', () => {
    for (const [patch, issues] of cases) expect([patch, issuesIn(patch)]).toEqual([patch, issues])
  })

  it('names that mean something to JavaScript are names that no type declares', () => {
    const patch = JSON.parse(
      '{"__proto__":{"a":1},"constructor":{},"fields":{"__proto__":1,"toString":1},"tags":{"__proto__":true}}',
    )
    const entries = JSON.parse('{"emails":{"__proto__":{"address":null},"constructor":{"__proto__":1,"hasOwnProperty":2}}}')
    expect(issuesIn({ ...patch, ...entries }).toSorted()).toEqual([
      '__proto__ unknown_field',
      'constructor unknown_field',
      'emails/__proto__ shape',
      'emails/constructor/__proto__ unknown_field',
      'emails/constructor/hasOwnProperty unknown_field',
      'fields/__proto__ unknown_field',
      'fields/toString unknown_field',
      'tags/__proto__ shape',
    ])
  })

  it('P10: of very many, the first hundred', () => {
    const patch = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`n${index}`, 1]))
    expect(issuesIn(patch)).toHaveLength(100)
  })
})

describe('only what is touched is judged', () => {
  it('odd values elsewhere, in the same entry too, do not stand in the way', () => {
    const document = new Y.Doc()
    document.getMap('fields').set('stage', 'none')
    document.getMap('fields').set('unknown', 1)
    document.getMap('emails').set('e1/address', 'nobody')
    document.getMap('emails').set('e1/odd', 1)
    document.getMap('tags').set('', true)
    document.getText('summary').insert(0, 'x'.repeat(100_001))
    expect(
      issuesIn({ fields: { title: 'Dr' }, emails: { e1: { label: 'work' } }, tags: { '': null, vip: true } }, contact, document),
    ).toEqual([])
  })

  it('what reads so already passes, fit or not, and any other value of it does not', () => {
    const document = new Y.Doc()
    document.getMap('fields').set('birthday', 'soon')
    document.getMap('fields').set('x_long', 'x'.repeat(10_000))
    document.getMap('fields').set('unknown', 1)
    document.getMap('emails').set('e1/address', 'nobody')
    document.getMap('emails').set('e1/order', 'x'.repeat(300))
    document.getMap('emails').set('gone/address', 'nobody')
    document.getMap('emails').set('gone/deleted', true)
    document.getMap('tags').set('', true)
    document.getText('summary').insert(0, 'x'.repeat(100_001))
    document.getXmlFragment('notes').insert(0, [new Y.XmlText('typed')])
    const content = readContent(contact, document)
    expect(issuesIn(content, contact, document)).toEqual([])
    const before = Y.encodeStateVector(document)
    const { tags: _tags, ...registers } = content
    applyPatch(contact, document, registers)
    expect(Y.encodeStateVector(document)).toEqual(before)
    const other = {
      fields: { birthday: 'sooner', unknown: 1 },
      summary: 'y'.repeat(100_001),
      notes: 'typed otherwise',
      tags: { ' ': true },
      emails: { e1: { address: 'somebody', order: 'y'.repeat(300), deleted: true }, gone: { address: 'nobody' } },
    }
    expect(issuesIn(other, contact, document)).toEqual([
      'fields/birthday shape',
      'fields/unknown unknown_field',
      'summary length',
      'notes forbidden',
      'tags/  length',
      'emails/e1/address shape',
      'emails/e1/order length',
      'emails/e1/deleted unknown_field',
      'emails/gone/address shape',
    ])
  })

  it('a required field may stay empty where it is, but is not emptied', () => {
    const document = new Y.Doc()
    expect(issuesIn({ fields: { industry: 'Steel' } }, account, document)).toEqual([])
    expect(issuesIn({ fields: { name: null } }, account, document)).toEqual(['fields/name kind'])
    expect(issuesIn({ fields: { name: ' ' } }, account, document)).toEqual(['fields/name length'])
  })

  it('a required column is needed in a new entry, and is not emptied in one that is there', () => {
    const type = recordType({
      name: 'case',
      schemaVersion: 1,
      fields: {},
      roots: {
        steps: collection({ what: string({ maxLength: 9, required: true }), who: string({ maxLength: 9 }) }, { maxEntries: 9 }),
      },
    })
    const document = new Y.Doc()
    writeContent(type, document, { steps: { one: { what: 'call' } } })
    expect(issuesIn({ steps: { one: { who: 'ann' }, two: { who: 'bob' } } }, type, document)).toEqual(['steps/two/what kind'])
    expect(issuesIn({ steps: { one: { what: null }, two: { what: null } } }, type, document)).toEqual([
      'steps/one/what kind',
      'steps/two/what kind',
    ])
  })

  it('the column that repeats an entry’s name is that name or is left out', () => {
    expect(issuesIn({ contacts: { c1: {}, c2: { contact: 'c2' } } }, opportunity)).toEqual([])
    expect(issuesIn({ contacts: { c1: { contact: 'c2' }, c3: { contact: null } } }, opportunity)).toEqual([
      'contacts/c1/contact reference',
      'contacts/c3/contact reference',
    ])
  })
})

describe('P10: limits hold for what is there after the patch', () => {
  const named = (count: number, prefix: string, value: unknown) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`${prefix}${index}`, value]))
  function full(): Y.Doc {
    const document = new Y.Doc()
    writeContent(contact, document, {
      fields: named(100, 'x_a', 'x') as never,
      tags: named(200, 'a', true) as never,
      emails: named(100, 'a', { label: 'x' }) as never,
    })
    return document
  }
  const parts = [
    ['fields', 'x_a', 'x_b', 1],
    ['tags', 'a', 'b', true],
    ['emails', 'a', 'b', {}],
  ] as const

  it.each(parts)('%s: one more is too many, unless another leaves', (root, held, fresh, value) => {
    const document = full()
    expect(issuesIn({ [root]: { [`${fresh}0`]: value } }, contact, document)).toEqual([`${root} length`])
    expect(issuesIn({ [root]: { [`${fresh}0`]: value, [`${held}0`]: null } }, contact, document)).toEqual([])
    expect(issuesIn({ [root]: { [`${held}0`]: value } }, contact, document)).toEqual([])
    // Clearing what is not there makes no room.
    expect(issuesIn({ [root]: { [`${fresh}0`]: value, [`${fresh}1`]: null } }, contact, document)).toEqual([`${root} length`])
  })

  it.each(parts)(
    '%s: more than the limit were written by somebody else, and it may shrink and change',
    (root, held, fresh, value) => {
      const document = full()
      for (let index = 0; index < 5; index += 1) {
        document.getMap('fields').set(`x_c${index}`, 1)
        document.getMap('tags').set(`c${index}`, true)
        document.getMap('emails').set(`c${index}/label`, 'x')
      }
      const shrinking = { [`${held}0`]: null, [`${held}1`]: null, [`${fresh}0`]: value }
      expect(issuesIn({ [root]: shrinking }, contact, document)).toEqual([])
      expect(issuesIn({ [root]: { [`${held}3`]: value } }, contact, document)).toEqual([])
      expect(issuesIn({ [root]: { [`${fresh}0`]: value } }, contact, document)).toEqual([`${root} length`])
    },
  )

  it('lengths of texts are counted in code points', () => {
    expect(issuesIn({ summary: '😀'.repeat(100_000) })).toEqual([])
    expect(issuesIn({ summary: '😀'.repeat(100_001) })).toEqual(['summary length'])
  })
})

describe('a draft', () => {
  it('lacks nothing that is required', () => {
    expect(checkDraft(account, {})).toEqual([{ path: ['fields', 'name'], code: 'kind' }])
    expect(checkDraft(account, { fields: { name: null } })).toEqual([{ path: ['fields', 'name'], code: 'kind' }])
    expect(checkDraft(account, { fields: 1 })).toEqual([{ path: ['fields'], code: 'kind' }])
    expect(checkDraft(account, [])).toEqual([{ path: [], code: 'kind' }])
    expect(checkDraft(account, { fields: { name: 'ACME' } })).toEqual([])
    expect(checkDraft(contact, {})).toEqual([])
  })

  it('is judged as content is, but for rich text, and for nulls, which stand for nothing', () => {
    const value = fc.oneof(fc.constantFrom('lead', 'a@example.com', 'x', ''), fc.integer(), fc.boolean(), fc.constant([]))
    const name = fc.constantFrom('stage', 'firstName', 'address', 'label', 'order', 'x_a', 'nope', 'e1', 'e 1', '__proto__')
    const content = fc.dictionary(
      fc.constantFrom('fields', 'summary', 'tags', 'emails', 'meta', 'nope'),
      fc.oneof(value, fc.dictionary(name, fc.oneof(value, fc.constant(true), fc.dictionary(name, value)))),
    )
    const sorted = (issues: readonly { path: readonly string[]; code: string }[]) =>
      issues.map((issue) => JSON.stringify(issue)).sort()
    fc.assert(
      fc.property(content, (given) => {
        expect(sorted(checkDraft(contact, given))).toEqual(sorted(validateContent(contact, given)))
      }),
      { numRuns: 500 },
    )
  })
})
