import type { ColumnRule } from '@rapport/shared/mapping/mapping.ts'
import type { Row } from '@rapport/shared/mapping/plan.ts'
import { describe, expect, it } from 'vitest'
import { personCells, personPlan, personWith } from './people.ts'
import { absorb, insertOf, placesOf, refusalsOf, updateOf } from './row-stage.ts'

type Fields = NonNullable<Parameters<typeof personWith>[0]['fields']>

/** Seen by the writer, as the document is now, and told of the statement. */
function absorbed(rule: ColumnRule, seen: Fields, held: Fields, change: Row) {
  const plan = personPlan([rule])
  // A record, whatever else it holds.
  const document = personWith({ tags: { vip: true }, fields: held })
  const result = absorb(plan, document, updateOf(plan, personWith({ fields: seen }), change))
  return {
    fields: document.getMap('fields').toJSON(),
    places: placesOf(result),
    refusals: refusalsOf(result),
    cells: personCells(plan, document),
  }
}

describe('P7: a lossy enum', () => {
  const rule: ColumnRule = {
    rule: 'enum',
    field: 'stage',
    column: 'stage',
    values: { discovery: 'Open', qualified: 'Open', won: 'Closed' },
    inverse: { Open: 'discovery' },
  }

  it('keeps the member while the row shows its value, whatever else was done to the row', () => {
    expect(absorbed(rule, { stage: 'qualified' }, { stage: 'qualified' }, { stage: 'Open' })).toMatchObject({
      fields: { stage: 'qualified' },
      places: [],
    })
  })

  it('keeps the member that somebody chose meanwhile, if it has the same value', () => {
    expect(absorbed(rule, { stage: 'won' }, { stage: 'qualified' }, { stage: 'Open' })).toMatchObject({
      fields: { stage: 'qualified' },
      places: [],
    })
  })

  it('becomes the member that the rule names for the value', () => {
    expect(absorbed(rule, { stage: 'won' }, { stage: 'won' }, { stage: 'Open' }).fields).toEqual({ stage: 'discovery' })
    expect(absorbed(rule, { stage: 'qualified' }, { stage: 'qualified' }, { stage: 'Closed' }).fields).toEqual({ stage: 'won' })
  })

  it('refuses a value of no member, or makes it what the rule says', () => {
    expect(absorbed(rule, { stage: 'won' }, { stage: 'won' }, { stage: 'Lost' })).toMatchObject({
      fields: { stage: 'won' },
      refusals: ['fields/stage enum: stage is none of Open, Closed'],
    })
    const forgiving: ColumnRule = { ...rule, unknown: { member: 'qualified' } }
    expect(absorbed(forgiving, { stage: 'won' }, { stage: 'won' }, { stage: 'Lost' })).toMatchObject({
      fields: { stage: 'qualified' },
      cells: { stage: 'Open' },
    })
  })
})

describe('P7: a default', () => {
  const rule: ColumnRule = { rule: 'default', field: 'points', column: 'points', value: 100 }

  it.each<[string, Fields, Fields, Row, Fields, string[]]>([
    ['is not written because it is shown', {}, {}, {}, {}, []],
    ['gives way to a value', {}, {}, { points: 5 }, { points: 5 }, ['fields/points']],
    ['is written where somebody writes it', { points: 5 }, { points: 5 }, { points: 100 }, { points: 100 }, ['fields/points']],
    [
      'shows again in a column that was emptied',
      { points: 5 },
      { points: 5 },
      { points: null },
      { points: null } as Fields,
      ['fields/points'],
    ],
    ['is no news where the field is empty', {}, {}, { points: null }, {}, []],
    ['is no news where somebody emptied the field meanwhile', { points: 5 }, {}, { points: 100 }, {}, []],
    [
      'does not hide that somebody set the field meanwhile',
      {},
      { points: 7 },
      { points: 5 },
      { points: 5 },
      ['fields/points unseen'],
    ],
  ])('%s', (_, seen, held, change, fields, places) => {
    expect(absorbed(rule, seen, held, change)).toEqual({ fields, places, refusals: [], cells: expect.anything() })
  })

  it('of a row that begins a record is no value that somebody had set', () => {
    const plan = personPlan([rule])
    for (const points of [5, 100]) {
      const document = personWith({})
      expect(placesOf(absorb(plan, document, insertOf('people', { points })))).toContain('fields/points')
      expect(personCells(plan, document)).toEqual({ points })
    }
  })
})

describe('P7: what only comes in, and what only goes out', () => {
  it('a column of the CRM flows into its field, and has the say', () => {
    const rule: ColumnRule = { rule: 'readonly', field: 'customerNumber', column: 'customer_number' }
    expect(absorbed(rule, {}, {}, { customer_number: 'C-7' })).toEqual({
      fields: { customerNumber: 'C-7' },
      places: ['fields/customerNumber'],
      refusals: [],
      cells: {},
    })
    expect(absorbed(rule, {}, { customerNumber: 'C-1' }, { customer_number: 'C-7' }).places).toEqual([
      'fields/customerNumber unseen',
    ])
  })

  it('a computed column is refused, unless it says what is computed anyway', () => {
    const rule: ColumnRule = { rule: 'computed', column: 'weighted', by: 'percentage@1', fields: ['amount', 'probability'] }
    const fields = { amount: '100.00', probability: 50 }
    expect(absorbed(rule, fields, fields, { weighted: '60.0000' })).toMatchObject({
      fields,
      refusals: ['- outbound: weighted is filled from the record, and not read back'],
    })
    const moved = { amount: '120.00', probability: 50 }
    expect(absorbed(rule, fields, moved, { weighted: '60.0' })).toMatchObject({ places: [], refusals: [] })
  })
})
