/** The laws of writable tables for the rules that make several columns of one place or one of several, on mappings that nobody wrote. */
import { inverse } from '@rapport/shared/mapping/inverse.ts'
import type { Rule, Slot, SlotsRule } from '@rapport/shared/mapping/mapping.ts'
import type { Cell, Plan, Row } from '@rapport/shared/mapping/plan.ts'
import { shadowOf } from '@rapport/shared/mapping/shadow.ts'
import { slotColumns } from '@rapport/shared/mapping/slots.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { personKey, personPlan, personRows, phoneSlots } from './people.ts'
import { captured, NOW, placesOf } from './row-stage.ts'

const by = fc.constantFrom('words@1', 'commas@1', 'lines@1')

/** Two or three of the names, in any order. */
function some<T>(names: readonly T[]): fc.Arbitrary<T[]> {
  return fc.shuffledSubarray([...names], { minLength: 2, maxLength: 3 })
}

const slot = (value: string | undefined, column: string): Slot => ({
  ...(value !== undefined && { value }),
  columns: [{ rule: 'field', field: 'number', column }],
})

const slots: fc.Arbitrary<SlotsRule> = fc
  .tuple(
    fc.uniqueArray(fc.constantFrom('work', 'mobile', undefined), { minLength: 1 }),
    fc.boolean(),
    fc.constantFrom(phoneSlots.overflow, { column: 'phones_more' }),
  )
  .map(([values, marked, overflow]) => ({
    rule: 'slots',
    root: 'phones',
    by: 'label',
    ...(marked && { first: 'primary' }),
    slots: values.map((value) => slot(value, `phone_${value ?? 'other'}`)),
    overflow,
  }))

/** Each rule is there or not; what each reads and fills is apart from the others. */
const plans: fc.Arbitrary<Plan> = fc
  .tuple(
    fc.tuple(by, some(['first_name', 'middle_name', 'last_name'])),
    fc.tuple(by, some(['firstName', 'middleName', 'lastName']), fc.constantFrom('parse' as const, 'refuse' as const)),
    fc.constantFrom('discovery', 'qualified'),
    fc.integer({ min: 0, max: 1000 }),
    slots,
    fc.subarray([0, 1, 2, 3, 4, 5], { minLength: 1 }),
  )
  .map(([[splitBy, columns], [mergeBy, fields, ambiguous], open, value, slotsRule, kept]) => {
    const rules: readonly Rule[] = [
      { rule: 'split', field: 'fullName', columns, by: splitBy },
      { rule: 'merge', fields, column: 'name', by: mergeBy, ambiguous },
      {
        rule: 'enum',
        field: 'stage',
        column: 'stage',
        values: { discovery: 'Open', qualified: 'Open', won: 'Won' },
        inverse: { Open: open },
      },
      { rule: 'default', field: 'points', column: 'points', value },
      { rule: 'computed', column: 'weighted', by: 'percentage@1', fields: ['amount', 'probability'] },
      slotsRule,
    ]
    return personPlan(rules.filter((_, index) => kept.includes(index)))
  })

const text = fc.option(
  fc
    .array(fc.constantFrom('Ana', 'Eva', 'de', 'Cruz', ', ', ',', ' ', '\n', '\u00a0', 'é'), { maxLength: 6 })
    .map((pieces) => pieces.join('')),
  { nil: null },
)
const number = fc.constantFrom(null, '001', '002', '003')

type Write = readonly [root: string, key: string, value: unknown]

const writes: fc.Arbitrary<Write[]> = fc.array(
  fc.oneof(
    fc.tuple(fc.constant('fields'), fc.constantFrom('fullName', 'firstName', 'middleName', 'lastName'), text),
    fc.tuple(fc.constant('fields'), fc.constant('stage'), fc.constantFrom('discovery', 'qualified', 'won', 'lost', null)),
    fc.tuple(fc.constant('fields'), fc.constant('points'), fc.constantFrom(0, 5, 2000, null)),
    fc.tuple(fc.constant('fields'), fc.constant('amount'), fc.constantFrom('10.00', '-3', null)),
    fc.tuple(fc.constant('fields'), fc.constant('probability'), fc.constantFrom(50, 0.1)),
    fc.tuple(
      fc.constant('phones'),
      fc
        .tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.constantFrom('label', 'number', 'primary', 'deleted'))
        .map((key) => key.join('/')),
      fc.oneof(number, fc.constantFrom('work', 'mobile', 'home', true)),
    ),
  ),
  { maxLength: 15 },
)

function written(document: Y.Doc, all: readonly Write[]): Y.Doc {
  for (const [root, key, value] of all) document.getMap(root).set(key, value)
  return document
}

/** Nobody's record yet is another matter: its first row is all news. */
const begun = (all: readonly Write[]): Y.Doc => written(new Y.Doc(), [['fields', 'salutation', 'Dr.'], ...all])

/** Cells that a writer could put into the columns of the main row. */
function cellsFor(plan: Plan): fc.Arbitrary<Row> {
  const columns = plan.main.columns.filter(({ name }) => !plan.main.key.includes(name))
  const cell = (type: string): fc.Arbitrary<Cell> => {
    if (type === 'integer') return fc.constantFrom(null, 0, 5, 700)
    if (type === 'numeric') return fc.constantFrom(null, '5.0000', '1.0000')
    if (type === 'jsonb')
      return fc.dictionary(fc.constantFrom('m', 'n'), fc.constantFrom({ label: 'work', number: '007' }, { label: 'fax' }))
    return fc.oneof(text, fc.constantFrom('Open', 'Won', 'Lost', '007', '008'))
  }
  const some = fc.record(Object.fromEntries(columns.map(({ name, type }) => [name, cell(type)])), { requiredKeys: [] })
  return some as fc.Arbitrary<Row>
}

const scenes = plans.chain((plan) => fc.tuple(fc.constant(plan), writes, writes, cellsFor(plan)))

function changed(plan: Plan, seen: Y.Doc, document: Y.Doc, change: Row) {
  const rows = personRows(plan, seen)
  const before = captured(plan.main, rows.main)
  const statement = { table: 'people', operation: 'update', before, after: { ...before, ...change } } as const
  return inverse(plan, { key: personKey, document, base: shadowOf(rows), now: NOW }, statement)
}

function write(document: Y.Doc, { edits }: ReturnType<typeof inverse>): void {
  document.transact(() => {
    for (const edit of edits) edit.write(document)
  })
}

/** What a reader sees of a cell, but for blanks and what divides parts. */
function read(cell: Cell | undefined): string {
  return String(cell ?? '')
    .replaceAll(/[\s,]+/g, ' ')
    .trim()
}

describe('P7: with any mapping of split, merge, lossy enum, default, computed and slots', () => {
  it('a row that did not change is no edit, wherever the document has gone', () => {
    fc.assert(
      fc.property(scenes, ([plan, first, second]) => {
        expect(changed(plan, begun(first), begun([...first, ...second]), {})).toEqual({ edits: [], refusals: [] })
      }),
      { numRuns: 300 },
    )
  })

  it('a row that says what the document says is no edit', () => {
    fc.assert(
      fc.property(scenes, ([plan, first, second]) => {
        const later = begun([...first, ...second])
        const says = captured(plan.main, personRows(plan, later).main)
        expect(changed(plan, begun(first), later, says)).toEqual({ edits: [], refusals: [] })
      }),
      { numRuns: 300 },
    )
  })

  it('a change that is absorbed a second time is no edit', () => {
    fc.assert(
      fc.property(scenes, ([plan, first, , change]) => {
        const document = begun(first)
        const result = changed(plan, document, document, change)
        const seen = begun(first)
        write(document, result)
        const once = personRows(plan, document)
        write(document, changed(plan, seen, document, change))
        expect(personRows(plan, document)).toEqual(once)
      }),
      { numRuns: 300 },
    )
  })

  it('what was taken is what the row shows afterwards', () => {
    fc.assert(
      fc.property(scenes, ([plan, first, , change]) => {
        const document = begun(first)
        const before = personRows(plan, document).main
        const { edits, refusals } = changed(plan, document, document, change)
        write(document, { edits, refusals })
        const after = personRows(plan, document).main
        const rule = plan.mapping.rules.find((one): one is SlotsRule => one.rule === 'slots')
        const slotted = new Set(rule?.slots.flatMap(slotColumns))
        for (const [column, cell] of Object.entries(change)) {
          if (refusals.some((refusal) => refusal.column === column) || column === 'phones_more') continue
          // What waited for a slot that was emptied moves up, and what is put beside the slots may come before what they show.
          if (slotted.has(column) && (cell === null || 'phones_more' in change)) continue
          // The default shows where a column was emptied.
          if (cell === null && column === 'points') continue
          if (slotted.has(column) && read(before[column]) === '' && read(cell) === '') continue
          if (column === 'weighted') continue
          expect([column, read(after[column])]).toEqual([column, read(cell)])
        }
      }),
      { numRuns: 500 },
    )
  })

  it('nothing is written but in the places of columns that changed', () => {
    fc.assert(
      fc.property(scenes, ([plan, first, second, change]) => {
        const document = begun([...first, ...second])
        const result = changed(plan, begun(first), document, change)
        const touches = (places: readonly string[], columns: readonly string[]): void => {
          if (placesOf(result).some((one) => places.some((place) => one.startsWith(place)))) {
            expect(columns.some((column) => column in change)).toBe(true)
          }
        }
        touches(['fields/fullName'], ['first_name', 'middle_name', 'last_name'])
        touches(['fields/firstName', 'fields/middleName', 'fields/lastName'], ['name'])
        touches(['fields/stage'], ['stage'])
        touches(['fields/points'], ['points'])
        touches(['phones/'], ['phone_work', 'phone_mobile', 'phone_other', 'phones_more'])
        const untouched = placesOf(result).filter(
          (one) => !/^(fields\/(fullName|(first|middle|last)Name|stage|points)|phones\/)/.test(one),
        )
        expect(untouched).toEqual([])
        const salutation = document.getMap('fields').get('salutation')
        write(document, result)
        expect(document.getMap('fields').get('salutation')).toBe(salutation)
      }),
      { numRuns: 300 },
    )
  })
})
