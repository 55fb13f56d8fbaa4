import type { IssueCode } from '@rapport/shared/errors.ts'
import { account } from '@rapport/shared/records/account.ts'
import { contact } from '@rapport/shared/records/contact.ts'
import { opportunity } from '@rapport/shared/records/opportunity.ts'
import {
  boolean,
  date,
  datetime,
  email,
  money,
  number,
  oneOf,
  phone,
  type Register,
  reference,
  string,
  url,
} from '@rapport/shared/schema/register.ts'
import { isContent, validateContent } from '@rapport/shared/schema/validate-content.ts'
import { checkRegister } from '@rapport/shared/schema/value-rules.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const CASES: readonly (readonly [
  string,
  Register,
  readonly unknown[],
  Readonly<Partial<Record<IssueCode, readonly unknown[]>>>,
])[] = [
  [
    'string',
    string({ maxLength: 3 }),
    ['', 'abc', '😀😀😀', null, undefined],
    { kind: [1, {}, true], length: ['abcd', '😀😀😀😀'], shape: ['\0', 'a\ud800', '\udc00'] },
  ],
  ['required string', string({ maxLength: 3, required: true }), ['a'], { kind: [null, undefined], length: ['', '  '] }],
  ['number', number(), [0, -1.5, 1e300], { kind: ['1', Number.NaN, Number.POSITIVE_INFINITY, 1n] }],
  ['number in a range', number({ minimum: 0, maximum: 100 }), [0, 100, 33.3], { range: [-0.1, 100.1] }],
  ['whole number', number({ integer: true }), [3, -3], { shape: [1.5, 2 ** 60] }],
  ['boolean', boolean(), [true, false], { kind: ['true', 0] }],
  ['enum', oneOf(['a', 'b']), ['a'], { enum: ['c', '', 'toString'], kind: [1] }],
  [
    'date',
    date(),
    ['2024-02-29', '0001-01-01', '9999-12-31'],
    {
      shape: ['2023-02-29', '2024-13-01', '2024-00-10', '0000-01-01', '2024-2-9', '2024-04-31', '٢٠٢٤-01-01'],
      length: ['2024-02-29T00:00:00Z'],
      kind: [20240229],
    },
  ],
  [
    'datetime',
    datetime(),
    ['2024-02-29T23:59:59Z', '2024-01-01T00:00:00.123456Z'],
    {
      shape: [
        '2024-01-01T00:00:00',
        '2024-01-01T00:00:00+01:00',
        '2024-01-01T24:00:00Z',
        '2023-02-29T00:00:00Z',
        '2024-01-01T00:00:60Z',
        '2024-01-01t00:00:00z',
      ],
    },
  ],
  [
    'money',
    money(),
    ['1250.00', '0', '-0.0001', '999999999999999.9999'],
    { range: ['1000000000000000', '1.00001'], shape: ['1,250.00', '.5', '5.', '01', '1e3', '+1', '', 'NaN'], kind: [1250] },
  ],
  [
    'email',
    email(),
    ['a@example.com', 'größe+x@sub.example.org'],
    {
      shape: ['a', 'a@b', 'a@@example.com', 'a b@example.com', 'a@example..com', '<a@example.com>', 'a@example.com.'],
      length: [`${'a'.repeat(250)}@example.com`],
    },
  ],
  [
    'phone',
    phone(),
    ['+1 555 0100', '(020) 7946-0123', '+44 20 7946 0134 ext 7', '112'],
    { shape: ['', '12', 'call me', '+', '+1 555 CALL', '1'.repeat(30)], length: ['1'.repeat(41)] },
  ],
  [
    'url',
    url(),
    ['https://example.com', 'http://example.com:8080/a?b=c#d', 'https://пример.example'],
    {
      shape: [
        'example.com',
        'javascript:alert(1)',
        'https://',
        'https:///x',
        'https://a b',
        'ftp://example.com',
        ' https://example.com',
      ],
    },
  ],
  [
    'reference',
    reference('account'),
    ['a', '01973000-0000-7a00-8000-000000000001', 'A_b-9'],
    { reference: ['', 'a/b', 'a b', 'é', 'x'.repeat(129)], kind: [7] },
  ],
]

describe('values', () => {
  for (const [name, register, valid, invalid] of CASES) {
    it(`${name}: what is valid passes, and every fault has its code`, () => {
      for (const value of valid) expect([value, checkRegister(register, value)]).toEqual([value, undefined])
      for (const [code, values] of Object.entries(invalid)) {
        for (const value of values) expect([value, checkRegister(register, value)]).toEqual([value, code])
      }
    })
  }

  it('no value of any kind makes a check throw', () => {
    const registers = fc.constantFrom(...CASES.map(([, register]) => register))
    fc.assert(
      fc.property(
        registers,
        fc.oneof(fc.anything({ withBigInt: true, withNullPrototype: true }), fc.string()),
        (register, value) => void checkRegister(register, value),
      ),
    )
  })
})

describe('content', () => {
  it('an empty one is valid where nothing is required', () => {
    expect(validateContent(contact, {})).toEqual([])
    expect(validateContent(account, {})).toEqual([{ path: ['fields', 'name'], code: 'kind' }])
    expect(validateContent(opportunity, { fields: { name: 'x' } })).toEqual([])
  })

  it('every issue is found, each with its path', () => {
    const content = {
      fields: { stage: 'banana', birthday: '2023-02-29', shoeSize: 4, x_ok: 1, x_BAD: 1, x_deep: {}, title: 'x'.repeat(201) },
      summary: 'x'.repeat(100_001),
      notes: 5,
      tags: { vip: true, old: false, '': true, ['x'.repeat(101)]: true },
      emails: {
        e1: { address: 'nobody', order: 'V', colour: 'red', deleted: true },
        'a/b': {},
        e2: null,
        e3: { order: 5 },
      },
      phones: [],
      meta: { createdBy: 'me' },
      faxes: {},
    }
    const issues = validateContent(contact, content).map(({ path, code }) => `${path.join('.')} ${code}`)
    expect(issues.sort()).toEqual(
      [
        'fields.stage enum',
        'fields.birthday shape',
        'fields.shoeSize unknown_field',
        'fields.x_BAD unknown_field',
        'fields.x_deep kind',
        'fields.title length',
        'summary length',
        'notes kind',
        'tags.old kind',
        'tags. length',
        `tags.${'x'.repeat(101)} length`,
        'emails.e1.address shape',
        'emails.e1.colour unknown_field',
        'emails.e1.deleted unknown_field',
        'emails.a/b shape',
        'emails.e2 kind',
        'emails.e3.order kind',
        'phones kind',
        'meta forbidden',
        'faxes unknown_field',
      ].sort(),
    )
  })

  it('an entry named after a contact must refer to that contact', () => {
    const content = { fields: { name: 'x' }, contacts: { c1: { contact: 'c2' }, c3: { contact: 'c3' }, c4: { role: 'user' } } }
    expect(validateContent(opportunity, content)).toEqual([{ path: ['contacts', 'c1', 'contact'], code: 'reference' }])
  })

  it('P10: members, entries and custom fields are counted', () => {
    const many = (count: number, name: (index: number) => string, value: unknown) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [name(index), value]))
    expect(validateContent(contact, { tags: many(200, (index) => `t${index}`, true) })).toEqual([])
    expect(validateContent(contact, { tags: many(201, (index) => `t${index}`, true) })).toEqual([
      { path: ['tags'], code: 'length' },
    ])
    expect(validateContent(contact, { emails: many(101, (index) => `e${index}`, {}) })).toEqual([
      { path: ['emails'], code: 'length' },
    ])
    expect(validateContent(contact, { fields: many(100, (index) => `x_${index}`, 1) })).toEqual([])
    expect(validateContent(contact, { fields: many(101, (index) => `x_${index}`, 1) })).toEqual([
      { path: ['fields'], code: 'length' },
    ])
  })

  it('names that every object inherits are unknown, not declared', () => {
    const content = JSON.parse(
      '{"fields": {"__proto__": "x", "constructor": "y"}, "toString": {}, "tags": {"__proto__": true}, "emails": {"__proto__": {}}}',
    )
    expect(
      validateContent(contact, content)
        .map(({ path, code }) => `${path.join('.')} ${code}`)
        .sort(),
    ).toEqual([
      'emails.__proto__ shape',
      'fields.__proto__ unknown_field',
      'fields.constructor unknown_field',
      'tags.__proto__ shape',
      'toString unknown_field',
    ])
  })

  it('anything at all gets an answer, and no issue carries a value', () => {
    fc.assert(
      fc.property(fc.anything(), (content) => {
        const issues = validateContent(contact, content)
        expect(isContent(contact, content)).toBe(issues.length === 0)
        for (const issue of issues) expect(Object.keys(issue).sort()).toEqual(['code', 'path'])
      }),
    )
  })
})
