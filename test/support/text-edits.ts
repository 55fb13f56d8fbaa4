/**
 * Edits of a text `summary` and a rich text `notes` as editors make them, drawn by fast-check. What an edit puts in is made of the word
 * it is given, so that it can be looked for afterwards.
 */
import fc from 'fast-check'
import * as Y from 'yjs'

export interface TextEdit {
  readonly kind: keyof typeof KINDS
  readonly at: number
  readonly length: number
  readonly mark: 'bold' | 'link--aB+/8c9=' | 'em'
}

export const TEXT_ROOTS = {
  summary: { kind: 'text', maxLength: 100_000 },
  notes: { kind: 'richText', maxLength: 500_000 },
} as const

const KINDS = {
  type: (document, { at }, word) => {
    const text = document.getText('summary')
    text.insert(at % (text.length + 1), word)
  },
  erase: (document, { at, length }) => {
    const text = document.getText('summary')
    const start = at % (text.length + 1)
    text.delete(start, Math.min(length, text.length - start))
  },
  format: (document, { at, length, mark }, word) => formatIn(document.getText('summary'), at, length, { [mark]: word }),
  unformat: (document, { at, length, mark }) => formatIn(document.getText('summary'), at, length, { [mark]: null }),
  paragraph: (document, { at, mark }, word) => {
    const notes = document.getXmlFragment('notes')
    const [element, text] = [new Y.XmlElement('paragraph'), new Y.XmlText()]
    text.insert(0, word)
    text.insert(word.length, ` ${word}`, { [mark]: { href: word, '?': word } })
    element.setAttribute('align', word)
    element.insert(0, [text])
    notes.insert(at % (notes.length + 1), [element])
  },
  list: (document, { at, length }, word) => {
    const notes = document.getXmlFragment('notes')
    let element = new Y.XmlElement('listItem')
    element.insert(0, [new Y.XmlText(word), new Y.XmlElement('hardBreak')])
    for (let level = 0; level < length; level += 1) {
      const outer = new Y.XmlElement('bulletList')
      outer.setAttribute('title', word)
      outer.insert(0, [element])
      element = outer
    }
    notes.insert(at % (notes.length + 1), [element])
  },
  write: (document, { at, mark, length }, word) => {
    const text = pick(textsOf(document), at)
    text?.insert(at % (text.length + 1), word, length % 2 === 0 ? { [mark]: { href: word } } : undefined)
  },
  strike: (document, { at, length }) => {
    const text = pick(textsOf(document), at)
    const start = text === undefined ? 0 : at % (text.length + 1)
    text?.delete(start, Math.min(length, text.length - start))
  },
  highlight: (document, { at, length, mark }, word) =>
    formatIn(pick(textsOf(document), at), at, length, { [mark]: { href: word } }),
  plain: (document, { at, length, mark }) => formatIn(pick(textsOf(document), at), at, length, { [mark]: null }),
  attribute: (document, { at }, word) => pick(elementsOf(document), at)?.setAttribute(at % 2 === 0 ? 'align' : '@title', word),
  unset: (document, { at }) => pick(elementsOf(document), at)?.removeAttribute(at % 2 === 0 ? 'align' : '@title'),
  cut: (document, { at, length }) => {
    const parent = at % 3 === 0 ? pick(elementsOf(document), at) : document.getXmlFragment('notes')
    const start = parent === undefined ? 0 : at % (parent.length + 1)
    parent?.delete(start, Math.min(length, parent.length - start))
  },
} satisfies Record<string, (document: Y.Doc, edit: TextEdit, word: string) => void>

const TEXT_EDIT: fc.Arbitrary<TextEdit> = fc.record({
  kind: fc.constantFrom(...(Object.keys(KINDS) as (keyof typeof KINDS)[])),
  at: fc.nat(40),
  length: fc.integer({ min: 1, max: 12 }),
  mark: fc.constantFrom('bold', 'link--aB+/8c9=', 'em'),
})

export function textEdits(maxLength: number): fc.Arbitrary<readonly TextEdit[]> {
  return fc.array(TEXT_EDIT, { minLength: 1, maxLength })
}

/** Without formatting: that can cut a pair of surrogates in its author's replica and say nothing of it to anybody. */
export function unformattedEdits(maxLength: number): fc.Arbitrary<readonly TextEdit[]> {
  const kinds = ['type', 'erase', 'write', 'strike', 'paragraph', 'list', 'cut'] as const
  const edit = fc.record({ kind: fc.constantFrom(...kinds), at: fc.nat(40), length: fc.integer({ min: 1, max: 12 }) })
  return fc.array(
    edit.map((drawn): TextEdit => ({ ...drawn, length: drawn.kind === 'write' ? 1 : drawn.length, mark: 'bold' })),
    { minLength: 1, maxLength },
  )
}

/** Client ids as Yjs draws them, the smallest and the largest among them; none twice. */
export function clientIds(count: number): fc.Arbitrary<readonly number[]> {
  const id = fc.oneof(fc.constantFrom(0, 1, 2 ** 32 - 1), fc.nat(2 ** 32 - 1))
  return fc.uniqueArray(id, { minLength: count, maxLength: count })
}

export function play(document: Y.Doc, edits: readonly TextEdit[], word: string): void {
  for (const edit of edits) KINDS[edit.kind](document, edit, word)
}

function formatIn(text: Y.Text | undefined, at: number, length: number, marks: object): void {
  if (text === undefined || text.length === 0) return
  const start = at % text.length
  text.format(start, Math.min(length, text.length - start), marks)
}

function elementsOf(document: Y.Doc): Y.XmlElement[] {
  const found: Y.XmlElement[] = []
  const visit = (parent: Y.XmlFragment): void => {
    for (const child of parent.toArray() as unknown[]) {
      if (!(child instanceof Y.XmlElement)) continue
      found.push(child)
      visit(child)
    }
  }
  visit(document.getXmlFragment('notes'))
  return found
}

function textsOf(document: Y.Doc): Y.XmlText[] {
  return elementsOf(document).flatMap((element) =>
    (element.toArray() as unknown[]).filter((child): child is Y.XmlText => child instanceof Y.XmlText),
  )
}

function pick<T>(from: readonly T[], at: number): T | undefined {
  return from.length === 0 ? undefined : from[at % from.length]
}
