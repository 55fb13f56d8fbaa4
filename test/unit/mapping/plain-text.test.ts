import { plainTextOf } from '@rapport/shared/schema/plain-text.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'

/** An element by name with what is in it: text, or elements again. */
type Node = string | Element

interface Element extends ReadonlyArray<Node> {
  readonly 0: string
}

function made(node: Node): Y.XmlElement | Y.XmlText {
  if (typeof node === 'string') return new Y.XmlText(node)
  const [name, ...children] = node
  const element = new Y.XmlElement(name)
  element.insert(0, children.map(made))
  return element
}

function textOf(...nodes: Node[]): string {
  const fragment = new Y.Doc().getXmlFragment('notes')
  fragment.insert(0, nodes.map(made))
  return plainTextOf(fragment)
}

describe('rich text as plain text', () => {
  it.each<[string, Node[], string]>([
    ['nothing', [], ''],
    [
      'a line per paragraph',
      [
        ['paragraph', 'one'],
        ['paragraph', 'two'],
      ],
      'one\ntwo',
    ],
    [
      'an empty paragraph is an empty line',
      [['paragraph', 'one'], ['paragraph'], ['paragraph', ''], ['paragraph', 'two']],
      'one\n\n\ntwo',
    ],
    [
      'containers add no lines',
      [
        ['bulletList', ['listItem', ['paragraph', 'a']], ['listItem', ['paragraph', 'b']]],
        ['paragraph', 'c'],
      ],
      'a\nb\nc',
    ],
    ['text that stands alone', ['one', 'and more', ['paragraph', 'two'], 'three'], 'oneand more\ntwo\nthree'],
    ['an element among text stays in its line', [['paragraph', 'Ask ', ['mention', 'Ida'], ' about it']], 'Ask Ida about it'],
    [
      'a break begins a line',
      [['paragraph', 'one', ['hardBreak'], 'two', ['hard_break'], 'three', ['BR'], 'four']],
      'one\ntwo\nthree\nfour',
    ],
    [
      'a list in a line of text',
      [
        ['listItem', 'fruit', ['list', ['item', 'apple'], ['item', 'pear']]],
        ['p', 'end'],
      ],
      'fruit\napple\npear\nend',
    ],
    ['what looks like markup is text', [['paragraph', '<b>&amp;</b>']], '<b>&amp;</b>'],
    ['a line break in text', [['code', 'a\nb']], 'a\nb'],
  ])('%s', (_, nodes, text) => {
    expect(textOf(...nodes)).toBe(text)
  })

  it('has neither marks nor attributes', () => {
    const fragment = new Y.Doc().getXmlFragment('notes')
    const element = new Y.XmlElement('heading')
    const text = new Y.XmlText('Hello there')
    fragment.insert(0, [element])
    element.insert(0, [text])
    element.setAttribute('level', '2')
    text.format(0, 5, { strong: {}, link: { href: 'https://example.com' } })
    expect(plainTextOf(fragment)).toBe('Hello there')
  })

  it('reads blocks that an editor keeps as texts in one text', () => {
    const fragment = new Y.Doc().getXmlFragment('notes')
    const root = new Y.XmlText()
    fragment.insert(0, [root])
    root.insertEmbed(0, new Y.XmlText('one'))
    root.insertEmbed(1, new Y.XmlText())
    root.insertEmbed(2, new Y.XmlText('two'))
    root.insertEmbed(3, { image: 'x.png' })
    expect(plainTextOf(fragment)).toBe('one\n\ntwo')
  })

  it('P10: survives any depth, and anything else that an update can put there', () => {
    const document = new Y.Doc()
    let parent: Y.XmlFragment = document.getXmlFragment('notes')
    for (let depth = 0; depth < 3000; depth += 1) {
      const element = new Y.XmlElement('p')
      parent.insert(0, [element])
      parent = element
    }
    parent.insert(0, [new Y.XmlText('deep')])
    expect(plainTextOf(document.getXmlFragment('notes'))).toBe('')

    const author = new Y.Doc()
    author.getArray('notes').push(['text', 4, { a: 1 }, new Uint8Array([1]), new Y.Map(), new Y.XmlHook('hook'), new Y.Text('x')])
    const reader = new Y.Doc()
    Y.applyUpdate(reader, Y.encodeStateAsUpdate(author))
    expect(plainTextOf(reader.getXmlFragment('notes'))).toBe('')
  })

  it('holds every character that was typed, in order', () => {
    const leaf = fc.string({ unit: 'grapheme', maxLength: 5 })
    const { node } = fc.letrec<{ node: Node }>((tie) => ({
      node: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.tuple(fc.constantFrom('p', 'ul', 'li'), tie('node'), tie('node')),
      ) as fc.Arbitrary<Node>,
    }))
    const typed = (one: Node): string =>
      typeof one === 'string'
        ? one
        : one
            .slice(1)
            .map((child) => typed(child))
            .join('')
    fc.assert(
      fc.property(fc.array(node, { maxLength: 4 }), (nodes) => {
        const written = nodes.map(typed).join('').replaceAll('\n', '')
        expect(textOf(...nodes).replaceAll('\n', '')).toBe(written)
      }),
    )
  })
})
