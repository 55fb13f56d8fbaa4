import { rewriteText, textHunks } from '@rapport/shared/schema/text-edit.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { fork, sync } from './replicas.ts'

const wording = fc
  .array(fc.constantFrom('the ', 'rep ', 'called', ' back', '. ', '\n', '😀', '😁', '🨀', 'Größe', 'é', '由', 'a', 'b'), {
    maxLength: 30,
  })
  .map((words) => words.join(''))

function patched(before: string, after: string): string {
  return textHunks(before, after).reduceRight(
    (text, { index, remove, insert }) => text.slice(0, index) + insert + text.slice(index + remove),
    before,
  )
}

describe('a new wording', () => {
  it('is what the hunks make of the old one, with no code point cut', () => {
    fc.assert(
      fc.property(wording, wording, (before, after) => {
        expect(patched(before, after)).toBe(after)
        for (const { index, remove, insert } of textHunks(before, after)) {
          expect(before.slice(0, index).isWellFormed()).toBe(true)
          expect(before.slice(index, index + remove).isWellFormed()).toBe(true)
          expect(insert.isWellFormed()).toBe(true)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('is found for any two strings, far apart ones and very long ones included', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (a, b) => patched(a, b) === b))
    const long = 'lorem ipsum '.repeat(5000)
    expect(patched(`${long}x${long}`, `${long}y${long}`)).toBe(`${long}y${long}`)
    expect(patched(long, long.toUpperCase())).toBe(long.toUpperCase())
  })

  it('touches two distant words without touching what lies between', () => {
    expect(textHunks('call Ana about the glass on Monday', 'ring Ana about the glass on Friday')).toEqual([
      { index: 0, remove: 4, insert: 'ring' },
      { index: 28, remove: 3, insert: 'Fri' },
    ])
  })

  it('P10: is one piece between the common start and end if it would be more than 200, or very many different words', () => {
    const words = (count: number, every: (index: number) => string): string =>
      Array.from({ length: count }, (_, index) => every(index)).join(' ')
    const before = words(500, (index) => `w${index}`)
    const reworded = (changed: number): string =>
      words(500, (index) => (index % 2 === 1 && index < 2 * changed ? 'x' : `w${index}`))
    expect(textHunks(before, reworded(200))).toHaveLength(200)
    const [hunk, ...more] = textHunks(`Same. ${before} Same.`, `Same. ${reworded(201)} Same.`)
    expect([hunk?.index, more]).toEqual(['Same. w0 '.length, []])
    expect(patched(before, reworded(201))).toBe(reworded(201))
    const symbols = Array.from({ length: 3_000 }, (_, index) => String.fromCharCode(0x2190 + index)).join('')
    expect(textHunks(`(${symbols})`, `[${symbols}]`)).toHaveLength(1)
    expect(patched(`(${symbols})`, `[${symbols}]`)).toBe(`[${symbols}]`)
  })

  it('replaces an emoji as a whole when only one of its halves differs', () => {
    expect(textHunks('ok 😀', 'ok 😁')).toEqual([{ index: 3, remove: 2, insert: '😁' }])
    expect(textHunks('😀 ok', '🨀 ok')).toEqual([{ index: 0, remove: 2, insert: '🨀' }])
  })

  it('P3: what a colleague types meanwhile survives, in full and outside the changed words in place', () => {
    fc.assert(
      fc.property(wording, wording, fc.nat(), (before, after, at) => {
        const replicas = fork(2, (document) => document.getText('summary').insert(0, before))
        const [mine, theirs] = replicas as [Y.Doc, Y.Doc]
        rewriteText(mine.getText('summary'), after)
        const points = [...before]
        const index = points.slice(0, at % (points.length + 1)).join('').length
        theirs.getText('summary').insert(index, '§typed§')
        sync(replicas)
        const merged = mine.getText('summary').toString()
        expect(merged).toBe(theirs.getText('summary').toString())
        expect(merged.replace('§typed§', '')).toBe(after)
        expect(merged).toContain('§typed§')
      }),
      { numRuns: 300 },
    )
  })

  it('two people who reword different sentences both succeed', () => {
    const replicas = fork(2, (document) => document.getText('summary').insert(0, 'Likes tea. Calls at ten. Buys glass.'))
    const [one, other] = replicas as [Y.Doc, Y.Doc]
    rewriteText(one.getText('summary'), 'Likes coffee. Calls at ten. Buys kilns.')
    rewriteText(other.getText('summary'), 'Likes tea. Never calls at ten. Buys glass.')
    sync(replicas)
    expect(one.getText('summary').toString()).toBe('Likes coffee. Never calls at ten. Buys kilns.')
  })

  it('is not misplaced by an embedded object, which it removes', () => {
    const text = new Y.Doc().getText('summary')
    text.insert(0, 'ab')
    text.insertEmbed(1, { image: 'x' })
    rewriteText(text, 'acb')
    expect(text.toString()).toBe('acb')
    expect(text.length).toBe(3)
  })
})
