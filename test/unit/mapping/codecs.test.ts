import { canHold, instantCodec, outboundTextCodec, registerCodec, textCodec } from '@rapport/shared/mapping/codecs.ts'
import type { Register } from '@rapport/shared/schema/register.ts'
import { describe, expect, it } from 'vitest'
import { column } from './things.ts'

const TYPES = [
  'text',
  'character varying',
  'character',
  'smallint',
  'integer',
  'bigint',
  'real',
  'double precision',
  'numeric',
  'boolean',
  'date',
  'timestamp with time zone',
  'timestamp without time zone',
  'jsonb',
  'json',
  'uuid',
  'text[]',
  'constructor',
]
const TEXTS = { text: 'iso', 'character varying': 'iso' }

describe('pairs of a register and a column', () => {
  it.each<[Register['kind'], Record<string, string>]>([
    ['string', TEXTS],
    ['email', TEXTS],
    ['phone', TEXTS],
    ['url', TEXTS],
    ['enum', TEXTS],
    ['reference', TEXTS],
    ['boolean', { boolean: 'iso' }],
    ['number', { smallint: 'iso', integer: 'iso', bigint: 'iso', 'double precision': 'iso', numeric: 'retract' }],
    ['money', { ...TEXTS, numeric: 'iso' }],
    ['date', { ...TEXTS, date: 'iso' }],
    ['datetime', { ...TEXTS, 'timestamp with time zone': 'iso' }],
  ])('%s has these and no others, each of its class', (kind, classes) => {
    const found = TYPES.flatMap((type) => {
      const codec = registerCodec(kind, type)
      return codec === undefined ? [] : [[type, codec.class]]
    })
    expect(Object.fromEntries(found)).toEqual(classes)
  })

  it.each([
    ['smallint', 32_767, -32_768],
    ['integer', 2_147_483_647, -2_147_483_648],
    ['bigint', Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
  ])('a number in %s is whole and in its range, and else does not fit', (type, most, least) => {
    const codec = registerCodec('number', type)
    expect(codec?.encode(most)).toBe(most)
    expect(codec?.encode(least)).toBe(least)
    for (const value of [most + 1, least - 1, 0.5, 1e300, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(codec?.encode(value)).toBeUndefined()
    }
  })

  it.each<[Register, string, boolean]>([
    [{ kind: 'url' }, 'character varying(2048)', true],
    [{ kind: 'url' }, 'character varying(2047)', false],
    [{ kind: 'date' }, 'character varying(10)', true],
    [{ kind: 'date' }, 'character varying(9)', false],
    [{ kind: 'reference', to: 'thing' }, 'character varying(128)', true],
    [{ kind: 'reference', to: 'thing' }, 'character varying(127)', false],
    [{ kind: 'enum', members: ['a', '😀😀'] }, 'character varying(2)', true],
    [{ kind: 'enum', members: ['a', '😀😀'] }, 'character varying(1)', false],
    [{ kind: 'money' }, 'numeric(19, 4)', true],
    [{ kind: 'money' }, 'numeric(20, 5)', true],
    [{ kind: 'money' }, 'numeric(20, 6)', false],
    [{ kind: 'money' }, 'numeric(19)', false],
  ])('%o in %s: %s', (register, declaration, fits) => {
    expect(canHold(column('x', declaration), register)).toBe(fits)
  })
})

describe('what is no register', () => {
  it('text loses what Postgres cannot store, and never makes a character out of two halves', () => {
    for (const codec of [textCodec, outboundTextCodec]) {
      expect(codec.encode('a\0b\nc\td')).toBe('ab\nc\td')
      expect(codec.encode('x\ud83d\0\ude00y')).toBe('x\ufffd\ufffdy')
      expect(codec.encode('😀')).toBe('😀')
    }
    expect([textCodec.class, outboundTextCodec.class]).toEqual(['iso', 'oneWay'])
  })

  it('an instant is RFC 3339, within the years that Postgres and the contract share', () => {
    expect(instantCodec.encode(0)).toBe('1970-01-01T00:00:00.000Z')
    expect(instantCodec.encode(Date.parse('9999-12-31T23:59:59.999Z'))).toBe('9999-12-31T23:59:59.999Z')
    for (const time of [8.64e15, -8.64e15, Date.parse('0000-06-01T00:00:00Z'), Number.NaN, 1e300]) {
      expect(instantCodec.encode(time)).toBeUndefined()
    }
    expect(instantCodec.class).toBe('retract')
  })
})
