/** A record type and tables for the rules that take texts apart, fill slots and compute. */
import { parseRecordId, parseTenant, type RecordKey } from '@rapport/shared/ids.ts'
import { compileMapping } from '@rapport/shared/mapping/compile.ts'
import { forward } from '@rapport/shared/mapping/forward.ts'
import type { Guard, Mapping, Rule } from '@rapport/shared/mapping/mapping.ts'
import type { Plan, Projection } from '@rapport/shared/mapping/plan.ts'
import { writeContent } from '@rapport/shared/schema/edit.ts'
import { collection, recordType, set } from '@rapport/shared/schema/record-type.ts'
import { boolean, money, number, oneOf, string } from '@rapport/shared/schema/register.ts'
import * as Y from 'yjs'
import { refusal } from './refusal.ts'
import { table } from './things.ts'

const part = string({ maxLength: 40 })

export const person = recordType({
  name: 'person',
  schemaVersion: 1,
  fields: {
    salutation: part,
    fullName: string({ maxLength: 100 }),
    firstName: part,
    middleName: part,
    lastName: part,
    stage: oneOf(['discovery', 'qualified', 'won']),
    amount: money(),
    currency: string({ maxLength: 3 }),
    probability: number(),
    points: number({ integer: true, minimum: 0, maximum: 1000 }),
    customerNumber: string({ maxLength: 20 }),
  },
  roots: {
    phones: collection({ label: string({ maxLength: 20 }), number: part, primary: boolean() }, { maxEntries: 10 }),
    addresses: collection({ kind: oneOf(['home', 'work']), street: part, city: part }, { maxEntries: 10 }),
    tags: set({ maxMembers: 5, maxLength: 20 }),
  },
})

export const personTables = {
  people: table('people', ['tenant', 'id'], {
    salutation: 'text',
    name: 'text',
    first_name: 'text',
    middle_name: 'text',
    last_name: 'text',
    stage: 'text',
    amount: 'numeric(19, 4)',
    currency: 'text',
    probability: 'double precision',
    weighted: 'numeric(19, 4)',
    points: 'integer',
    customer_number: 'character varying(10)',
    phone_work: 'text',
    phone_mobile: 'text',
    phone_other: 'text',
    phones_more: 'jsonb',
    address: 'text',
    short: 'character varying(5)',
    needed: 'text!=',
  }),
  phones: table('person_phones', ['tenant', 'person_id', 'id'], { label: 'text', number: 'text', is_primary: 'boolean' }),
}

export const personKey = keyOf()

export function personMapping(rules: readonly Rule[], guards?: readonly Guard[]): Mapping {
  return {
    id: 'people',
    version: 1,
    recordType: 'person',
    table: 'people',
    identity: { tenant: 'tenant', id: 'id' },
    rules,
    ...(guards && { guards }),
  }
}

export function personPlan(rules: readonly Rule[], guards?: readonly Guard[]): Plan {
  return compileMapping(personMapping(rules, guards), person, Object.values(personTables))
}

/** What the compiler says of a mapping with these. */
export function personRefusal(rules: readonly unknown[], guards?: readonly unknown[]): string {
  return refusal(() => personPlan(rules as readonly Rule[], guards as readonly Guard[] | undefined))
}

export function personWith(content: Parameters<typeof writeContent<typeof person>>[2]): Y.Doc {
  const document = new Y.Doc()
  writeContent(person, document, content)
  return document
}

export function personRows(plan: Plan, document: Y.Doc): Projection {
  return forward(plan, { key: personKey, sequence: 1, document })
}

/** The cells of the main row beside those that name the record. */
export function personCells(plan: Plan, document: Y.Doc) {
  const { tenant: _tenant, id: _id, ...cells } = personRows(plan, document).main
  return cells
}

/** Work and mobile numbers in columns of their own, any other number beside them, and further ones in a table. */
export const phoneSlots = {
  rule: 'slots',
  root: 'phones',
  by: 'label',
  first: 'primary',
  slots: [
    { value: 'work', columns: [{ rule: 'field', field: 'number', column: 'phone_work' }] },
    { value: 'mobile', columns: [{ rule: 'field', field: 'number', column: 'phone_mobile' }] },
    { columns: [{ rule: 'field', field: 'number', column: 'phone_other' }] },
  ],
  overflow: {
    table: 'person_phones',
    parent: { tenant: 'tenant', id: 'person_id' },
    id: 'id',
    columns: [
      { rule: 'field', field: 'label', column: 'label' },
      { rule: 'field', field: 'number', column: 'number' },
      { rule: 'field', field: 'primary', column: 'is_primary' },
    ],
  },
} as const satisfies Rule

function keyOf(): RecordKey {
  const [tenant, id] = [parseTenant('acme'), parseRecordId('p-1')]
  if (tenant === undefined || id === undefined) throw new Error('the key of the tests is malformed')
  return { tenant, type: 'person', id }
}
