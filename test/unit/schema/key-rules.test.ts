import { account } from '@rapport/shared/records/account.ts'
import { contact } from '@rapport/shared/records/contact.ts'
import { opportunity } from '@rapport/shared/records/opportunity.ts'
import { recordTypes } from '@rapport/shared/records/record-types.ts'
import { checkKey, isPlace, pathOfKey } from '@rapport/shared/schema/key-rules.ts'
import { collection, own, type RecordType, recordType } from '@rapport/shared/schema/record-type.ts'
import { type Register, string } from '@rapport/shared/schema/register.ts'
import { MAX_ORDER_LENGTH, validateContent } from '@rapport/shared/schema/validate-content.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'

const TYPES: readonly RecordType[] = Object.values(recordTypes)
const shared = new Y.Doc()
/** What no kind of field holds, whatever a Y.Map does. */
const NEVER: readonly unknown[] = [
  {},
  [],
  [1],
  new Uint8Array(1),
  1n,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  shared.getMap('a'),
  shared.getText('b'),
]

/** Some value that fits the register. */
const FITS: Readonly<Record<Register['kind'], unknown>> = {
  string: 'abc',
  number: 3,
  boolean: false,
  date: '2024-02-29',
  datetime: '2024-02-29T12:00:00Z',
  enum: undefined,
  money: '12.50',
  email: 'a@example.org',
  phone: '+49 30 123',
  url: 'https://example.org/',
  reference: 'id-1',
}

function fitting(register: Register): unknown {
  return register.kind === 'enum' ? register.members[0] : FITS[register.kind]
}

describe.each(TYPES)('of $name, a field', (type) => {
  it('takes what its declaration takes, and null or nothing where it is not required', () => {
    for (const [name, register] of Object.entries(type.fields)) {
      const empty = register.required ? 'kind' : undefined
      expect([name, isPlace(type, 'fields', name)]).toEqual([name, true])
      expect([name, checkKey(type, 'fields', name, fitting(register))]).toEqual([name, undefined])
      expect([name, checkKey(type, 'fields', name, null), checkKey(type, 'fields', name, undefined)]).toEqual([
        name,
        empty,
        empty,
      ])
      for (const value of NEVER) expect([name, value, checkKey(type, 'fields', name, value)]).toEqual([name, value, 'kind'])
    }
  })

  it('takes no key that is neither declared nor custom, not even to empty it', () => {
    for (const name of [
      '',
      'nope',
      '__proto__',
      'constructor',
      'toString',
      'x_',
      'x_UPPER',
      'X_a',
      `x_${'a'.repeat(61)}`,
      'emails',
    ]) {
      for (const value of ['a', null, undefined]) expect(checkKey(type, 'fields', name, value)).toBe('unknown_field')
      expect([name, isPlace(type, 'fields', name)]).toEqual([name, false])
    }
  })
})

describe.each(TYPES)('of $name, an entry', (type) => {
  const collections = Object.entries(type.roots).flatMap(([name, root]) => (root.kind === 'collection' ? [{ name, root }] : []))

  it('takes in each column what it declares', () => {
    expect(collections).not.toEqual([])
    for (const { name, root } of collections) {
      for (const [column, register] of Object.entries(root.columns)) {
        const key = `e1/${column}`
        const value = column === root.keyedBy ? 'e1' : fitting(register)
        expect([name, key, isPlace(type, name, key)]).toEqual([name, key, true])
        expect([name, key, checkKey(type, name, key, value)]).toEqual([name, key, undefined])
        for (const empty of [null, undefined]) expect(checkKey(type, name, key, empty)).toBe(undefined)
        const refused = NEVER.map((odd) => checkKey(type, name, key, odd))
        expect(new Set(refused)).toEqual(new Set(['kind']))
      }
    }
  })

  it('has an order and a mark of deletion of its own', () => {
    for (const { name } of collections) {
      const check = (column: string, value: unknown) => checkKey(type, name, `e1/${column}`, value)
      expect([isPlace(type, name, 'e1/order'), isPlace(type, name, 'e1/deleted')]).toEqual([true, true])
      for (const value of [true, false, null, undefined]) expect(check('deleted', value)).toBe(undefined)
      for (const value of [...NEVER, 'true', 0, 1]) expect(check('deleted', value)).toBe('kind')
      for (const value of ['', 'a', 'x'.repeat(MAX_ORDER_LENGTH), null, undefined]) expect(check('order', value)).toBe(undefined)
      for (const value of [...NEVER, 0, true]) expect(check('order', value)).toBe('kind')
      expect([check('order', 'x'.repeat(MAX_ORDER_LENGTH + 1)), check('order', 'a\0')]).toEqual(['length', 'shape'])
    }
  })

  it.each([
    ['label', 'unknown_field'],
    ['', 'unknown_field'],
    ['e1/', 'unknown_field'],
    ['e1/nope', 'unknown_field'],
    ['e1/__proto__', 'unknown_field'],
    ['e1/order/order', 'unknown_field'],
    ['/order', 'shape'],
    ['no id/order', 'shape'],
    ['__proto__/order', 'shape'],
    [`${'a'.repeat(129)}/order`, 'shape'],
  ])('has no place %j', (key, code) => {
    for (const { name } of collections) {
      for (const value of ['a', true, null, undefined]) expect(checkKey(type, name, key, value)).toBe(code)
      expect(isPlace(type, name, key)).toBe(false)
    }
  })
})

describe('an entry named after a column', () => {
  const check = (key: string, value: unknown) => checkKey(opportunity, 'contacts', key, value)

  it('holds its own name there, or nothing', () => {
    expect([check('c1/contact', 'c1'), check('c1/contact', null), check('c1/contact', undefined)]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    expect([check('c1/contact', 'c2'), check('c1/contact', ''), check('c1/contact', 1)]).toEqual([
      'reference',
      'reference',
      'kind',
    ])
  })
})

describe('a required column', () => {
  const type = recordType({
    name: 'plan',
    schemaVersion: 1,
    fields: {},
    roots: { steps: collection({ what: string({ maxLength: 9, required: true }) }, { maxEntries: 9 }) },
  })

  it('is not emptied', () => {
    const check = (value: unknown) => checkKey(type, 'steps', 's1/what', value)
    expect([check('go'), check(null), check(undefined), check(' ')]).toEqual([undefined, 'kind', 'kind', 'length'])
  })
})

describe('a member of a set', () => {
  const check = (member: string, value: unknown) => checkKey(contact, 'tags', member, value)

  it('is held as true, or not', () => {
    expect([check('vip', true), check('vip', null), check('vip', undefined)]).toEqual([undefined, undefined, undefined])
    for (const value of [...NEVER, false, 'true', 1, '']) expect(check('vip', value)).toBe('kind')
  })

  it.each([
    ['', 'length'],
    ['  ', 'length'],
    ['x'.repeat(101), 'length'],
    ['__proto__', 'shape'],
    ['a\0', 'shape'],
    ['\ud800', 'shape'],
  ])('is not called %j, but a name that is there can be removed', (member, code) => {
    expect([check(member, true), check(member, null), check(member, undefined)]).toEqual([code, code, undefined])
    expect(isPlace(contact, 'tags', member)).toBe(false)
  })

  it('may be called anything that reads as a label, slashes included', () => {
    expect([check('a/b', true), isPlace(contact, 'tags', 'a/b')]).toEqual([undefined, true])
  })
})

describe('a custom field', () => {
  it('takes a string, a finite number or a boolean', () => {
    const check = (value: unknown) => checkKey(contact, 'fields', 'x_any', value)
    for (const value of ['', 'a', 0, -1.5, true, null, undefined]) expect(check(value)).toBe(undefined)
    for (const value of NEVER) expect(check(value)).toBe('kind')
    expect([check('x'.repeat(4001)), check('a\0')]).toEqual(['length', 'shape'])
    expect([isPlace(contact, 'fields', 'x_any'), isPlace(contact, 'fields', `x_${'a'.repeat(60)}`)]).toEqual([true, true])
  })
})

describe('a root without keys', () => {
  it.each([
    ['meta', 'createdAt', 'forbidden'],
    ['meta', 'anything', 'forbidden'],
    ['nope', 'a', 'unknown_field'],
    ['summary', 'a', 'unknown_field'],
    ['notes', 'a', 'unknown_field'],
    ['__proto__', 'a', 'unknown_field'],
    ['', '', 'unknown_field'],
  ])('takes nothing: %s/%s', (root, key, code) => {
    for (const value of ['a', true, null, undefined]) expect(checkKey(contact, root, key, value)).toBe(code)
    expect(isPlace(contact, root, key)).toBe(false)
  })
})

describe('the path of a key', () => {
  it.each([
    [account, 'fields', 'name', ['fields', 'name']],
    [account, 'fields', 'a/b', ['fields', 'a/b']],
    [account, 'tags', 'a/b', ['tags', 'a/b']],
    [account, 'emails', 'e1/label', ['emails', 'e1', 'label']],
    [account, 'emails', 'e1/a/b', ['emails', 'e1', 'a/b']],
    [account, 'emails', 'no id/label', ['emails', 'no id/label']],
    [account, 'meta', 'createdAt', ['meta', 'createdAt']],
    [account, 'nope', 'a', ['nope', 'a']],
    [account, 'nope', 'e1/a', ['nope', 'e1/a']],
  ] as const)('%#', (type, root, key, path) => {
    expect(pathOfKey(type, root, key)).toEqual(path)
  })
})

const anyValue = fc.oneof(
  fc.constantFrom<unknown>(
    true,
    false,
    null,
    undefined,
    '',
    'lead',
    'vip',
    '12.50',
    '2024-02-29',
    'a@example.org',
    'e1',
    ...NEVER,
  ),
  fc.string(),
  fc.double(),
)
const anyRoot = fc.oneof(fc.constantFrom('fields', 'meta', 'tags', 'emails', 'contacts', 'summary', 'notes', 'nope'), fc.string())
const anyKey = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      'stage',
      'owner',
      'name',
      'x_a',
      'x_',
      'vip',
      'e1/address',
      'e1/order',
      'e1/deleted',
      'e1/contact',
      '/order',
    ),
  },
  fc.string(),
  fc.tuple(fc.string(), fc.string()).map(([entry, column]) => `${entry}/${column}`),
)
const anyType = fc.constantFrom(...TYPES)

describe('whatever a document holds', () => {
  it('fits only at a place, but for a removal from a set', () => {
    fc.assert(
      fc.property(anyType, anyRoot, anyKey, anyValue, (type, root, key, value) => {
        const code = checkKey(type, root, key, value)
        if (code !== undefined) return
        const removal = value === undefined && own(type.roots, root)?.kind === 'set'
        expect(isPlace(type, root, key) || removal).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  it('is judged as `validateContent` judges it in content', () => {
    let [fit, unfit] = [0, 0]
    fc.assert(
      fc.property(
        anyType,
        fc.constantFrom('fields', 'tags', 'emails', 'contacts'),
        anyKey,
        anyValue,
        (type, root, key, value) => {
          // Content has no way to say that a member, an order or an entry is not there, nor that an entry is deleted.
          if (value === undefined || key.endsWith('/deleted') || (value === null && (root === 'tags' || key.endsWith('/order'))))
            return
          const slash = key.indexOf('/')
          const inEntry = own(type.roots, root)?.kind === 'collection' && slash >= 0
          if (own(type.roots, root)?.kind === 'collection' && !inEntry) return
          const held = inEntry
            ? Object.fromEntries([[key.slice(0, slash), Object.fromEntries([[key.slice(slash + 1), value]])]])
            : Object.fromEntries([[key, value]])
          const complete = root === 'fields' ? held : { name: 'Analytical' }
          const fields = type === contact && root !== 'fields' ? {} : complete
          const issues = validateContent(type, { fields, ...(root !== 'fields' && { [root]: held }) })
          const issue = issues.find(({ path }) => path[0] === root && (root !== 'fields' || path[1] === key))
          const code = checkKey(type, root, key, value)
          expect([root, key, value, code]).toEqual([root, key, value, issue?.code])
          if (code === undefined) fit += 1
          else unfit += 1
        },
      ),
      { numRuns: 5000 },
    )
    expect(Math.min(fit, unfit)).toBeGreaterThan(50)
  })
})
