/** Rich text put back as it was: it reads exactly so, and what did not differ keeps its identity. */
import { readsAlike, rewriteRichText } from '@rapport/shared/schema/rich-text-edit.ts'
import { xmlOf } from '@rapport/shared/schema/xml-text.ts'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { wholeCharacters } from '../../support/whole-characters.ts'
import { fork, sync } from './replicas.ts'

const notesOf = (document: Y.Doc): Y.XmlFragment => document.getXmlFragment('notes')

function paragraph(text: string): Y.XmlElement {
  const element = new Y.XmlElement('paragraph')
  element.insert(0, [new Y.XmlText(text)])
  return element
}

/** The document as it is now, for later. */
function kept(document: Y.Doc): Y.Doc {
  const copy = new Y.Doc()
  Y.applyUpdate(copy, Y.encodeStateAsUpdate(document))
  return copy
}

/** A step of an editor: which child, where in it, and what. */
const step = fc.record({
  what: fc.constantFrom('add', 'nest', 'remove', 'type', 'erase', 'mark', 'unmark', 'attribute', 'embed', 'node'),
  child: fc.nat(20),
  from: fc.nat(20),
  length: fc.integer({ min: 1, max: 8 }),
  text: fc.constantFrom('a', 'bc', 'ded', '🙂', 'x🙃y', ' '),
})
type Step = Parameters<typeof take>[1]

function take(
  document: Y.Doc,
  { what, child, from, length, text }: { what: string; child: number; from: number; length: number; text: string },
): void {
  const fragment = notesOf(document)
  const place = fragment.length === 0 ? 0 : child % fragment.length
  const element = fragment.length === 0 ? undefined : (fragment.get(place) as Y.XmlElement)
  const inner = element?.length ? element.get(0) : undefined
  const words = inner instanceof Y.XmlText ? inner : undefined
  const at = words === undefined ? 0 : from % (words.length + 1)
  const some = words === undefined ? 0 : Math.min(length, words.length - at)
  const whole = words === undefined ? { start: 0, length: 0 } : wholeCharacters(words, at, some)
  if (what === 'add') fragment.insert(place, [paragraph(text)])
  else if (what === 'nest') {
    const list = new Y.XmlElement('list')
    list.insert(0, [paragraph(text), paragraph('item')])
    fragment.insert(place, [list])
  } else if (element === undefined) return
  else if (what === 'remove') fragment.delete(place, Math.min(length % 3, fragment.length - place))
  else if (what === 'attribute') element.setAttribute(from % 2 === 0 ? 'level' : 'align', text)
  else if (words === undefined) return
  else if (what === 'type') words.insert(at, text)
  else if (what === 'erase') words.delete(at, some)
  else if (what === 'mark')
    words.format(whole.start, whole.length, { [from % 2 === 0 ? 'bold' : 'link']: from % 2 === 0 ? true : { href: text } })
  else if (what === 'unmark') words.format(whole.start, whole.length, { bold: null, link: null })
  else if (what === 'embed') words.insertEmbed(at, { mention: text })
  else words.insertEmbed(at, new Y.XmlElement('break'))
}

test('whatever editors did since, the text reads as it did then, on every replica', () => {
  let differing = 0
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), fc.array(step, { maxLength: 25 }), (before, after) => {
      const document = new Y.Doc()
      for (const each of before) take(document, each as Step)
      const then = kept(document)
      const [read, state] = [xmlOf(notesOf(then)), Y.encodeStateAsUpdate(then)]
      for (const each of after) take(document, each as Step)
      if (!readsAlike(notesOf(document), notesOf(then))) differing += 1
      rewriteRichText(notesOf(document), notesOf(then))
      expect(xmlOf(notesOf(document))).toBe(read)
      expect(readsAlike(notesOf(document), notesOf(then))).toBe(true)
      expect(Y.encodeStateAsUpdate(then)).toEqual(state)
      expect(xmlOf(notesOf(kept(document)))).toBe(read)
    }),
    { numRuns: 1_000 },
  )
  expect(differing).toBeGreaterThan(500)
})

test('texts whose XML differs never read alike', () => {
  let differing = 0
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), fc.array(step, { maxLength: 3 }), (before, after) => {
      const document = new Y.Doc()
      for (const each of before) take(document, each as Step)
      const then = kept(document)
      for (const each of after) take(document, each as Step)
      if (xmlOf(notesOf(document)) === xmlOf(notesOf(then))) return
      differing += 1
      expect(readsAlike(notesOf(document), notesOf(then))).toBe(false)
    }),
    { numRuns: 500 },
  )
  expect(differing).toBeGreaterThan(100)
})

test('what stayed keeps its identity: words that others type into it meanwhile stay', () => {
  const [server, phone] = fork(2, (document) => {
    notesOf(document).insert(0, ['one', 'two', 'three', 'four'].map(paragraph))
  }) as [Y.Doc, Y.Doc]
  const then = kept(server)
  const wordsOf = (document: Y.Doc, child: number): Y.XmlText =>
    (notesOf(document).get(child) as Y.XmlElement).get(0) as Y.XmlText
  wordsOf(server, 1).insert(3, ' and a half')
  notesOf(server).delete(3, 1)
  sync([server, phone])
  wordsOf(phone, 0).insert(3, ' more')
  wordsOf(phone, 1).insert(0, 'say ')
  rewriteRichText(notesOf(server), notesOf(then))
  sync([server, phone])
  const read = ['one more', 'say two', 'three', 'four'].map((text) => `<paragraph>${text}</paragraph>`).join('')
  expect([xmlOf(notesOf(server)), xmlOf(notesOf(phone))]).toEqual([read, read])
})

test('what reads alike already is not written', () => {
  const document = new Y.Doc()
  notesOf(document).insert(0, [paragraph('same')])
  const words = (notesOf(document).get(0) as Y.XmlElement).get(0) as Y.XmlText
  words.format(0, 2, { bold: true })
  const then = kept(document)
  words.format(0, 2, { bold: null })
  words.format(0, 2, { bold: true })
  let updates = 0
  document.on('update', () => {
    updates += 1
  })
  rewriteRichText(notesOf(document), notesOf(then))
  expect(updates).toBe(0)
})
