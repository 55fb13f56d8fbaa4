import type { Rule } from '@rapport/shared/mapping/mapping.ts'
import type { Cell, Plan, Row } from '@rapport/shared/mapping/plan.ts'
import { shadowOf } from '@rapport/shared/mapping/shadow.ts'
import { editorOf } from '@rapport/shared/schema/edit.ts'
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { person, personCells, personPlan, personRows, personWith, phoneSlots } from './people.ts'
import { absorb, deleteOf, insertOf, placesOf, refusalsOf, updateOf } from './row-stage.ts'

const slots = personPlan([phoneSlots])
const phones = {
  a: { label: 'home', number: '001' },
  b: { label: 'work', number: '002' },
  c: { label: 'work', number: '003' },
  d: { label: 'mobile', number: '004' },
}

const seen = personWith({ phones })

/** Seen by the writer, changed by others meanwhile, and then told of the statement. */
function absorbed(
  plan: Plan,
  change: Row,
  meanwhile: (editor: ReturnType<typeof editorOf<typeof person>>) => void = () => undefined,
) {
  const document = new Y.Doc()
  Y.applyUpdate(document, Y.encodeStateAsUpdate(seen))
  meanwhile(editorOf(person, document))
  const ground = { base: shadowOf(personRows(plan, seen)) }
  const result = absorb(plan, document, updateOf(plan, seen, change), ground)
  return { document, places: placesOf(result), refusals: refusalsOf(result), cells: personCells(plan, document) }
}

/** Live entries as `label number`, by id. */
function entriesIn(document: Y.Doc): Record<string, string> {
  const map = document.getMap('phones')
  const ids = new Set([...map.keys()].map((key) => key.slice(0, key.indexOf('/'))))
  const live = [...ids].filter((id) => map.get(`${id}/deleted`) !== true).sort()
  return Object.fromEntries(live.map((id) => [id, `${map.get(`${id}/label`)} ${map.get(`${id}/number`)}`]))
}

const start = { a: 'home 001', b: 'work 002', c: 'work 003', d: 'mobile 004' }

describe('P7: a slot that is changed', () => {
  it('changes the entry that it showed', () => {
    const { document, places } = absorbed(slots, { phone_work: '009' })
    expect(places).toEqual(['phones/b/number'])
    expect(entriesIn(document)).toEqual({ ...start, b: 'work 009' })
  })

  it('changes that entry wherever it is shown now', () => {
    const { document, places, cells } = absorbed(slots, { phone_work: '009' }, (editor) =>
      editor.setColumn('phones', 'c', 'primary', true),
    )
    expect(places).toEqual(['phones/b/number'])
    expect(entriesIn(document)).toEqual({ ...start, b: 'work 009' })
    expect(cells.phone_work).toBe('003')
  })

  it('tells of an entry that was changed on both sides', () => {
    const { document, places } = absorbed(slots, { phone_work: '009' }, (editor) =>
      editor.setColumn('phones', 'b', 'number', '008'),
    )
    expect(places).toEqual(['phones/b/number unseen'])
    expect(entriesIn(document)).toEqual({ ...start, b: 'work 009' })
  })

  it('deletes just that entry when it is emptied, and the next one that suits moves up', () => {
    const { document, places, cells } = absorbed(slots, { phone_work: null })
    expect(places).toEqual(['phones/b/deleted'])
    const { b: _, ...rest } = start
    expect(entriesIn(document)).toEqual(rest)
    expect(cells.phone_work).toBe('003')
  })

  it('deletes that entry though another is shown now', () => {
    const { document } = absorbed(slots, { phone_work: null }, (editor) => editor.setColumn('phones', 'c', 'primary', true))
    expect(Object.keys(entriesIn(document))).toEqual(['a', 'c', 'd'])
  })

  it('deletes nothing when all that could stand there has gone elsewhere already', () => {
    const { document, places } = absorbed(slots, { phone_mobile: null }, (editor) =>
      editor.setColumn('phones', 'd', 'label', 'home'),
    )
    expect(places).toEqual([])
    expect(entriesIn(document)).toEqual({ ...start, d: 'home 004' })
  })

  it('is no edit when it says what the document shows', () => {
    const { places } = absorbed(slots, { phone_work: '009' }, (editor) => editor.setColumn('phones', 'b', 'number', '009'))
    expect(places).toEqual([])
  })

  it('is refused with the others left, where the value does not fit', () => {
    const { document, refusals } = absorbed(slots, { phone_work: '0'.repeat(41), phone_mobile: '005' })
    expect(refusals).toEqual(['phones/b/number length: phone_work is longer than 40 characters'])
    expect(entriesIn(document)).toEqual({ ...start, d: 'mobile 005' })
  })
})

describe('P7: a slot that was empty', () => {
  it('becomes a new entry of its kind, at the end', () => {
    const document = personWith({ phones: { a: phones.a } })
    const result = absorb(slots, document, updateOf(slots, document, { phone_mobile: '005' }))
    const [id = ''] = Object.keys(entriesIn(document)).filter((one) => one !== 'a')
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect([...placesOf(result)].sort()).toEqual([`phones/${id}/label`, `phones/${id}/number`, `phones/${id}/order`])
    expect(entriesIn(document)).toEqual({ a: 'home 001', [id]: 'mobile 005' })
    expect(personCells(slots, document)).toEqual({ phone_work: null, phone_mobile: '005', phone_other: '001' })
  })

  it('becomes no second one when the change comes again', () => {
    const before = personWith({ phones: { a: phones.a } })
    const change = updateOf(slots, before, { phone_mobile: '005' })
    const base = shadowOf(personRows(slots, before))
    for (let n = 0; n < 10; n += 1) absorb(slots, before, change, { base })
    expect(Object.values(entriesIn(before)).sort()).toEqual(['home 001', 'mobile 005'])
  })

  it('becomes one beside the one that somebody else put there', () => {
    const empty = personWith({ phones: { a: phones.a } })
    const change = updateOf(slots, empty, { phone_work: '005' })
    const base = shadowOf(personRows(slots, empty))
    editorOf(person, empty).addEntry('phones', { label: 'work', number: '006' }, { id: 'w' })
    absorb(slots, empty, change, { base })
    expect(Object.values(entriesIn(empty)).sort()).toEqual(['home 001', 'work 005', 'work 006'])
  })

  it('takes the value into an entry that it showed without one', () => {
    const blank = personWith({ phones: { w: { label: 'work' } } })
    absorb(slots, blank, updateOf(slots, blank, { phone_work: '005' }), { base: shadowOf(personRows(slots, blank)) })
    expect(entriesIn(blank)).toEqual({ w: 'work 005' })
  })

  it('becomes none beyond those that a record may have', () => {
    const ten = Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`e${n}`, { label: 'home', number: `00${n}` }]))
    const full = personWith({ phones: ten })
    const result = absorb(slots, full, updateOf(slots, full, { phone_work: '005' }))
    expect(result.edits).toEqual([])
    expect(result.refusals).toMatchObject([{ code: 'length', reason: expect.stringContaining('one more than the 10') }])
  })

  it('fills with the first row of a record', () => {
    const document = personWith({})
    absorb(slots, document, insertOf('people', { tenant: 'acme', id: 'p-1', phone_work: '001', phone_other: '002' }))
    expect(personCells(slots, document)).toEqual({ phone_work: '001', phone_mobile: null, phone_other: '002' })
  })
})

describe('P7: several changes of one row before it is projected again', () => {
  /** Statements one after the other, each on the row as the one before left it. */
  function chain(...changes: readonly Row[]) {
    const document = new Y.Doc()
    Y.applyUpdate(document, Y.encodeStateAsUpdate(seen))
    const base = shadowOf(personRows(slots, seen))
    let row = personRows(slots, seen).main
    for (const change of changes) {
      const after = { ...row, ...change }
      absorb(slots, document, { table: 'people', operation: 'update', before: row, after }, { base })
      row = after
    }
    return entriesIn(document)
  }

  it('end as the last of them says', () => {
    expect(chain({ phone_work: '007' }, { phone_work: '008' }, { phone_work: '009' })).toEqual({ ...start, b: 'work 009' })
  })

  it('an emptied slot that is filled again is a new entry', () => {
    const entries = chain({ phone_mobile: null }, { phone_mobile: '005' })
    expect(entries.d).toBeUndefined()
    expect(Object.values(entries).sort()).toEqual(['home 001', 'mobile 005', 'work 002', 'work 003'])
  })

  it('a new entry that is changed, emptied and made anew leaves one', () => {
    const entries = chain(
      { phone_mobile: null },
      { phone_mobile: '005' },
      { phone_mobile: '006' },
      { phone_mobile: null },
      { phone_mobile: '007' },
    )
    expect(Object.values(entries).filter((entry) => entry.startsWith('mobile'))).toEqual(['mobile 007'])
  })
})

describe('P7: the overflow', () => {
  it('as a table takes rows back like a child’s', () => {
    const document = personWith({ phones })
    absorb(slots, document, updateOf(slots, document, { number: '009' }, 'person_phones'))
    expect(entriesIn(document)).toEqual({ ...start, c: 'work 009' })
    absorb(slots, document, deleteOf(slots, document, 'person_phones'))
    expect(Object.keys(entriesIn(document))).toEqual(['a', 'b', 'd'])
    absorb(
      slots,
      document,
      insertOf('person_phones', { tenant: 'acme', person_id: 'p-1', id: 'n', label: 'home', number: '010' }),
    )
    expect(entriesIn(document).n).toBe('home 010')
  })

  const inColumn: Rule = { ...phoneSlots, overflow: { column: 'phones_more' } }

  it.each<[string, Cell, Record<string, string>, string[]]>([
    ['a change of an entry', { c: { label: 'work', number: '009' } }, { ...start, c: 'work 009' }, []],
    ['a value that is gone', { c: { label: 'work' } }, { ...start, c: 'work null' }, []],
    [
      'an entry more',
      { c: { label: 'work', number: '003' }, n: { number: '005', label: 'fax' } },
      { ...start, n: 'fax 005' },
      [],
    ],
    ['an entry less', {}, { a: start.a, b: start.b, d: start.d }, []],
    ['nothing at all', null, { a: start.a, b: start.b, d: start.d }, []],
    ['the same in another order', { c: { number: '003', label: 'work' } }, start, []],
    [
      'what does not fit',
      { c: { label: 'work', number: 3 } },
      start,
      [
        'phones/c/number kind: phones_more holds an entry whose number may not be empty, or holds another kind of value than its field',
      ],
    ],
    [
      'an entry that stands in a slot, too',
      { c: { label: 'work', number: '003' }, b: { label: 'fax', number: '007' } },
      start,
      ['phones/b ambiguous: phones_more holds an entry whose id is that of an entry in a slot of the same row'],
    ],
    ['what is no object of entries', 'c', start, ['phones kind: phones_more is not an object of entries']],
    ['entries that are none', { c: 'work' }, start, ['phones kind: phones_more is not an object of entries']],
  ])('as a column takes %s', (_, cell, entries, refusals) => {
    const result = absorbed(personPlan([inColumn]), { phones_more: cell })
    expect(entriesIn(result.document)).toEqual(entries)
    expect(result.refusals).toEqual(refusals)
  })
})

it('an entry that a statement moves from its slot to the others is not deleted', () => {
  const plan = personPlan([{ ...phoneSlots, overflow: { column: 'phones_more' } }])
  const more = { c: { label: 'work', number: '003' }, d: { label: 'home', number: '004' } }
  const { document, places } = absorbed(plan, { phone_mobile: null, phones_more: more })
  expect(places).toEqual(['phones/d/label'])
  expect(entriesIn(document)).toEqual({ ...start, d: 'home 004' })
})

it('a slot of several fields in one column takes its entry apart', () => {
  const plan = personPlan([
    {
      rule: 'slots',
      root: 'addresses',
      by: 'kind',
      slots: [
        {
          value: 'home',
          columns: [{ rule: 'merge', fields: ['street', 'city'], column: 'address', by: 'commas@1', ambiguous: 'parse' }],
        },
      ],
      overflow: 'refuse',
    },
  ])
  const document = personWith({ addresses: { h: { kind: 'home', street: 'Main St 1, Apt 4', city: 'Springfield' } } })
  const result = absorb(plan, document, updateOf(plan, document, { address: 'Main St 1, Apt 4, Shelbyville' }), {
    base: shadowOf(personRows(plan, document)),
  })
  expect(placesOf(result)).toEqual(['addresses/h/city'])
  expect(document.getMap('addresses').toJSON()).toMatchObject({ 'h/street': 'Main St 1, Apt 4', 'h/city': 'Shelbyville' })
  const fresh = personWith({})
  absorb(plan, fresh, insertOf('people', { address: 'Main St 2, Springfield' }))
  expect(personCells(plan, fresh)).toEqual({ address: 'Main St 2, Springfield' })
  expect([...fresh.getMap('addresses').values()].sort()).toEqual(expect.arrayContaining(['Main St 2', 'Springfield', 'home']))
})
