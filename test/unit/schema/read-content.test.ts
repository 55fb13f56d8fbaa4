import { contact } from '@rapport/shared/records/contact.ts'
import { materialise, readMeta, rootKinds, writeMeta } from '@rapport/shared/schema/layout.ts'
import { readContent } from '@rapport/shared/schema/read-content.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'

const EMPTY = { fields: {}, summary: '', notes: '', tags: {}, activities: {}, emails: {}, phones: {}, addresses: {} }

/** As a server sees it: only bytes arrive, and no root has a class yet. */
function received(write: (document: Y.Doc) => void): Y.Doc {
  const author = new Y.Doc()
  write(author)
  const document = new Y.Doc()
  Y.applyUpdate(document, Y.encodeStateAsUpdate(author))
  return document
}

/** Everything that a key of a Y.Map can be made to hold. */
const anything = fc.oneof(
  fc.anything({ withBigInt: false, maxDepth: 2 }).filter((value) => typeof value !== 'function' && typeof value !== 'symbol'),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -0, undefined, null, 1n, 'a\0b', 'lone \ud800', true),
  fc.constantFrom(
    () => new Uint8Array([1, 2]),
    () => new Y.Map([['nested', new Y.Array()]]),
    () => new Y.XmlElement('p'),
    () => new Y.Doc(),
  ),
  fc.constant(JSON.parse('{"__proto__": {"polluted": true}}') as object),
)

const anyKey = fc.oneof(
  fc.constantFrom(
    'title',
    'x_a',
    '__proto__',
    'constructor',
    'toString',
    'e1/address',
    'e1/order',
    'e1/deleted',
    '__proto__/address',
  ),
  fc.constantFrom('e1/__proto__', 'e1/', '/', '', 'e1/address/x', 'schemaVersion', 'createdAt', 'deletedAt'),
  fc.string({ maxLength: 6 }),
)

describe('the layout', () => {
  it('names every root with its Yjs kind', () => {
    expect([...rootKinds(contact)]).toEqual([
      ['fields', 'map'],
      ['summary', 'text'],
      ['notes', 'xml'],
      ['tags', 'map'],
      ['activities', 'map'],
      ['emails', 'map'],
      ['phones', 'map'],
      ['addresses', 'map'],
      ['meta', 'map'],
    ])
  })

  it('is given to a document that only has bytes, without writing anything', () => {
    const document = received((author) => author.getText('summary').insert(0, 'x'))
    const before = Y.encodeStateAsUpdate(document)
    materialise(contact, document)
    expect(document.share.get('summary')).toBeInstanceOf(Y.Text)
    expect(document.share.get('notes')).toBeInstanceOf(Y.XmlFragment)
    expect(document.share.get('tags')).toBeInstanceOf(Y.Map)
    expect(Y.encodeStateAsUpdate(document)).toEqual(before)
  })
})

describe('reading', () => {
  it('an empty document has all roots, empty', () => {
    expect(readContent(contact, new Y.Doc())).toEqual(EMPTY)
  })

  it('shows what the contract names, and leaves out null, deleted entries and names that are not declared', () => {
    const document = received((author) => {
      const fields = author.getMap('fields')
      for (const [key, value] of Object.entries({ title: 'Buyer', stage: null, x_size: 4, shoeSize: 44, doNotCall: false })) {
        fields.set(key, value)
      }
      author.getText('summary').insert(0, 'Hello')
      const paragraph = new Y.XmlElement('paragraph')
      author.getXmlFragment('notes').insert(0, [paragraph])
      paragraph.insert(0, [new Y.XmlText('Hi')])
      author.getMap('tags').set('vip', true)
      author.getMap('tags').set('gone', null)
      author.getMap('emails').set('e1/address', 'a@example.com')
      author.getMap('emails').set('e1/order', 'V')
      author.getMap('emails').set('e1/colour', 'red')
      author.getMap('emails').set('e2/address', 'b@example.com')
      author.getMap('emails').set('e2/deleted', true)
      author.getMap('emails').set('e3/deleted', null)
      author.getMap('strange').set('a', 'b')
    })
    expect(readContent(contact, document)).toEqual({
      ...EMPTY,
      fields: { title: 'Buyer', x_size: 4, doNotCall: false },
      summary: 'Hello',
      notes: '<paragraph>Hi</paragraph>',
      tags: { vip: true },
      emails: { e1: { address: 'a@example.com', order: 'V' } },
    })
  })

  it('P10: nothing that a document can hold makes it throw, pollutes a prototype or breaks JSON', () => {
    const roots = fc.constantFrom('fields', 'tags', 'emails', 'phones', 'meta', 'summary', 'notes')
    fc.assert(
      fc.property(fc.array(fc.tuple(roots, anyKey, anything), { maxLength: 12 }), (writes) => {
        const document = received((author) => {
          for (const [root, key, value] of writes) author.getMap(root).set(key, typeof value === 'function' ? value() : value)
        })
        const content = readContent(contact, document)
        readMeta(document)
        expect(JSON.parse(JSON.stringify(content))).toEqual(content)
        expect(({} as Record<string, unknown>).polluted).toBeUndefined()
        for (const value of [content, ...Object.values(content), ...Object.values(content.emails ?? {})]) {
          if (typeof value === 'object') expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
        }
        for (const value of Object.values(content.fields)) expect(['string', 'number', 'boolean']).toContain(typeof value)
      }),
      { numRuns: 300 },
    )
  })

  it('what JSON cannot say, or what could set a prototype, reads as its nearest harmless form', () => {
    const document = received((author) => {
      author.getMap('fields').set('x_zero', -0)
      author.getMap('fields').set('x_none', Number.NaN)
      author.getMap('tags').set('__proto__', true)
      author.getMap('emails').set('__proto__/label', 'x')
    })
    const content = readContent(contact, document)
    expect(Object.is(content.fields.x_zero, 0)).toBe(true)
    expect(content.fields).not.toHaveProperty('x_none')
    expect(Object.keys(content.tags as object)).toEqual([])
    expect(Object.keys(content.emails as object)).toEqual([])
  })

  it('order strings decide, then ids, and an entry without order comes first', () => {
    const document = received((author) => {
      const emails = author.getMap('emails')
      for (const [id, order] of [
        ['d', 'b'],
        ['c', 'a'],
        ['b', 'a'],
      ]) {
        emails.set(`${id}/label`, id)
        emails.set(`${id}/order`, order)
      }
      emails.set('z/label', 'z')
      emails.set('y/order', 7)
    })
    expect(Object.keys(readContent(contact, document).emails as object)).toEqual(['z', 'b', 'c', 'd'])
  })
})

describe('notes', () => {
  function notes(write: (fragment: Y.XmlFragment) => void): string {
    return String(
      readContent(
        contact,
        received((author) => write(author.getXmlFragment('notes'))),
      ).notes,
    )
  }

  function paragraph(fragment: Y.XmlFragment, text: string): Y.XmlText {
    const element = new Y.XmlElement('paragraph')
    const inner = new Y.XmlText(text)
    fragment.push([element])
    element.push([inner])
    return inner
  }

  it('of ordinary content read as Yjs itself writes them', () => {
    const author = new Y.Doc()
    const fragment = author.getXmlFragment('notes')
    paragraph(fragment, 'Hello there').format(0, 5, { strong: {}, link: { href: 'https://example.com', a: '1' } })
    const item = new Y.XmlElement('listItem')
    fragment.push([item])
    item.setAttribute('level', '2')
    item.setAttribute('class', 'x')
    expect(readContent(contact, author).notes).toBe(fragment.toString())
  })

  it('are well-formed where the text has characters that mean something in XML', () => {
    expect(notes((fragment) => paragraph(fragment, 'Tom & "Ida" <b>\u0001'))).toBe(
      '<paragraph>Tom &amp; &quot;Ida&quot; &lt;b&gt;\ufffd</paragraph>',
    )
  })

  it('survive hostile names, values and nesting', () => {
    expect(
      notes((fragment) => {
        const element = new Y.XmlElement('img src=x onerror=alert(1)')
        fragment.push([element])
        element.setAttribute('on"x', '1')
        element.setAttribute('deep', { a: 1 } as never)
        element.setAttribute('ok', '"quoted"')
        fragment.push([new Y.Map() as never, new Y.Text('plain') as never])
      }),
    ).toBe('<unknown ok="&quot;quoted&quot;"></unknown>')
    const deep = notes((fragment) => {
      let parent: Y.XmlFragment = fragment
      for (let depth = 0; depth < 2000; depth += 1) {
        const child = new Y.XmlElement('p')
        parent.push([child])
        parent = child
      }
    })
    expect(deep.startsWith('<p><p>')).toBe(true)
  })
})

describe('meta', () => {
  it('reads back as written', () => {
    const document = new Y.Doc()
    writeMeta(document, { schemaVersion: 1, createdAt: 1_750_000_000_123, createdBy: 'amira' })
    expect(readMeta(document)).toEqual({ schemaVersion: 1, createdAt: 1_750_000_000_123, createdBy: 'amira', deletedAt: null })
    writeMeta(document, { deletedAt: 1_750_000_001_000 })
    expect(document.getMap('meta').get('deletedAt')).toBe('2025-06-15T15:06:41.000Z')
    writeMeta(document, { deletedAt: null })
    expect(readMeta(document).deletedAt).toBeNull()
  })
})
