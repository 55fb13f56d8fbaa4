/** Devices that were offline and a CRM that writes rows, in every order in which the server can hear of them. */
import { inverse } from '@rapport/shared/mapping/inverse.ts'
import type { Plan, Projection } from '@rapport/shared/mapping/plan.ts'
import type { RowChange } from '@rapport/shared/mapping/row-change.ts'
import { shadowOf } from '@rapport/shared/mapping/shadow.ts'
import { opportunity } from '@rapport/shared/records/opportunity.ts'
import { editorOf, writeContent } from '@rapport/shared/schema/edit.ts'
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { compileShipped } from '../../../drizzle/mappings/mappings.ts'
import { person, personPlan, personWith, phoneSlots } from './people.ts'
import { captured, key, NOW, projected } from './row-stage.ts'

/** Somebody who writes without having seen the others. */
type Device = (document: Y.Doc) => void

interface Scene {
  readonly plan: Plan
  readonly start: Y.Doc
  readonly devices: readonly Device[]
  /** One after the other, on the rows of the start. */
  readonly statements: readonly ((rows: Projection) => RowChange)[]
}

interface Outcome {
  /** For messages. */
  readonly order: string
  /** Devices by number, of whom the server had heard before it read the CRM's rows back. */
  readonly heard: readonly number[]
  readonly document: Y.Doc
  readonly rows: Projection
}

/**
 * Every order of what the server hears, for ids of the server's that Yjs prefers to those of the devices, and for others. Rows are not
 * projected before all is there: until then each statement was made on what the writer had seen.
 */
function outcomes({ plan, start, devices, statements }: Scene): readonly Outcome[] {
  const seen = projected(plan, start)
  const base = shadowOf(seen)
  const updates = devices.map((write, index) => {
    const device = copyOf(start, 1000 + index)
    write(device)
    return Y.encodeStateAsUpdate(device, Y.encodeStateVector(start))
  })
  return [1, 9000].flatMap((server) =>
    ordersOf([...updates.keys(), 'CRM' as const]).map((order): Outcome => {
      const document = copyOf(start, server)
      for (const one of order) {
        if (one === 'CRM') for (const statement of statements) absorb(document, statement(seen))
        else Y.applyUpdate(document, updates[one] ?? new Uint8Array())
      }
      // Whoever hears of all that in another order holds the same.
      const replica = copyOf(start, 2)
      for (const update of [Y.encodeStateAsUpdate(document), ...updates]) Y.applyUpdate(replica, update)
      const rows = projected(plan, document)
      expect(projected(plan, replica)).toEqual(rows)
      const heard = order.slice(0, order.indexOf('CRM')).filter((one) => one !== 'CRM')
      return { order: `server ${server}: ${order.join(', ')}`, heard, document, rows }
    }),
  )

  function absorb(document: Y.Doc, change: RowChange): void {
    const { edits, refusals } = inverse(plan, { key: { ...key, type: plan.type.name }, document, base, now: NOW }, change)
    expect(refusals).toEqual([])
    document.transact(() => {
      for (const edit of edits) edit.write(document)
    })
  }
}

function copyOf(document: Y.Doc, clientID: number): Y.Doc {
  const copy = new Y.Doc()
  Y.applyUpdate(copy, Y.encodeStateAsUpdate(document))
  copy.clientID = clientID
  return copy
}

function ordersOf<T>(all: readonly T[]): readonly T[][] {
  if (all.length === 0) return [[]]
  return all.flatMap((one) => ordersOf(all.filter((other) => other !== one)).map((rest) => [one, ...rest]))
}

/** As an UPDATE of these columns of the main row. */
function update(plan: Plan, change: RowChange['after']): (rows: Projection) => RowChange {
  return ({ main }) => {
    const before = captured(plan.main, main)
    return { table: plan.main.name, operation: 'update', before, after: { ...before, ...change } }
  }
}

describe('P3, P7: a name in one field and in two columns', () => {
  const plan = personPlan([{ rule: 'split', field: 'fullName', columns: ['first_name', 'last_name'], by: 'words@1' }])

  it('keeps what a phone and the CRM changed of it, and leaves the rest of the record alone', () => {
    const all = outcomes({
      plan,
      start: personWith({ fields: { fullName: 'Ana Cruz', salutation: 'Dr.' } }),
      devices: [(document) => editorOf(person, document).set('fullName', 'Ana María de la Cruz')],
      statements: [update(plan, { last_name: 'Cruz Ruiz' })],
    })
    for (const { order, heard, document, rows } of all) {
      expect(document.getMap('fields').get('salutation')).toBe('Dr.')
      // What the phone sent later is another value of the field: Yjs keeps one of them on every replica, and the other is a conflict.
      const shown = `${rows.main.first_name} ${rows.main.last_name}`
      if (heard.length > 0) expect([order, shown]).toEqual([order, 'Ana María de la Cruz Ruiz'])
      else expect(['Ana María de la Cruz', 'Ana Cruz Ruiz']).toContain(shown)
    }
    expect(all.length).toBe(4)
  })
})

describe('P3, P7: a name in two fields and in one column', () => {
  const plan = personPlan([
    { rule: 'merge', fields: ['firstName', 'lastName'], column: 'name', by: 'words@1', ambiguous: 'parse' },
  ])

  it.each<[string, { firstName?: string; lastName?: string }, string, string, string]>([
    ['of one word', { lastName: 'Madonna' }, 'Ana', 'Ciccone', 'Ana Ciccone'],
    ['of two', { firstName: 'Eva', lastName: 'Cruz' }, 'Ana María', 'Eva Ruiz', 'Ana María Ruiz'],
  ])('%s ends the same in every order: each side has changed its part', (_, fields, firstName, name, result) => {
    const all = outcomes({
      plan,
      start: personWith({ fields: { ...fields, salutation: 'Dr.' } }),
      devices: [(document) => editorOf(person, document).set('firstName', firstName)],
      statements: [update(plan, { name })],
    })
    for (const { order, document, rows } of all) {
      expect([order, rows.main.name, document.getMap('fields').get('salutation')]).toEqual([order, result, 'Dr.'])
    }
  })
})

describe('P3, P7: telephone numbers in slots', () => {
  const plan = personPlan([phoneSlots])
  const start = personWith({
    phones: { a: { label: 'work', number: '001', primary: true }, m: { label: 'mobile', number: '002' } },
  })
  const scene: Scene = {
    plan,
    start,
    devices: [
      (document) => {
        const editor = editorOf(person, document)
        for (const n of [1, 2, 3]) editor.addEntry('phones', { label: 'work', number: `10${n}` }, { id: `w${n}` })
      },
      (document) => {
        const editor = editorOf(person, document)
        editor.moveEntry('phones', 'm', null)
        editor.setColumn('phones', 'a', 'primary', null)
        editor.setColumn('phones', 'm', 'primary', true)
      },
    ],
    statements: [update(plan, { phone_work: null, phone_mobile: '009' })],
  }

  it('one emptied and one changed by the CRM are those that it saw, whatever was added, moved and marked meanwhile', () => {
    const all = outcomes(scene)
    expect(all.length).toBe(12)
    for (const { order, rows } of all) {
      const { phone_work, phone_mobile, phone_other } = rows.main
      expect([order, phone_work, phone_mobile, phone_other]).toEqual([order, '101', '009', '102'])
      expect(rows.children.person_phones?.map((row) => [row.id, row.number])).toEqual([['w3', '103']])
      expect(rows.bindings).toMatchObject({ phone_mobile: 'm', phone_work: 'w1', phone_other: 'w2' })
    }
  })

  it('all survive a CRM that writes back every row as it read it, ten times', () => {
    for (const { document } of outcomes(scene)) {
      const rows = projected(plan, document)
      const ground = { key: { ...key, type: 'person' }, document, base: shadowOf(rows), now: NOW }
      for (let n = 0; n < 10; n += 1) {
        const echoes = [update(plan, {})(rows), ...(rows.children.person_phones ?? []).map(echoOf('person_phones'))]
        for (const echo of echoes) expect(inverse(plan, ground, echo)).toEqual({ edits: [], refusals: [] })
      }
    }
  })
})

function echoOf(table: string): (row: NonNullable<RowChange['after']>) => RowChange {
  return (row) => ({ table, operation: 'update', before: row, after: row })
}

describe('P3, P7: a contact of an opportunity, removed, changed, and linked anew', () => {
  const plan = shippedPlan('opportunity')
  const start = new Y.Doc()
  writeContent(opportunity, start, { fields: { name: 'Deal' }, contacts: { x: { contact: 'x', role: 'user' } } })
  const join = { tenant: 'acme', opportunity_id: 't-1', contact_id: 'x' }
  const scene: Scene = {
    plan,
    start,
    devices: [
      (document) => editorOf(opportunity, document).deleteEntry('contacts', 'x'),
      (document) => editorOf(opportunity, document).setColumn('contacts', 'x', 'role', 'decider'),
    ],
    statements: [
      () => ({ table: 'opportunity_contacts', operation: 'delete', before: { ...join, role: 'user' } }),
      () => ({ table: 'opportunity_contacts', operation: 'insert', after: { ...join, role: 'influencer' } }),
    ],
  }

  it('is there once and in some role; only a removal that the server hears of after the link can take it away, and then on every replica', () => {
    for (const { order, heard, rows } of outcomes(scene)) {
      const links = rows.children.opportunity_contacts ?? []
      if (heard.includes(0)) expect([order, links.length]).toEqual([order, 1])
      expect(links.length).toBeLessThanOrEqual(1)
      for (const link of links) {
        expect(link).toMatchObject(join)
        expect(['decider', 'influencer']).toContain(link.role)
      }
    }
  })
})

describe('P7: a stage that several members share, an amount, and a probability that is computed', () => {
  const plan = personPlan([
    {
      rule: 'enum',
      field: 'stage',
      column: 'stage',
      values: { discovery: 'Open', qualified: 'Open', won: 'Closed' },
      inverse: { Open: 'discovery' },
    },
    { rule: 'field', field: 'amount', column: 'amount' },
    { rule: 'field', field: 'currency', column: 'currency' },
    {
      rule: 'computed',
      column: 'probability',
      by: 'choice@1',
      fields: ['stage'],
      options: { values: { discovery: 10, qualified: 40, won: 100 } },
    },
  ])
  const document = personWith({ fields: { stage: 'qualified', amount: '1000.00', currency: 'EUR' } })
  const rows = projected(plan, document)
  const ground = { key: { ...key, type: 'person' }, document, base: shadowOf(rows), now: NOW }

  it('ten echoes, spelt as the database and the CRM like, are no edit', () => {
    for (const echo of [
      {},
      { amount: '1000' },
      { amount: '1000.0000', probability: '40.0' },
      { stage: 'Open', probability: '4e1' },
    ]) {
      for (let n = 0; n < 10; n += 1) {
        expect(inverse(plan, ground, update(plan, echo)(rows))).toEqual({ edits: [], refusals: [] })
      }
    }
  })

  it('a probability that the CRM computes for itself is no edit either, and is told', () => {
    const { edits, refusals } = inverse(plan, ground, update(plan, { probability: '25', stage: 'Open' })(rows))
    expect(edits).toEqual([])
    expect(refusals).toMatchObject([{ column: 'probability', code: 'outbound' }])
  })

  it('one changed column is one edit', () => {
    const { edits, refusals } = inverse(plan, ground, update(plan, { stage: 'Closed', amount: '1000.0' })(rows))
    expect([edits.map(({ path }) => path), refusals]).toEqual([[['fields', 'stage']], []])
  })
})

function shippedPlan(id: string): Plan {
  const plan = compileShipped().find(({ mapping }) => mapping.id === id)
  if (plan === undefined) throw new Error('there is no such mapping')
  return plan
}
