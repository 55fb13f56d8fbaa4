import { PARTS } from '@rapport/shared/mapping/functions.ts'
import { type Parts, type PartsFunction, sameParts } from '@rapport/shared/mapping/parts.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

function named(name: string): PartsFunction {
  const found = PARTS[name]
  if (found === undefined) throw new Error('there is no such function')
  return found
}

const words = named('words@1')
const commas = named('commas@1')

describe('words@1', () => {
  it.each<[string | null, number, Parts]>([
    ['Ana María de la Cruz', 2, ['Ana', 'María de la Cruz']],
    ['Ana María de la Cruz', 3, ['Ana', 'María', 'de la Cruz']],
    ['Prince', 2, ['Prince', null]],
    ['  Ana   Cruz ', 2, ['Ana', 'Cruz']],
    ['Ana\u00a0María de la Cruz', 2, ['Ana María', 'de la Cruz']],
    ['\u00a0 Cruz', 2, [null, 'Cruz']],
    ['', 2, [null, null]],
    [null, 3, [null, null, null]],
  ])('takes %j apart into %i', (text, count, parts) => {
    expect(words.split(text, count)).toEqual(parts)
  })

  it.each<[string, string, Parts, Parts, boolean]>([
    ['the start stands: the rest is the last part', 'Ana Ruiz Soler', ['Ana', 'Cruz'], ['Ana', 'Ruiz Soler'], true],
    ['the end stands: the rest is the first part', 'Ana María Cruz', ['Eva', 'Cruz'], ['Ana María', 'Cruz'], true],
    ['a part of several words stands', 'Ana María Ruiz', ['Ana María', 'Cruz'], ['Ana María', 'Ruiz'], true],
    ['one word where there was one', 'Cher', [null, 'Madonna'], [null, 'Cher'], true],
    ['a second word for a name of one', 'Madonna Ciccone', ['Madonna', null], ['Madonna', 'Ciccone'], true],
    ['a first word for a name of one', 'Ana Cruz', [null, 'Cruz'], ['Ana', 'Cruz'], true],
    ['the middle is new', 'Ana Belén Cruz', ['Ana', 'María', 'Cruz'] as Parts, ['Ana', 'Belén', 'Cruz'], true],
    ['the middle was not there and is not', 'Ana Ruiz', ['Ana', null, 'Cruz'] as Parts, ['Ana', null, 'Ruiz'], true],
    ['only the start is left', 'Ana', ['Ana', 'Cruz'], ['Ana', null], true],
    ['only the end is left', 'Cruz', ['Ana', 'Cruz'], [null, 'Cruz'], true],
    ['nothing stands, as many words as parts', 'Eva Ruiz', ['Ana', 'Cruz'], ['Eva', 'Ruiz'], true],
    ['nothing stands, and it could be cut anywhere', 'Eva de la Rosa', ['Ana', 'Cruz'], ['Eva', 'de la Rosa'], false],
    ['nothing changed but blanks', ' Ana  María Cruz', ['Ana', 'María Cruz'], ['Ana', 'María Cruz'], true],
  ])('aligned with what was known: %s', (_, text, known, parts, sure) => {
    expect(words.align(text, known)).toEqual({ parts, sure })
  })

  it('looks at the end first where that is what changed', () => {
    expect(words.align('Ana María de la Cruz', ['Ana', 'Cruz'], 'end').parts).toEqual(['Ana María de la', 'Cruz'])
    expect(words.align('Ana María de la Cruz', ['Ana', 'Cruz']).parts).toEqual(['Ana', 'María de la Cruz'])
  })
})

describe('commas@1', () => {
  it('takes an address apart, keeps an empty part between two, and joins those that are there', () => {
    expect(commas.split('Main St 1,Springfield, 12345, US', 3)).toEqual(['Main St 1', 'Springfield', '12345, US'])
    expect(commas.embed(['Main St 1', null, 'US'])).toBe('Main St 1, , US')
    expect(commas.split('Main St 1, , US', 3)).toEqual(['Main St 1', null, 'US'])
    expect(commas.join(['Main St 1', null, 'US'])).toBe('Main St 1, US')
  })

  it('has no text for a part that would be cut', () => {
    expect(commas.embed(['Main St 1, Apt 4', 'Springfield'])).toBeUndefined()
  })
})

const part = fc.option(
  fc.oneof(
    fc.constantFrom('Ana', 'María', 'de la', 'Cruz', 'O’Neil, Jr', 'a\nb', '\u00a0', ' x '),
    fc.string({ unit: 'grapheme', maxLength: 6 }),
  ),
  { nil: null },
)
const partsOf = fc.integer({ min: 2, max: 4 }).chain((count) => fc.array(part, { minLength: count, maxLength: count }))

describe.each(Object.entries(PARTS))('every function of parts keeps its laws: %s', (_, by) => {
  it('what is embedded is taken apart again as it was', () => {
    fc.assert(
      fc.property(partsOf, (parts) => {
        const text = by.embed(parts)
        if (text !== undefined) expect(sameParts(by.split(text, parts.length), parts)).toBe(true)
      }),
    )
  })

  it('what is taken apart is as many parts as asked, none of them empty, and joins to all that was there', () => {
    const letters = (text: string | null): string => (text ?? '').replaceAll(/[\s,\u00a0]/g, '')
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', 'b', ' ', ',', '\n', '\u00a0', 'é') }),
        fc.integer({ min: 2, max: 4 }),
        (text, count) => {
          const parts = by.split(text, count)
          expect(parts.length).toBe(count)
          expect(parts.includes('')).toBe(false)
          expect(letters(by.join(parts))).toBe(letters(text))
        },
      ),
    )
  })

  it('what is joined aligns with its own parts as they were, and any text with as many as there are', () => {
    fc.assert(
      fc.property(partsOf, partsOf, (parts, other) => {
        const clean = by.split(by.join(parts), parts.length)
        expect(sameParts(by.align(by.join(clean), clean).parts, clean)).toBe(true)
        const aligned = by.align(by.join(other), parts)
        expect(aligned.parts.length).toBe(parts.length)
        expect(letters(by.join(aligned.parts))).toBe(letters(by.join(other)))
      }),
    )
    function letters(text: string | null): string {
      return (text ?? '').replaceAll(/[\s,\u00a0]/g, '')
    }
  })
})

it('words@1 has a text for any parts, so that no name is refused', () => {
  fc.assert(
    fc.property(partsOf, (parts) => {
      expect(words.embed(parts)).not.toBeUndefined()
    }),
  )
})
