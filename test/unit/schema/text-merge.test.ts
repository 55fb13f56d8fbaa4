import { mergeTexts } from '@rapport/shared/schema/text-merge.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const words = (letters: string) =>
  fc.array(fc.constantFrom(...letters, `${letters}😀`, 'é'), { maxLength: 8 }).map((list) => list.join(' '))
const any = fc
  .array(fc.constantFrom('one', 'two', ' ', '😀', '\ud83d\ude01', ',', 'é'), { maxLength: 12 })
  .map((list) => list.join(''))

describe('two wordings of one text', () => {
  it.each([
    ['typed in two places', 'one two three', 'one and two three', 'one two three four', 'one and two three four'],
    ['typed in one place', 'one three', 'one two three', 'one 2 three', 'one two 2 three'],
    ['removed, and typed next to', 'one two three', 'one three', 'one two and three', 'one and three'],
    ['removed by both', 'one two three', 'one three', 'one three', 'one three'],
    ['the same typed by both', 'one', 'one two', 'one two', 'one two'],
    ['typed by one, and more of it by the other', 'one', 'one two', 'one two three', 'one two three'],
    ['less of it by the other', 'one', 'one two three', 'one two', 'one two three'],
    ['replaced by one, typed behind by the other', 'one two', '1 two', 'one two three', '1 two three'],
    ['replaced by both', 'one two three', 'one 2 three', 'one II three', 'one 2II three'],
    ['all removed by one', 'one two', '', 'one two three', ' three'],
  ])('%s', (_, base, ours, theirs, merged) => {
    expect(mergeTexts(base, ours, theirs)).toBe(merged)
  })

  it('are the one that changed where only one did, and either where they are the same', () => {
    fc.assert(
      fc.property(any, any, (base, changed) => {
        expect(mergeTexts(base, base, changed)).toBe(changed)
        expect(mergeTexts(base, changed, base)).toBe(changed)
        expect(mergeTexts(base, changed, changed)).toBe(changed)
      }),
      { numRuns: 1000 },
    )
  })

  it('are both where they changed different parts', () => {
    fc.assert(
      fc.property(words('abc'), words('abc'), words('xyz'), words('xyz'), (first, changed, second, other) => {
        // A line that neither has elsewhere keeps the parts apart.
        const text = (one: string, two: string): string => `${one}\n=====\n${two}`
        expect(mergeTexts(text(first, second), text(changed, second), text(first, other))).toBe(text(changed, other))
      }),
    )
  })

  it('never cut a character, and lose nothing that either typed in a place of his own', () => {
    fc.assert(
      fc.property(any, any, any, (base, ours, theirs) => {
        expect(mergeTexts(base, ours, theirs).isWellFormed()).toBe(true)
        expect(mergeTexts(base, `<${base}`, `${base}>`)).toBe(base === '' ? '<>' : `<${base}>`)
      }),
    )
  })
})
