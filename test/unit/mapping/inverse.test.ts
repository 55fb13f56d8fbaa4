import type { Row } from '@rapport/shared/mapping/plan.ts'
import { readMeta } from '@rapport/shared/schema/layout.ts'
import { readContent } from '@rapport/shared/schema/read-content.ts'
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import {
  absorb,
  deleteOf,
  insertOf,
  NOW,
  placesOf,
  planWhere,
  projected,
  recorded,
  refusalsOf,
  thingPlan,
  updateOf,
} from './row-stage.ts'
import { thing } from './things.ts'

const plan = thingPlan
const ada = () =>
  recorded((editor) => {
    editor.set('name', 'Ada')
    editor.set('size', 1.5)
    editor.set('price', '12.50')
    editor.set('seen', '2026-01-02T03:04:05.6Z')
    editor.set('level', 'low')
    editor.set('done', true)
    editor.setCustom('x_a', 1)
    editor.rewrite('summary', 'The first of many.')
  })

/** The same record in another place, which may be edited meanwhile. */
function copyOf(document: Y.Doc): Y.Doc {
  const copy = new Y.Doc()
  Y.applyUpdate(copy, Y.encodeStateAsUpdate(document))
  copy.clientID = 2
  return copy
}

describe('P7: a changed column of the main row', () => {
  it.each<[Row, string, unknown]>([
    [{ name: 'Grace' }, 'fields/name', 'Grace'],
    [{ name: null }, 'fields/name', undefined],
    [{ size: '2.25' }, 'fields/size', 2.25],
    [{ price: '1250.0000' }, 'fields/price', '1250.00'],
    [{ price: '0.1250' }, 'fields/price', '0.125'],
    [{ born: '1815-12-10' }, 'fields/born', '1815-12-10'],
    [{ seen: '2026-01-02T05:04:05.600001+01:30' }, 'fields/seen', '2026-01-02T03:34:05.600001Z'],
    [{ level: 'H' }, 'fields/level', 'high'],
    [{ done: false }, 'fields/done', false],
    [{ boss_id: 't-2' }, 'fields/boss', 't-2'],
    [{ custom: { x_a: 2 } }, 'fields/x_a', 2],
    [{ custom: {} }, 'fields/x_a', undefined],
  ])('%o is one edit of %s', (change, place, value) => {
    const document = ada()
    const result = absorb(plan, document, updateOf(plan, document, change))
    expect([placesOf(result), refusalsOf(result)]).toEqual([[place], []])
    const fields = readContent(thing, document).fields as Readonly<Record<string, unknown>>
    expect(fields[place.replace('fields/', '')]).toEqual(value)
    // And the same statement once more, by somebody who still saw the row as it was: nothing.
    expect(absorb(plan, document, updateOf(plan, ada(), change)).edits).toEqual([])
  })

  it('is no edit where another spelling of the same value was written', () => {
    const document = ada()
    const spelt = { size: '1.50', price: '12.5', seen: '2026-01-02T04:04:05.60+01:00' }
    expect(absorb(plan, document, updateOf(plan, document, spelt))).toEqual({ edits: [], refusals: [] })
  })

  it('is unseen where the document showed something else by then, and not where another column did', () => {
    const document = copyOf(ada())
    const change = updateOf(plan, document, { name: 'Grace' })
    document.getMap('fields').set('size', 3)
    expect(placesOf(absorb(plan, copyOf(document), change))).toEqual(['fields/name'])
    document.getMap('fields').set('name', 'Ada B.')
    expect(placesOf(absorb(plan, document, change))).toEqual(['fields/name unseen'])
    expect(projected(plan, document).main).toMatchObject({ name: 'Grace', size: 3 })
  })

  it('yields, and says so, where the document has the say', () => {
    const document = copyOf(ada())
    const change = updateOf(plan, document, { name: 'Grace' })
    document.getMap('fields').set('name', 'Ada B.')
    const result = absorb(planWhere('name', { authority: 'document' }), document, change)
    expect(placesOf(result)).toEqual([])
    expect(refusalsOf(result)).toEqual([
      'fields/name overruled: name was changed in the record meanwhile, and the record has the say',
    ])
  })

  it.each<[Row, string]>([
    [{ name: 'x'.repeat(201) }, 'fields/name length: name is longer than 200 characters'],
    [{ size: 'NaN' }, 'fields/size range: size is no number that a record can hold'],
    [{ size: 'Infinity' }, 'fields/size range: size is no number that a record can hold'],
    [{ price: '1234567890123456.0000' }, 'fields/price range: price is not an amount of money'],
    [{ born: 'infinity' }, 'fields/born range: born is not a date of the years 1 to 9999'],
    [{ born: '0044-03-15 BC' }, 'fields/born range: born is not a date of the years 1 to 9999'],
    [{ seen: '-infinity' }, 'fields/seen range: seen is not a time in UTC of the years 1 to 9999'],
    [{ seen: '9999-12-31T23:30:00-01:00' }, 'fields/seen range: seen is not a time in UTC of the years 1 to 9999'],
    [{ level: 'X' }, 'fields/level enum: level is none of L, M, H'],
    [{ boss_id: 'no id' }, 'fields/boss reference: boss_id is not the id of a record'],
    [
      { custom: { x_a: 1, 'Not x': 1 } },
      '- unknown_field: custom has a name that is not x_ and up to 60 small letters, digits and _',
    ],
    [{ custom: { x_a: { deep: true } } as never }, 'fields/x_a kind: custom has no text, number or boolean at x_a'],
    [{ custom: [1] as never }, '- kind: custom is not an object'],
    [{ summary: 'x'.repeat(1001) }, 'summary length: summary is longer than 1000 characters'],
    [{ kind: 'another' }, '- outbound: kind is filled from the record, and not read back'],
    [{ notes: 'typed' }, 'notes outbound: notes is filled from the record, and not read back'],
    [
      { created_at: '2026-01-01T00:00:00+00:00' },
      'meta/createdAt outbound: created_at is filled from the record, and not read back',
    ],
    [{ created_by: 'me' }, 'meta/createdBy outbound: created_by is filled from the record, and not read back'],
    [{ deleted_at: 'infinity' }, 'meta/deletedAt range: deleted_at is not a time of the years 1 to 9999'],
  ])('%o is refused with a reason without the value, and the rest of the row is taken', (change, reason) => {
    const document = ada()
    const result = absorb(plan, document, updateOf(plan, document, { done: false, ...change }))
    expect([placesOf(result), refusalsOf(result)]).toEqual([['fields/done'], [reason]])
  })

  it('is nothing where it is the sequence, which whole-row writers write back', () => {
    expect(absorb(plan, ada(), updateOf(plan, ada(), { sequence: '2' }))).toEqual({ edits: [], refusals: [] })
  })

  it.each(['out', 'off'] as const)('does not come in through a rule whose direction is %s', (direction) => {
    const document = ada()
    for (const column of ['name', 'level', 'boss_id', 'summary', 'custom', 'deleted_at']) {
      const rows: Row = {
        name: 'G',
        level: 'H',
        boss_id: 'b',
        summary: 's',
        custom: { x_b: 1 },
        deleted_at: '2026-01-01T00:00:00Z',
      }
      const change = updateOf(plan, document, { [column]: rows[column] ?? null })
      const { edits, refusals } = absorb(planWhere(column, { direction }), document, change)
      expect([edits.length, new Set(refusals.map(({ code }) => code))]).toEqual([
        0,
        new Set(direction === 'out' ? ['outbound'] : []),
      ])
    }
  })
})

describe('P7: a text', () => {
  const change = () => updateOf(plan, ada(), { summary: 'The very first of them all.' })

  it('changes by the words that the writer changed, and what was typed meanwhile stays', () => {
    const document = ada()
    document.getText('summary').insert(0, 'Look: ')
    const phone = copyOf(document)
    expect(placesOf(absorb(plan, document, change()))).toEqual(['summary'])
    expect(document.getText('summary').toString()).toBe('Look: The very first of them all.')
    phone.getText('summary').insert(15, ' good')
    Y.applyUpdate(document, Y.encodeStateAsUpdate(phone))
    expect(document.getText('summary').toString()).toBe('Look: The very first good of them all.')
    expect(placesOf(absorb(plan, document, change()))).toEqual([])
  })

  it('is the writer’s where the table has the say, and the record’s where that has it', () => {
    for (const [authority, places, text] of [
      ['target', ['summary unseen'], 'The very first of them all.'],
      ['document', [], 'Look: The first of many.'],
    ] as const) {
      const document = ada()
      document.getText('summary').insert(0, 'Look: ')
      const result = absorb(planWhere('summary', { authority }), document, change())
      expect([placesOf(result), document.getText('summary').toString()]).toEqual([places, text])
      expect(result.refusals.map(({ code }) => code)).toEqual(authority === 'document' ? ['overruled'] : [])
    }
  })
})

describe('P7: the life of a record', () => {
  it('begins with a row, whatever it says', () => {
    for (const row of [{}, { name: 'Grace', custom: {}, created_at: null, kind: null }]) {
      const document = new Y.Doc()
      const result = absorb(plan, document, insertOf('things', { tenant: 'acme', id: 't-1', ...row }))
      expect(placesOf(result)).toEqual(['meta/deletedAt', ...('name' in row ? ['fields/name'] : [])])
      expect(refusalsOf(result)).toEqual([])
      expect(readMeta(document).deletedAt).toBeNull()
      expect(absorb(plan, document, insertOf('things', { tenant: 'acme', id: 't-1', ...row })).edits).toEqual([])
    }
  })

  it('begins without a column that does not fit', () => {
    const document = new Y.Doc()
    const result = absorb(plan, document, insertOf('things', { name: 'Grace', level: 'X' }))
    expect([placesOf(result), result.refusals.length]).toEqual([['meta/deletedAt', 'fields/name'], 1])
  })

  it('ends with the deletion of its row, and begins again where deleted_at is emptied or the row inserted anew', () => {
    const document = ada()
    expect(placesOf(absorb(plan, document, deleteOf(plan, document)))).toEqual(['meta/deletedAt'])
    expect(readMeta(document).deletedAt).toBe(NOW)
    expect(absorb(plan, document, deleteOf(plan, document)).edits).toEqual([])
    const gone = copyOf(document)
    expect(placesOf(absorb(plan, document, updateOf(plan, document, { deleted_at: null })))).toEqual(['meta/deletedAt'])
    expect(readMeta(document).deletedAt).toBeNull()
    expect(placesOf(absorb(plan, gone, insertOf('things', { id: 't-1', name: 'Grace' })))).toEqual([
      'meta/deletedAt',
      'fields/name unseen',
    ])
    expect(projected(plan, gone).main).toMatchObject({ name: 'Grace', deleted_at: null, price: '12.50' })
  })

  it('is not ended twice, and not by a row whose record is not there', () => {
    const document = ada()
    const change = updateOf(plan, document, { deleted_at: '2026-01-01T00:00:00+00:00' })
    absorb(plan, document, deleteOf(plan, document))
    expect(absorb(plan, document, change)).toEqual({ edits: [], refusals: [] })
    expect(absorb(plan, new Y.Doc(), deleteOf(plan, ada()))).toEqual({ edits: [], refusals: [] })
  })

  it('takes all of a row that changed before its record was there', () => {
    const document = new Y.Doc()
    absorb(plan, document, updateOf(plan, ada(), { done: false }))
    expect(projected(plan, document).main).toMatchObject({ name: 'Ada', done: false, level: 'L', custom: { x_a: 1 } })
  })
})
