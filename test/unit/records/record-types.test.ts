import { recordTypeOf, recordTypes } from '@rapport/shared/records/record-types.ts'
import type { Root } from '@rapport/shared/schema/record-type.ts'
import { describe, expect, it } from 'vitest'

const COMMON = { summary: 'text', notes: 'richText', tags: 'set', activities: ['kind', 'at', 'subject', 'body'] }
const REACH = {
  emails: ['label', 'address', 'primary'],
  phones: ['label', 'number', 'primary'],
  addresses: ['label', 'street', 'city', 'region', 'postalCode', 'country'],
}

function outline(roots: Readonly<Record<string, Root>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(roots).map(([name, root]) => [name, root.kind === 'collection' ? Object.keys(root.columns) : root.kind]),
  )
}

function kinds(type: keyof typeof recordTypes): Record<string, string> {
  return Object.fromEntries(Object.entries(recordTypes[type].fields).map(([name, register]) => [name, register.kind]))
}

describe('the record types that ship', () => {
  it('are found by name, and nothing else is', () => {
    expect(Object.keys(recordTypes).sort()).toEqual(['account', 'contact', 'opportunity'])
    expect(recordTypeOf('contact')).toBe(recordTypes.contact)
    for (const name of ['lead', '', 'constructor', '__proto__', 'toString']) expect(recordTypeOf(name)).toBeUndefined()
    for (const [name, type] of Object.entries(recordTypes)) expect(type).toMatchObject({ name, schemaVersion: 1 })
  })

  it('have the fields of the contract', () => {
    expect(kinds('contact')).toEqual({
      salutation: 'string',
      firstName: 'string',
      lastName: 'string',
      title: 'string',
      department: 'string',
      stage: 'enum',
      owner: 'string',
      account: 'reference',
      birthday: 'date',
      website: 'url',
      doNotCall: 'boolean',
      creditLimit: 'money',
      currency: 'string',
    })
    expect(kinds('account')).toEqual({
      name: 'string',
      industry: 'string',
      website: 'url',
      employees: 'number',
      stage: 'enum',
      owner: 'string',
      parent: 'reference',
      creditLimit: 'money',
      currency: 'string',
    })
    expect(kinds('opportunity')).toEqual({
      name: 'string',
      stage: 'enum',
      amount: 'money',
      currency: 'string',
      closeDate: 'date',
      probability: 'number',
      owner: 'string',
      account: 'reference',
    })
    expect(recordTypes.contact.fields.stage.members).toEqual(['lead', 'qualified', 'customer', 'former'])
    expect(recordTypes.account.fields.stage.members).toEqual(['prospect', 'active', 'former'])
    expect(recordTypes.opportunity.fields.stage.members).toEqual(['discovery', 'qualified', 'proposal', 'won', 'lost'])
    expect(recordTypes.account.fields.name.required && recordTypes.opportunity.fields.name.required).toBe(true)
    expect(recordTypes.opportunity.fields.probability).toMatchObject({ minimum: 0, maximum: 100 })
    expect([
      recordTypes.contact.fields.account.to,
      recordTypes.account.fields.parent.to,
      recordTypes.opportunity.fields.account.to,
    ]).toEqual(['account', 'account', 'account'])
  })

  it('have the roots and columns of the contract', () => {
    expect(outline(recordTypes.contact.roots)).toEqual({ ...COMMON, ...REACH })
    expect(outline(recordTypes.account.roots)).toEqual({ ...COMMON, ...REACH })
    expect(outline(recordTypes.opportunity.roots)).toEqual({ ...COMMON, contacts: ['contact', 'role'] })
    expect(recordTypes.opportunity.roots.contacts.keyedBy).toBe('contact')
    expect(recordTypes.contact.roots.activities.columns.kind.members).toEqual(['call', 'meeting', 'email', 'task', 'note'])
    expect(recordTypes.opportunity.roots.contacts.columns.role.members).toEqual(['decider', 'influencer', 'user', 'other'])
  })

  it('declare no custom field, no system root and no column that every entry has', () => {
    for (const type of Object.values(recordTypes)) {
      expect(Object.keys(type.fields).filter((name) => !/^[a-z][A-Za-z]*$/.test(name))).toEqual([])
      expect(Object.keys(type.roots)).not.toContain('fields')
      expect(Object.keys(type.roots)).not.toContain('meta')
      for (const columns of Object.values(outline(type.roots)))
        expect(columns).not.toEqual(expect.arrayContaining([expect.stringMatching(/^(order|deleted)$/)]))
    }
  })
})
