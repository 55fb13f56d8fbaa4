import type { Guard } from '@rapport/shared/mapping/mapping.ts'
import { bindingsOf, shadowOf, withoutBindings } from '@rapport/shared/mapping/shadow.ts'
import { editorOf } from '@rapport/shared/schema/edit.ts'
import { describe, expect, it } from 'vitest'
import { person, personCells, personPlan, personRows, personWith, phoneSlots } from './people.ts'

describe('P6: split, merge, default, computed and readonly', () => {
  it('one field stands in several columns', () => {
    const plan = personPlan([{ rule: 'split', field: 'fullName', columns: ['first_name', 'last_name'], by: 'words@1' }])
    expect(personCells(plan, personWith({ fields: { fullName: 'Ana María de la Cruz' } }))).toEqual({
      first_name: 'Ana',
      last_name: 'María de la Cruz',
    })
    expect(personCells(plan, personWith({}))).toEqual({ first_name: null, last_name: null })
  })

  it('several fields stand in one column, and the bindings tell which part was which', () => {
    const plan = personPlan([
      { rule: 'merge', fields: ['firstName', 'middleName', 'lastName'], column: 'name', by: 'words@1', ambiguous: 'parse' },
    ])
    const projection = personRows(plan, personWith({ fields: { firstName: 'Ana María', lastName: 'Cruz' } }))
    expect(projection.main.name).toBe('Ana María Cruz')
    expect(projection.bindings).toEqual({ 'name/firstName': 'Ana María', 'name/lastName': 'Cruz' })
    expect(personRows(plan, personWith({}))).not.toHaveProperty('bindings')
  })

  it('a part that does not fit is left out of the whole, and named', () => {
    const plan = personPlan([
      { rule: 'merge', fields: ['firstName', 'lastName'], column: 'name', by: 'words@1', ambiguous: 'parse' },
    ])
    const document = personWith({ fields: { firstName: 'Ana' } })
    document.getMap('fields').set('lastName', 'x'.repeat(41))
    expect(personRows(plan, document)).toMatchObject({ main: { name: 'Ana' }, misfits: [['fields', 'lastName']] })
  })

  it('an empty field, and one that does not fit, reads as its default', () => {
    const plan = personPlan([
      { rule: 'default', field: 'points', column: 'points', value: 100 },
      { rule: 'default', field: 'stage', column: 'needed', value: 'discovery' },
    ])
    expect(personCells(plan, personWith({}))).toEqual({ points: 100, needed: 'discovery' })
    expect(personCells(plan, personWith({ fields: { points: 0, stage: 'won' } }))).toEqual({ points: 0, needed: 'won' })
    const odd = personWith({})
    odd.getMap('fields').set('points', 'many')
    expect(personRows(plan, odd)).toMatchObject({ main: { points: 100 }, misfits: [['fields', 'points']] })
  })

  it('several members share a value', () => {
    const plan = personPlan([
      {
        rule: 'enum',
        field: 'stage',
        column: 'stage',
        values: { discovery: 'Open', qualified: 'Open', won: 'Closed' },
        inverse: { Open: 'discovery' },
      },
    ])
    for (const [stage, value] of [
      ['discovery', 'Open'],
      ['qualified', 'Open'],
      ['won', 'Closed'],
    ] as const) {
      expect(personCells(plan, personWith({ fields: { stage } }))).toEqual({ stage: value })
    }
  })

  it('columns are computed from fields', () => {
    const plan = personPlan([
      {
        rule: 'computed',
        column: 'probability',
        by: 'choice@1',
        fields: ['stage'],
        options: { values: { discovery: 10, qualified: 40.5 } },
      },
      { rule: 'computed', column: 'weighted', by: 'percentage@1', fields: ['amount', 'probability'] },
      { rule: 'computed', column: 'name', by: 'words@1', fields: ['salutation', 'lastName'] },
    ])
    const fields = { stage: 'qualified', amount: '1250.10', probability: 33.3, salutation: 'Dr.', lastName: 'Cruz' } as const
    expect(personCells(plan, personWith({ fields }))).toEqual({ probability: 40.5, weighted: '416.2833', name: 'Dr. Cruz' })
    expect(personCells(plan, personWith({ fields: { stage: 'won' } }))).toEqual({ probability: null, weighted: null, name: null })
  })

  it.each([
    ['100.00', 50, '50.0000'],
    ['-100.00', 50, '-50.0000'],
    ['0.0001', 50, '0.0001'],
    ['-0.0001', 50, '-0.0001'],
    ['0.0001', 49, '0.0000'],
    ['999999999999999.9999', 100, '999999999999999.9999'],
    ['999999999999999.9999', 1000, null],
    ['10', 1e-9, null],
  ])('percentage@1 of %s and %d is exactly %s', (amount, probability, weighted) => {
    const plan = personPlan([{ rule: 'computed', column: 'weighted', by: 'percentage@1', fields: ['amount', 'probability'] }])
    expect(personCells(plan, personWith({ fields: { amount, probability } }))).toEqual({ weighted })
  })

  it('P8: a column that is read only has no cell, and is told apart from those that are written', () => {
    const plan = personPlan([{ rule: 'readonly', field: 'customerNumber', column: 'customer_number' }])
    expect(personCells(plan, personWith({ fields: { customerNumber: 'C-1' } }))).toEqual({})
    expect(plan.main.inbound).toEqual([{ name: 'customer_number', type: 'character varying' }])
  })
})

describe('P6: slots', () => {
  const plan = personPlan([phoneSlots])
  const phones = {
    c: { label: 'work', number: '3' },
    b: { label: 'work', number: '2' },
    a: { label: 'home', number: '1' },
    d: { label: 'mobile', number: '4' },
    e: { label: 'home', number: '5' },
  }

  it('show the first entry that suits by its id, whatever the order, and the rest stands in the overflow', () => {
    const document = personWith({ phones })
    const shown = { phone_work: '2', phone_mobile: '4', phone_other: '1' }
    expect(personCells(plan, document)).toEqual(shown)
    expect(personRows(plan, document).bindings).toEqual({ phone_work: 'b', phone_mobile: 'd', phone_other: 'a' })
    expect(personRows(plan, document).children.person_phones).toEqual([
      { tenant: 'acme', person_id: 'p-1', id: 'c', label: 'work', number: '3', is_primary: null },
      { tenant: 'acme', person_id: 'p-1', id: 'e', label: 'home', number: '5', is_primary: null },
    ])
    editorOf(person, document).moveEntry('phones', 'c', null)
    expect(personCells(plan, document)).toEqual(shown)
  })

  it('prefer the entry that is marked', () => {
    const document = personWith({ phones: { ...phones, c: { label: 'work', number: '3', primary: true } } })
    expect(personRows(plan, document).bindings).toMatchObject({ phone_work: 'c' })
    expect(personRows(plan, document).children.person_phones?.map((row) => row.id)).toEqual(['b', 'e'])
  })

  it('are empty where no entry suits', () => {
    expect(personCells(plan, personWith({}))).toEqual({ phone_work: null, phone_mobile: null, phone_other: null })
    expect(personRows(plan, personWith({})).children.person_phones).toEqual([])
  })

  it('leave further entries to a jsonb column, by their ids', () => {
    const inColumn = personPlan([{ ...phoneSlots, overflow: { column: 'phones_more' } }])
    const document = personWith({ phones })
    document.getMap('phones').set('e/number', 5)
    expect(personRows(inColumn, document)).toMatchObject({
      main: { phones_more: { c: { label: 'work', number: '3' }, e: { label: 'home' } } },
      misfits: [['phones', 'e', 'number']],
    })
  })

  it('or refuse them: the record is not written, and says why', () => {
    const refusing = personPlan([{ ...phoneSlots, overflow: 'refuse' }])
    expect(personRows(refusing, personWith({ phones })).blocked).toBe('There are more entries in phones than slots for them.')
    const { a, b, d } = phones
    expect(personRows(refusing, personWith({ phones: { a, b, d } })).blocked).toBeUndefined()
  })

  it('may show an entry in one column', () => {
    const address = personPlan([
      {
        rule: 'slots',
        root: 'addresses',
        slots: [
          { columns: [{ rule: 'merge', fields: ['street', 'city'], column: 'address', by: 'commas@1', ambiguous: 'parse' }] },
        ],
        overflow: 'refuse',
      },
    ])
    const document = personWith({ addresses: { h: { kind: 'home', street: 'Main St 1', city: 'Springfield' } } })
    expect(personRows(address, document)).toMatchObject({
      main: { address: 'Main St 1, Springfield' },
      bindings: { address: 'h', 'address/street': 'Main St 1', 'address/city': 'Springfield' },
    })
  })
})

describe('P6: guards', () => {
  const limit: Omit<Guard, 'severity'> = {
    when: [
      { by: 'present@1', fields: ['amount'] },
      { by: 'empty@1', fields: ['currency'] },
    ],
    message: 'An amount needs a currency.',
  }
  const rules = [
    { rule: 'field', field: 'amount', column: 'amount' },
    { rule: 'field', field: 'currency', column: 'currency' },
  ] as const
  const struck = personWith({ fields: { amount: '5' } })

  it.each([
    ['block', undefined, { blocked: limit.message, misfits: [], main: { amount: '5' } }],
    ['quarantine', ['amount'], { misfits: [['guards', limit.message]], main: { amount: null } }],
    ['warn', undefined, { misfits: [['guards', limit.message]], main: { amount: '5' } }],
  ] as const)('%s', (severity, columns, projection) => {
    const plan = personPlan(rules, [{ ...limit, severity, ...(columns && { columns }) }])
    expect(personRows(plan, struck)).toMatchObject(projection)
    const well = personRows(plan, personWith({ fields: { amount: '5', currency: 'EUR' } }))
    expect(well).toMatchObject({ misfits: [], main: { amount: '5', currency: 'EUR' } })
    expect(well.blocked).toBeUndefined()
  })

  it.each([
    ['equals@1', ['stage'], { value: 'won' }, { stage: 'won' }, { stage: 'qualified' }],
    ['above@1', ['amount', 'points'], { limit: 100 }, { amount: '100.01' }, { amount: '100.00', points: 3 }],
    ['empty@1', ['lastName', 'firstName'], undefined, { lastName: ' ' }, { firstName: 'Ana' }],
    ['present@1', ['lastName', 'points'], undefined, { lastName: 'Cruz', points: 0 }, { lastName: 'Cruz' }],
  ] as const)('strike by %s of %j', (by, fields, options, yes, no) => {
    const when = [{ by, fields, ...(options && { options }) }]
    const plan = personPlan(rules, [{ when, severity: 'warn', message: 'It strikes.' }])
    expect(personRows(plan, personWith({ fields: yes })).misfits).toEqual([['guards', 'It strikes.']])
    expect(personRows(plan, personWith({ fields: no })).misfits).toEqual([])
  })
})

it('a shadow keeps the bindings beside the rows, under a name that no column can have', () => {
  const projection = personRows(personPlan([phoneSlots]), personWith({ phones: { a: { label: 'work', number: '1' } } }))
  const shadow = JSON.parse(JSON.stringify(shadowOf(projection)))
  expect(bindingsOf(shadow)).toEqual({ phone_work: 'a' })
  expect(withoutBindings(shadow)).toEqual({ ...projection.main, ...projection.children })
  expect(bindingsOf(undefined)).toEqual({})
})
