import type { MergeRule, SplitRule } from '@rapport/shared/mapping/mapping.ts'
import type { Row } from '@rapport/shared/mapping/plan.ts'
import { shadowOf } from '@rapport/shared/mapping/shadow.ts'
import { editorOf } from '@rapport/shared/schema/edit.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type * as Y from 'yjs'
import { person, personCells, personPlan, personRows, personWith } from './people.ts'
import { absorb, insertOf, placesOf, refusalsOf, updateOf } from './row-stage.ts'

const split: SplitRule = { rule: 'split', field: 'fullName', columns: ['first_name', 'last_name'], by: 'words@1' }
const merge: MergeRule = { rule: 'merge', fields: ['firstName', 'lastName'], column: 'name', by: 'words@1', ambiguous: 'parse' }
const splitting = personPlan([split])
const merging = personPlan([merge])

/** What the document holds after the statement, of which the writer saw the rows of `seen`. */
function absorbed(plan: typeof merging, seen: Y.Doc, document: Y.Doc, change: Row) {
  const result = absorb(plan, document, updateOf(plan, seen, change), { base: shadowOf(personRows(plan, seen)) })
  return { fields: document.getMap('fields').toJSON(), places: placesOf(result), refusals: refusalsOf(result) }
}

const named = (fullName: string) => personWith({ fields: { fullName } })
const parted = (firstName: string | null, lastName: string | null) => personWith({ fields: { firstName, lastName } })

describe('P7: several columns of one field', () => {
  it.each<[string, string, Row, string, string[]]>([
    ['one part', 'Ana Cruz', { last_name: 'Ruiz' }, 'Ana Ruiz', ['fields/fullName']],
    ['all parts', 'Ana Cruz', { first_name: 'Eva', last_name: 'Ruiz' }, 'Eva Ruiz', ['fields/fullName']],
    ['a part of several words', 'Ana Cruz', { first_name: 'Ana María' }, 'Ana\u00a0María Cruz', ['fields/fullName']],
    ['a part that was not there', 'Prince', { last_name: 'Nelson' }, 'Prince Nelson', ['fields/fullName']],
    ['a part that is emptied', 'Ana Cruz', { last_name: null }, 'Ana', ['fields/fullName']],
    ['the first part that is emptied', 'Ana Cruz', { first_name: null }, '\u00a0 Cruz', ['fields/fullName']],
    ['nothing but blanks', 'Ana Cruz', { first_name: ' Ana ' }, 'Ana Cruz', []],
  ])('take %s', (_, held, change, text, places) => {
    const document = named(held)
    expect(absorbed(splitting, named(held), document, change)).toEqual({ fields: { fullName: text }, places, refusals: [] })
    for (const [column, cell] of Object.entries(change)) {
      expect(personCells(splitting, document)[column]).toBe(typeof cell === 'string' ? cell.trim() : null)
    }
  })

  it('that are all emptied empty the field', () => {
    const document = named('Ana Cruz')
    expect(absorbed(splitting, named('Ana Cruz'), document, { first_name: null, last_name: null }).fields).toEqual({
      fullName: null,
    })
  })

  it('keep what the document says of the other part now', () => {
    const document = named('Eva Cruz')
    expect(absorbed(splitting, named('Ana Cruz'), document, { last_name: 'Ruiz' })).toMatchObject({
      fields: { fullName: 'Eva Ruiz' },
      places: ['fields/fullName'],
    })
  })

  it('tell of a part that was changed on both sides', () => {
    const document = named('Ana Soler')
    expect(absorbed(splitting, named('Ana Cruz'), document, { last_name: 'Ruiz' })).toMatchObject({
      fields: { fullName: 'Ana Ruiz' },
      places: ['fields/fullName unseen'],
    })
    const ruled = personPlan([{ ...split, authority: 'document' }])
    expect(absorbed(ruled, named('Ana Cruz'), named('Ana Soler'), { last_name: 'Ruiz' })).toMatchObject({
      fields: { fullName: 'Ana Soler' },
      refusals: ['fields/fullName overruled: last_name was changed in the record meanwhile, and the record has the say'],
    })
  })

  it('refuse what the field has no room for, and what divides its parts', () => {
    expect(absorbed(splitting, named('Ana Cruz'), named('Ana Cruz'), { last_name: 'x'.repeat(101) })).toEqual({
      fields: { fullName: 'Ana Cruz' },
      places: [],
      refusals: ['fields/fullName length: last_name makes fullName a text that is longer than 100 characters'],
    })
    const commas = personPlan([{ ...split, by: 'commas@1' }])
    expect(absorbed(commas, named('a, b'), named('a, b'), { first_name: 'a, c' }).refusals).toEqual([
      'fields/fullName ambiguous: first_name holds what divides the parts of fullName',
    ])
  })

  it('begin a record', () => {
    const document = personWith({})
    absorb(splitting, document, insertOf('people', { tenant: 'acme', id: 'p-1', first_name: 'Ana María', last_name: 'Cruz' }))
    expect(personCells(splitting, document)).toEqual({ first_name: 'Ana María', last_name: 'Cruz' })
  })

  it('that only go out are not read back', () => {
    const out = personPlan([{ ...split, direction: 'out' }])
    expect(absorbed(out, named('Ana Cruz'), named('Ana Cruz'), { last_name: 'Ruiz' }).refusals).toEqual([
      'fields/fullName outbound: last_name is filled from the record, and not read back',
    ])
  })
})

describe('P7: one column of several fields', () => {
  it.each<[string, [string | null, string | null], string | null, Record<string, string | null>]>([
    ['the end', ['Ana', 'Cruz'], 'Ana Ruiz', { firstName: 'Ana', lastName: 'Ruiz' }],
    [
      'the end, behind several words',
      ['Ana María', 'Cruz'],
      'Ana María Ruiz Soler',
      { firstName: 'Ana María', lastName: 'Ruiz Soler' },
    ],
    ['the start', ['Ana', 'de la Cruz'], 'Eva María de la Cruz', { firstName: 'Eva María', lastName: 'de la Cruz' }],
    ['all of it', ['Ana', 'Cruz'], 'Eva Ruiz', { firstName: 'Eva', lastName: 'Ruiz' }],
    ['a word more for a name of one', [null, 'Madonna'], 'Madonna Ciccone', { firstName: 'Madonna', lastName: 'Ciccone' }],
    ['another name of one', [null, 'Madonna'], 'Cher', { firstName: null, lastName: 'Cher' }],
    ['nothing any more', ['Ana', 'Cruz'], null, { firstName: null, lastName: null }],
  ])('takes a change of %s', (_, [first, last], name, fields) => {
    const document = parted(first, last)
    const { firstName = null, lastName = null } = absorbed(merging, parted(first, last), document, { name }).fields
    expect({ firstName, lastName }).toEqual(fields)
    expect(personCells(merging, document).name).toBe(name)
  })

  it('keeps what the document says of the other part now, and writes that alone which changed', () => {
    const document = parted('Eva', 'Cruz')
    expect(absorbed(merging, parted('Ana', 'Cruz'), document, { name: 'Ana Ruiz' })).toEqual({
      fields: { firstName: 'Eva', lastName: 'Ruiz' },
      places: ['fields/lastName'],
      refusals: [],
    })
    expect(personCells(merging, document)).toEqual({ name: 'Eva Ruiz' })
  })

  it('tells of a part that was changed on both sides', () => {
    expect(absorbed(merging, parted('Ana', 'Cruz'), parted('Ana', 'Soler'), { name: 'Ana Ruiz' }).places).toEqual([
      'fields/lastName unseen',
    ])
  })

  it('is taken apart by what was written last, even where the document says something else altogether', () => {
    const document = parted('X', 'Y')
    expect(absorbed(merging, parted('Ana María', 'de la Cruz'), document, { name: 'Ana María Ruiz' })).toMatchObject({
      fields: { firstName: 'X', lastName: 'Ruiz' },
      places: ['fields/lastName unseen'],
    })
  })

  it('is refused where it could mean several things, if the rule says so', () => {
    const strict = personPlan([{ ...merge, ambiguous: 'refuse' }])
    const change = { name: 'Eva de la Rosa' }
    expect(absorbed(strict, parted('Ana', 'Cruz'), parted('Ana', 'Cruz'), change)).toEqual({
      fields: { firstName: 'Ana', lastName: 'Cruz' },
      places: [],
      refusals: ['- ambiguous: name could mean several things'],
    })
    expect(absorbed(merging, parted('Ana', 'Cruz'), parted('Ana', 'Cruz'), change).fields).toEqual({
      firstName: 'Eva',
      lastName: 'de la Rosa',
    })
  })

  it('is refused as a whole where one part does not fit', () => {
    expect(absorbed(merging, parted('Ana', 'Cruz'), parted('Ana', 'Cruz'), { name: `Eva ${'x'.repeat(41)}` })).toEqual({
      fields: { firstName: 'Ana', lastName: 'Cruz' },
      places: [],
      refusals: ['fields/lastName length: name gives lastName a text that is longer than 40 characters'],
    })
  })
})

const word = fc.constantFrom('Ana', 'Eva', 'María', 'de', 'la', 'Cruz', 'Ruiz')
const part = fc.option(
  fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join(' ')),
  { nil: null },
)

describe('P7: laws of split and merge', () => {
  it('what a writer says of the parts is what the rows show afterwards, if nobody else was there', () => {
    fc.assert(
      fc.property(part, part, part, part, (...[first, last, newFirst, newLast]) => {
        const before = personWith({})
        absorb(splitting, before, insertOf('people', { first_name: first, last_name: last }))
        expect(personCells(splitting, before)).toEqual({ first_name: first, last_name: last })
        const change = { first_name: newFirst, last_name: newLast }
        absorb(splitting, before, updateOf(splitting, before, change))
        expect(personCells(splitting, before)).toEqual(change)
        const whole = [newFirst, newLast].filter((one) => one !== null).join(' ') || null
        const merged = parted(first, last)
        absorbed(merging, parted(first, last), merged, { name: whole })
        expect(personCells(merging, merged)).toEqual({ name: whole })
      }),
    )
  })

  it('a row that did not change, or that says what the document says, is no edit, whatever the document did', () => {
    fc.assert(
      fc.property(part, part, part, part, (...[first, last, newFirst, newLast]) => {
        for (const plan of [splitting, merging]) {
          const [seen, moved] = [parted(first, last), parted(newFirst, newLast)]
          const text = (...parts: (string | null)[]) => parts.filter((one) => one !== null).join(' ')
          editorOf(person, seen).set('fullName', text(first, last))
          editorOf(person, moved).set('fullName', text(newFirst, newLast))
          expect(absorbed(plan, seen, moved, {}).places).toEqual([])
          expect(absorbed(plan, seen, moved, personCells(plan, moved)).places).toEqual([])
        }
      }),
    )
  })

  it('a part that only the document changed, and one that only the row changed, both stand', () => {
    fc.assert(
      fc.property(word, word, word, word, (...[first, last, ours, theirs]) => {
        fc.pre(new Set([first, last, ours, theirs]).size === 4)
        const merged = parted(ours, last)
        absorbed(merging, parted(first, last), merged, { name: `${first} ${theirs}` })
        expect(personCells(merging, merged)).toEqual({ name: `${ours} ${theirs}` })
        const divided = named(`${ours} ${last}`)
        absorbed(splitting, named(`${first} ${last}`), divided, { last_name: theirs })
        expect(personCells(splitting, divided)).toEqual({ first_name: ours, last_name: theirs })
      }),
    )
  })
})
