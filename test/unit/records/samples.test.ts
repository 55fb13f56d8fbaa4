import { account } from '@rapport/shared/records/account.ts'
import { contact } from '@rapport/shared/records/contact.ts'
import { opportunity } from '@rapport/shared/records/opportunity.ts'
import { writeContent } from '@rapport/shared/schema/edit.ts'
import { readContent } from '@rapport/shared/schema/read-content.ts'
import { validateContent } from '@rapport/shared/schema/validate-content.ts'
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { sampleAccounts, sampleContacts, sampleOpportunities } from '../../../server/samples/data.ts'

const SAMPLES = [
  ...sampleAccounts.map((sample) => ({ type: account, ...sample })),
  ...sampleContacts.map((sample) => ({ type: contact, ...sample })),
  ...sampleOpportunities.map((sample) => ({ type: opportunity, ...sample })),
]

describe('the samples', () => {
  it('are 12 customers, 4 accounts and 5 opportunities under ids of their own, in the form of a UUIDv7', () => {
    expect([sampleContacts.length, sampleAccounts.length, sampleOpportunities.length]).toEqual([12, 4, 5])
    expect(new Set(SAMPLES.map(({ id }) => id)).size).toBe(21)
    for (const { id } of SAMPLES) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  it('are valid, and read back from a document as they were given', () => {
    for (const { type, id, content } of SAMPLES) {
      expect([id, validateContent(type, content)]).toEqual([id, []])
      const document = new Y.Doc()
      writeContent(type, document, content as never)
      const read = readContent(type, document)
      expect(read).toMatchObject(content)
      expect([id, validateContent(type, read)]).toEqual([id, []])
    }
  })

  it('refer only to each other', () => {
    const accounts = new Set(sampleAccounts.map(({ id }) => id))
    const contacts = new Set(sampleContacts.map(({ id }) => id))
    const referred = [
      ...sampleAccounts.map(({ content }) => content.fields.parent),
      ...sampleContacts.map(({ content }) => content.fields?.account),
      ...sampleOpportunities.map(({ content }) => content.fields.account),
    ].filter((id) => id !== undefined && id !== null)
    expect(referred.length).toBeGreaterThan(10)
    for (const id of referred) expect(accounts).toContain(id)
    for (const { content } of sampleOpportunities)
      for (const id of Object.keys(content.contacts ?? {})) expect(contacts).toContain(id)
  })

  it('reach nobody: domains and numbers are those reserved for examples and fiction', () => {
    const text = JSON.stringify(SAMPLES.map(({ content }) => content))
    for (const [, domain] of text.matchAll(/(?:@|https:\/\/)([a-z.-]+)/g)) expect(domain).toMatch(/(^|\.)example\.(com|org|net)$/)
    const numbers = [...text.matchAll(/"number":"([^"]+)"/g)].map(([, number]) => number)
    expect(numbers.length).toBeGreaterThan(10)
    for (const number of numbers) {
      expect(number).toMatch(
        /^(\+1 \d{3} 555 01\d\d|\+44 20 7946 0\d{3}( ext \d)?|\+49 30 23125 \d{3}|\+33 1 99 00 \d\d \d\d|\+46 8 465 004 \d\d|\+61 2 5550 \d{4})$/,
      )
    }
  })
})
