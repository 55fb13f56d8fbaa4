/** The laws of each codec, from the class that it declares, for every pair of a register and a column type that there is. */
import { type Codec, instantCodec, outboundTextCodec, registerCodec, textCodec } from '@rapport/shared/mapping/codecs.ts'
import type { Cell } from '@rapport/shared/mapping/plan.ts'
import type { Register, Scalar } from '@rapport/shared/schema/register.ts'
import { checkRegister } from '@rapport/shared/schema/value-rules.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { COLUMN_TYPES, cellsOf, spellingsOf, valuesOf } from './values.ts'

const REGISTERS: readonly Register[] = [
  { kind: 'string', maxLength: 1000 },
  { kind: 'number' },
  { kind: 'number', integer: true, minimum: 0, maximum: 100 },
  { kind: 'boolean' },
  { kind: 'date' },
  { kind: 'datetime' },
  { kind: 'enum', members: ['low', 'middle', 'high'] },
  { kind: 'money' },
  { kind: 'email' },
  { kind: 'phone' },
  { kind: 'url' },
  { kind: 'reference', to: 'thing' },
]

const pairs = REGISTERS.flatMap((register) =>
  COLUMN_TYPES.flatMap((type) => {
    const codec = registerCodec(register.kind, type)
    return codec === undefined ? [] : [{ register, type, codec, name: `${register.kind} in ${type}` }]
  }),
)

/** A value that the column holds, its cell, and that cell as the database shows it. */
function shown(codec: Codec<Scalar>, register: Register, type: string) {
  return valuesOf(register)
    .map((value) => [value, codec.encode(value)] as const)
    .filter((made): made is readonly [Scalar, Cell] => made[1] !== undefined)
    .chain(([value, cell]) => fc.tuple(fc.constant(value), fc.constant(cell), spellingsOf(type)(cell)))
}

describe.each(pairs)('$name', ({ register, type, codec }) => {
  const cells = fc.oneof(
    cellsOf(type),
    shown(codec, register, type).map(([, , cell]) => cell),
  )

  it('comes back as it was, up to its spelling, and fits its declaration', () => {
    fc.assert(
      fc.property(shown(codec, register, type), ([, cell, seen]) => {
        const back = codec.decode(seen)
        expect(back).toBeDefined()
        expect(checkRegister(register, back)).toBeUndefined()
        const again = codec.encode(back as Scalar)
        expect(codec.equals(again, cell)).toBe(true)
        expect(codec.equals(again, seen)).toBe(true)
        expect(codec.decode(again ?? null)).toBe(back)
      }),
    )
  })

  it('equals: is reflexive, symmetric and transitive, and nothing is NULL alone', () => {
    fc.assert(
      fc.property(cells, cells, cells, (one, two, three) => {
        expect(codec.equals(one, one)).toBe(true)
        expect(codec.equals(one, two)).toBe(codec.equals(two, one))
        if (codec.equals(one, two) && codec.equals(two, three)) expect(codec.equals(one, three)).toBe(true)
        expect(codec.equals(null, undefined)).toBe(true)
        if (one !== null) expect(codec.equals(one, null)).toBe(false)
      }),
    )
  })

  if (codec.class === 'iso')
    it('iso: two values share a cell only if they come back as one, and each cell that stands for a value is its own', () => {
      fc.assert(
        fc.property(cells, (cell) => {
          const value = cell === null ? undefined : codec.decode(cell)
          fc.pre(value !== undefined && checkRegister(register, value) === undefined)
          expect(codec.equals(codec.encode(value), cell)).toBe(true)
        }),
      )
      fc.assert(
        fc.property(shown(codec, register, type), shown(codec, register, type), ([, one], [, other]) => {
          expect(codec.equals(one, other)).toBe(codec.decode(one) === codec.decode(other))
        }),
      )
    })

  it('never throws, and decodes nothing that is no number, date or time', () => {
    fc.assert(fc.property(fc.jsonValue(), (cell) => void codec.decode(cell as Cell)))
    for (const cell of ['NaN', 'Infinity', '-Infinity', 'infinity', '-infinity', '0044-03-15 BC']) {
      if (!type.startsWith('text') && !type.startsWith('character')) expect(codec.decode(cell)).toBeUndefined()
    }
  })
})

describe('what is no register', () => {
  it('text comes back as it is stored, and NULL is as good as nothing typed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const cell = textCodec.encode(text)
        expect(textCodec.decode(cell ?? null)).toBe(cell)
        expect(textCodec.equals(cell, null)).toBe(cell === '')
      }),
    )
  })

  it('an instant comes back to the millisecond, in whatever zone it is shown', () => {
    fc.assert(
      fc.property(
        fc
          .date({ min: new Date('0001-01-02T00:00:00Z'), max: new Date('9999-12-30T00:00:00Z'), noInvalidDate: true })
          .chain((date) =>
            fc.tuple(
              fc.constant(date.getTime()),
              spellingsOf('timestamp with time zone')(instantCodec.encode(date.getTime()) ?? null),
            ),
          ),
        ([time, cell]) => {
          expect(instantCodec.decode(cell)).toBe(time)
        },
      ),
    )
    expect(instantCodec.equals('2026-01-01T00:00:00.000001+00:00', '2026-01-01T00:00:00Z')).toBe(true)
  })

  it('what goes one way comes back from no cell', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (cell) => {
        expect(outboundTextCodec.decode(cell as Cell)).toBeUndefined()
      }),
    )
  })
})
