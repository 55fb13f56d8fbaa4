/**
 * What may stand in a text and in a rich text, for authors who may write there: what editors write stays, what cannot be stored or shown
 * goes alone, and the history reads what remains.
 */
import { xmlOf } from '@rapport/shared/schema/xml-text.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { measured, sizeAfter } from '../../../server/access/rich-text-size.ts'
import { isAlive } from '../../../server/access/text-items.ts'
import { MAX_LEVELS, MAX_VALUE_LENGTH } from '../../../server/access/text-rules.ts'
import { FORMATTED, MAX_SUMMARY } from '../../../server/access/text-summary.ts'
import { clientIds, play, TEXT_ROOTS, textEdits } from '../../support/text-edits.ts'
import { catchUp, device, seen, sent, TextStage } from '../../support/text-stage.ts'

const NOTHING = { issues: [], compensated: false, before: '', after: '' }

type Values = Record<string, NonNullable<unknown> | null>

function started(): { readonly stage: TextStage; readonly writer: Y.Doc } {
  const made = new TextStage(TEXT_ROOTS)
  return { stage: made, writer: device(made, 1) }
}

/** One permitted edit, heard by its author, and what was found. */
function write({ stage, writer }: ReturnType<typeof started>, edit: (document: Y.Doc) => void) {
  const { findings, updates } = stage.judge({ update: sent(writer, edit), permitted: true })
  for (const update of updates) Y.applyUpdate(writer, update, 'server')
  expect(updates.length).toBeLessThanOrEqual(1)
  for (const [name, { kind }] of Object.entries(TEXT_ROOTS)) {
    expect(seen(writer, name, kind)).toEqual(seen(stage.document, name, kind))
  }
  expect(findings.length).toBeLessThanOrEqual(1)
  return findings[0] ?? NOTHING
}

function paragraph(text: string, attributes: Values = {}): Y.XmlElement {
  const element = new Y.XmlElement<Values>('paragraph')
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
  element.insert(0, [new Y.XmlText(text)])
  return element as unknown as Y.XmlElement
}

function nested(levels: number): Y.XmlElement {
  let element = new Y.XmlElement('item')
  for (let level = 1; level < levels; level += 1) {
    const outer = new Y.XmlElement('item')
    outer.insert(0, [element])
    element = outer
  }
  return element
}

const notes = (document: Y.Doc): Y.XmlFragment => document.getXmlFragment('notes')
const summary = (document: Y.Doc): Y.Text => document.getText('summary')
const first = (document: Y.Doc): Y.XmlElement<Values> => notes(document).get(0) as Y.XmlElement<Values>

describe('what editors write', () => {
  it('stays, all of it, in one update', () => {
    fc.assert(
      fc.property(clientIds(3), textEdits(25), textEdits(25), ([one = 0, other = 0, server = 0], first, second) => {
        const made = new TextStage(TEXT_ROOTS, server)
        for (const [client, edits] of [
          [one, first],
          [other, second],
        ] as const) {
          const writer = device(made, client)
          const update = sent(writer, (document) => play(document, edits, 'Ana'))
          const { findings, updates } = made.judge({ update, permitted: true })
          expect(findings.flatMap(({ issues }) => issues)).toEqual([])
          expect(updates.length).toBeLessThanOrEqual(1)
          for (const [name, { kind }] of Object.entries(TEXT_ROOTS)) {
            expect(seen(made.document, name, kind)).toEqual(seen(writer, name, kind))
          }
        }
      }),
      { numRuns: 200 },
    )
  })

  it.each<[string, (document: Y.Doc) => void]>([
    [
      'marks with attributes, and overlapping ones under hashed names',
      (document) => {
        const text = new Y.XmlText()
        const mark = { href: 'https://example.org', target: '_blank', rel: null, class: null }
        text.applyDelta([{ insert: 'a', attributes: { bold: {}, 'link--aB+/8c9=': mark } }, { insert: 'b' }])
        notes(document).insert(0, [text])
      },
    ],
    [
      'attributes that are numbers, flags, null, lists and objects',
      (document) => {
        notes(document).insert(0, [
          paragraph('a', { level: 2, open: false, colspan: null, colwidth: [120, 80], style: { top: 1 } }),
        ])
      },
    ],
    [
      'texts and elements inside a text, with attributes of their own',
      (document) => {
        const [outer, inner] = [new Y.XmlText(), new Y.XmlText('line')]
        outer.insertEmbed(0, inner)
        outer.insertEmbed(1, new Y.XmlElement('mention'))
        notes(document).insert(0, [outer])
        inner.setAttribute('__type', 'paragraph')
      },
    ],
    [`elements on ${MAX_LEVELS} levels`, (document) => notes(document).insert(0, [nested(MAX_LEVELS)])],
    [
      'plain formatting in a text',
      (document) => {
        summary(document).insert(0, 'a', { bold: true, link: 'https://example.org', header: 1, list: 'ordered' })
      },
    ],
    ['characters beyond the basic plane', (document) => summary(document).insert(0, '😀 \uFFFD 東京')],
  ])('%s', (_, edit) => {
    const { issues, compensated } = write(started(), edit)
    expect({ issues, compensated }).toEqual({ issues: [], compensated: false })
  })
})

describe('P4: what has no place', () => {
  const long = 'x'.repeat(MAX_VALUE_LENGTH + 1)

  it.each<[string, string, (document: Y.Doc) => void]>([
    ['a shared type', 'kind', (document) => summary(document).insertEmbed(1, new Y.Map([['bad', 'bad']]))],
    ['an element', 'kind', (document) => summary(document).insertEmbed(1, paragraph('bad', { bad: 'bad' }))],
    ['an attribute', 'kind', (document) => summary(document).setAttribute('x', 'bad')],
    ['formatting with an object', 'kind', (document) => summary(document).format(0, 2, { bold: { bad: 'bad' } })],
    ['formatting under an endless name', 'shape', (document) => summary(document).format(0, 2, { [`bad${long}`]: true })],
    ['formatting under no name', 'shape', (document) => summary(document).format(0, 2, { '': true })],
    ['an endless formatting value', 'length', (document) => summary(document).format(0, 2, { link: `bad${long}` })],
    ['a lone surrogate in a formatting value', 'shape', (document) => summary(document).format(0, 2, { link: 'bad \ud800' })],
    ['NUL', 'shape', (document) => summary(document).insert(1, 'bad\0')],
  ])('in a text goes alone: %s', (_, code, edit) => {
    const made = started()
    write(made, (document) => summary(document).insert(0, 'Ana'))
    const before = seen(made.stage.document, 'summary', 'text')
    const finding = write(made, (document) => {
      edit(document)
      notes(document).insert(0, [])
    })
    expect(finding).toEqual({ issues: [{ path: ['summary'], code }], compensated: true, before: '', after: '' })
    expect(seen(made.stage.document, 'summary', 'text')).toEqual(before)
    expect(Buffer.from(Y.encodeStateAsUpdate(made.stage.document)).includes('bad')).toBe(false)
  })

  it.each<[string, string, (document: Y.Doc) => void]>([
    ['a map', 'kind', (document) => first(document).insert(1, [new Y.Map([['bad', 'bad']]) as never])],
    ['a list', 'kind', (document) => first(document).insert(1, [Y.Array.from(['bad']) as never])],
    ['a text of the other kind', 'kind', (document) => first(document).insert(1, [new Y.Text('bad') as never])],
    ['a hook', 'kind', (document) => first(document).insert(1, [new Y.XmlHook('bad') as never])],
    ['a fragment', 'kind', (document) => notes(document).insert(1, [new Y.XmlFragment() as never])],
    ['a bare value', 'kind', (document) => first(document).insert(1, ['bad' as never])],
    [
      'a map inside a text',
      'kind',
      (document) => (first(document).get(0) as Y.XmlText).insertEmbed(1, new Y.Map([['bad', 'bad']])),
    ],
    ['an element whose name is none', 'shape', (document) => notes(document).insert(0, [new Y.XmlElement('bad <name>')])],
    ['one level too many', 'shape', (document) => notes(document).insert(0, [nested(MAX_LEVELS), nested(MAX_LEVELS + 1)])],
    ['an endless attribute', 'length', (document) => first(document).setAttribute('align', `bad${long}`)],
    ['an attribute of bytes', 'kind', (document) => first(document).setAttribute('align', new Uint8Array([98, 97, 100]))],
    ['an attribute that is a type', 'kind', (document) => first(document).setAttribute('align', new Y.Text('bad'))],
    ['an attribute that JSON cannot say', 'kind', (document) => first(document).setAttribute('align', { bad: Number.NaN })],
    ['an attribute that is no number of ours', 'kind', (document) => first(document).setAttribute('align', 2n ** 60n)],
    [
      'an attribute of too many levels',
      'shape',
      (document) => {
        first(document).setAttribute('align', [[[[[[[[['bad']]]]]]]]])
      },
    ],
    [
      'an attribute of too many values',
      'length',
      (document) =>
        first(document).setAttribute(
          'align',
          Array.from({ length: 5_000 }, () => 'bad'),
        ),
    ],
    ['an attribute that sets a prototype', 'shape', (document) => first(document).setAttribute('__proto__', { bad: true })],
    ['NUL', 'shape', (document) => (first(document).get(0) as Y.XmlText).insert(1, 'bad\0')],
    ['NUL in an attribute', 'shape', (document) => first(document).setAttribute('align', 'bad\0')],
  ])('in a rich text goes alone: %s', (name, code, edit) => {
    const made = started()
    write(made, (document) => notes(document).insert(0, [paragraph('Ana', { align: 'left' })]))
    const finding = write(made, (document) => {
      edit(document)
      notes(document).insert(0, [paragraph('good')])
    })
    expect(finding).toEqual({ issues: [{ path: ['notes'], code }], compensated: true, before: '', after: 'good' })
    const kept = name === 'one level too many' ? xmlOf(notes(made.stage.document)).match(/<item>/g)?.length : 0
    expect(kept).toBe(name === 'one level too many' ? 2 * MAX_LEVELS : 0)
    expect(xmlOf(notes(made.stage.document))).toContain('<paragraph align="left">Ana</paragraph>')
    expect(Buffer.from(Y.encodeStateAsUpdate(made.stage.document)).includes('bad')).toBe(false)
  })

  it('below an element that is refused goes with it, and what a reader would see never was', () => {
    const made = started()
    const finding = write(made, (document) => {
      const bad = new Y.XmlElement('1st')
      bad.insert(0, [paragraph('bad'), nested(3)])
      notes(document).insert(0, [bad])
    })
    expect(finding).toEqual({ issues: [{ path: ['notes'], code: 'shape' }], compensated: true, before: '', after: '' })
    expect(xmlOf(notes(made.stage.document))).toBe('')
  })
})

describe('P10: lengths', () => {
  const small = { summary: { kind: 'text', maxLength: 10 }, notes: { kind: 'richText', maxLength: 60 } } as const

  function tight(): { readonly stage: TextStage; readonly writer: Y.Doc } {
    const made = new TextStage(small)
    return { stage: made, writer: device(made, 1) }
  }

  it('of a text are counted in code points; an edit that makes too much of it has no effect, what it deleted is back', () => {
    const made = tight()
    expect(write(made, (document) => summary(document).insert(0, '😀'.repeat(10))).compensated).toBe(false)
    const over = write(made, (document) => summary(document).insert(4, 'x'))
    expect(over).toEqual({ issues: [{ path: ['summary'], code: 'length' }], compensated: true, before: '', after: '' })
    expect(summary(made.stage.document).toString()).toBe('😀'.repeat(10))
    const replaced = write(made, (document) => {
      summary(document).delete(0, 4)
      summary(document).insert(0, 'abcd')
    })
    expect(replaced).toEqual({ issues: [{ path: ['summary'], code: 'length' }], compensated: true, before: '', after: '' })
    expect(summary(made.stage.document).toString()).toBe('😀'.repeat(10))
  })

  it('of a text that is too long already can still be made less', () => {
    const made = tight()
    summary(made.stage.document).insert(0, 'far too long a text')
    catchUp(made.stage, made.writer)
    const finding = write(made, (document) => {
      summary(document).delete(0, 8)
      summary(document).insert(0, 'very')
    })
    expect(finding).toEqual({ issues: [], compensated: false, before: 'far too ', after: 'very' })
  })

  it('of a rich text are those of its XML form', () => {
    const made = tight()
    // 23 characters of tags.
    const fits = write(made, (document) => notes(document).insert(0, [paragraph('x'.repeat(36))]))
    expect(fits.issues).toEqual([])
    expect(write(made, (document) => (first(document).get(0) as Y.XmlText).insert(3, 'y')).issues).toEqual([])
    expect(xmlOf(notes(made.stage.document))).toHaveLength(60)
    for (const edit of [
      (document: Y.Doc) => (first(document).get(0) as Y.XmlText).insert(3, 'z'),
      (document: Y.Doc) => (first(document).get(0) as Y.XmlText).format(3, 1, { em: {} }),
      (document: Y.Doc) => first(document).setAttribute('a', 1),
      (document: Y.Doc) => notes(document).insert(1, [new Y.XmlElement('p')]),
    ]) {
      expect(write(made, edit).issues).toEqual([{ path: ['notes'], code: 'length' }])
      expect(xmlOf(notes(made.stage.document))).toHaveLength(60)
    }
    expect(write(made, (document) => (first(document).get(0) as Y.XmlText).delete(0, 5)).issues).toEqual([])
    expect(write(made, (document) => (first(document).get(0) as Y.XmlText).insert(0, '<')).issues).toEqual([])
    expect(xmlOf(notes(made.stage.document))).toHaveLength(59)
  })

  it('of a rich text are known at every step without writing it', () => {
    const steps = fc.array(fc.record({ edits: textEdits(4), permitted: fc.boolean(), author: fc.nat(1) }), {
      minLength: 1,
      maxLength: 12,
    })
    fc.assert(
      fc.property(clientIds(3), steps, ([one = 0, other = 0, server = 0], played) => {
        const made = new TextStage(TEXT_ROOTS, server)
        const devices = [device(made, one), device(made, other)]
        const fragment = notes(made.document)
        for (const { edits, permitted, author } of played) {
          const submissions = devices.map((each, index) => {
            const update = sent(each, (document) => play(document, edits, index === author ? 'a<"&>😀' : 'c'))
            return { update, permitted: index === author || permitted }
          })
          made.judge(...submissions)
          if (edits.length % 2 === 0) for (const each of devices) catchUp(made, each)
          const size = made.document.transact((transaction) => sizeAfter(fragment, transaction, []))
          expect(size).toBe([...xmlOf(fragment)].length)
          expect(size).toBe(measured(fragment, isAlive))
        }
      }),
      { numRuns: 200 },
    )
  })

  it('of a rich text count what came by another way than a judged submission', () => {
    const made = tight()
    write(made, (document) => notes(document).insert(0, [paragraph('x'.repeat(30))]))
    const elsewhere = device(made.stage, 9)
    // 7 characters of tags.
    Y.applyUpdate(
      made.stage.document,
      sent(elsewhere, (document) => notes(document).insert(0, [new Y.XmlElement('p')])),
    )
    catchUp(made.stage, made.writer)
    const last = (document: Y.Doc): Y.XmlText => (notes(document).get(1) as Y.XmlElement).get(0) as Y.XmlText
    expect(write(made, (document) => last(document).insert(0, 'a')).issues).toEqual([{ path: ['notes'], code: 'length' }])
    expect(write(made, (document) => last(document).delete(0, 7)).issues).toEqual([])

    const fragment = notes(made.stage.document)
    made.stage.document.transact((transaction) => {
      sizeAfter(fragment, transaction, [])
      const element = fragment.get(0) as Y.XmlElement
      element.setAttribute('a', '1234')
    })
    catchUp(made.stage, made.writer)
    expect(xmlOf(fragment)).toHaveLength(62)
    expect(write(made, (document) => last(document).insert(0, 'a')).issues).toEqual([{ path: ['notes'], code: 'length' }])
  })
})

describe('an attribute', () => {
  it('P4: that lost to a value which may not be there is written again', () => {
    for (const clients of [
      [5, 9],
      [9, 5],
    ] as const) {
      const made = started()
      write(made, (document) => notes(document).insert(0, [paragraph('Ana')]))
      const [offender, honest] = clients.map((client) => device(made.stage, client)) as [Y.Doc, Y.Doc]
      const bad = sent(offender, (document) => first(document).setAttribute('align', 'bad'))
      const good = sent(honest, (document) => first(document).setAttribute('align', 'left'))
      made.stage.judge({ update: bad, permitted: false })
      const { findings } = made.stage.judge({ update: good, permitted: true })
      expect(findings).toEqual([{ issues: [], compensated: false, before: '', after: FORMATTED }])
      for (const each of [offender, honest]) catchUp(made.stage, each)
      for (const each of [made.stage.document, offender, honest]) expect(first(each).getAttribute('align')).toBe('left')
    }
  })

  it('P4: shows again what it showed before one that has no place, and the history knows nothing of it', () => {
    const made = started()
    write(made, (document) => notes(document).insert(0, [paragraph('Ana', { align: 'left' })]))
    const finding = write(made, (document) => first(document).setAttribute('align', 'bad\0'))
    expect(finding).toEqual({ issues: [{ path: ['notes'], code: 'shape' }], compensated: true, before: '', after: '' })
    expect(first(made.stage.document).getAttributes()).toEqual({ align: 'left' })
  })

  it('stays removed where its author set it and then removed it, one after the other', () => {
    const made = started()
    write(made, (document) => notes(document).insert(0, [paragraph('Ana')]))
    // What it deleted itself, a replica without collection still sends.
    const writer = device(made.stage, 3, false)
    const set = sent(writer, (document) => first(document).setAttribute('align', 'left'))
    const removed = sent(writer, (document) => first(document).removeAttribute('align'))
    const { findings } = made.stage.judge({ update: Y.mergeUpdates([set, removed]), permitted: true })
    expect(findings).toEqual([NOTHING])
    expect(first(made.stage.document).getAttributes()).toEqual({})
  })

  it('stays removed for who had removed it', () => {
    const made = started()
    write(made, (document) => notes(document).insert(0, [paragraph('Ana', { align: 'left' })]))
    const finding = write(made, (document) => first(document).removeAttribute('align'))
    expect(finding).toEqual({ issues: [], compensated: false, before: '', after: FORMATTED })
    expect(first(made.stage.document).getAttributes()).toEqual({})
  })
})

describe('the history of a text', () => {
  it('reads what was taken away and what was put in', () => {
    const made = started()
    expect(write(made, (document) => summary(document).insert(0, 'Ana likes tea'))).toMatchObject({
      before: '',
      after: 'Ana likes tea',
    })
    const replaced = write(made, (document) => {
      summary(document).delete(10, 3)
      summary(document).insert(10, 'coffee')
    })
    expect(replaced).toMatchObject({ before: 'tea', after: 'coffee' })
    expect(write(made, (document) => summary(document).format(0, 3, { bold: true }))).toMatchObject({
      before: '',
      after: FORMATTED,
    })
    expect(write(made, (document) => summary(document).delete(0, 4))).toMatchObject({ before: 'Ana ', after: '' })
  })

  it('tells paragraphs apart, and mentions those without words', () => {
    const made = started()
    const both = write(made, (document) => notes(document).insert(0, [paragraph('One'), paragraph('Two')]))
    expect(both).toMatchObject({ before: '', after: 'One\nTwo' })
    expect(write(made, (document) => notes(document).insert(0, [new Y.XmlElement('rule')]))).toMatchObject({ after: FORMATTED })
    expect(write(made, (document) => notes(document).delete(0, 3))).toMatchObject({ before: 'One\nTwo', after: '' })
  })

  it('is shortened, between characters', () => {
    const { after } = write(started(), (document) => summary(document).insert(0, '😀'.repeat(500)))
    expect(after).toBe(`${'😀'.repeat(MAX_SUMMARY - 1)}…`)
  })
})
