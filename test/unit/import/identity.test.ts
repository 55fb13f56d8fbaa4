/** Who is who: ids depend on what is said of somebody and on nothing else. */
import { parseRecordId, parseTenant } from '@rapport/shared/ids.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { companyIdentity, type Identity, idOf } from '../../../server/import/identity.ts'
import { Sightings } from '../../../server/import/sightings.ts'
import { entryOf } from '../../../server/import/survey.ts'
import { itemsOf, read, tenant } from './drafted.ts'

const HEADER = 'First Name,Last Name,E-mail 1 - Value,Phone 1 - Value,Notes'

function identities(...rows: string[]): Identity[] {
  return read([HEADER, ...rows].join('\n')).entries.map(({ identity }) => identity)
}

describe('the same person', () => {
  test.each([
    ['case and blanks', 'Ann,Lee,ann@x.example,,hi', ' ANN , lee  ,Ann@X.example,,Hi '],
    ['composed and decomposed letters', 'J\u00fcrgen,Lee,j@x.example,,', 'Ju\u0308rgen,Lee,j@x.example,,'],
    ['wide letters', 'Ａnn,Lee,ann@x.example,,', 'Ann,Lee,ann@x.example,,'],
  ])('%s make no difference', (_, one, other) => {
    const [first, second] = identities(one, other)
    expect(second).toEqual(first)
  })

  test('columns in another order and columns without a value make no difference', () => {
    const [one] = read('First Name,Last Name,E-mail 1 - Value\nAnn,Lee,ann@x.example\n').entries
    const [other] = read('Phone 1 - Value,E-mail 1 - Value,Last Name,First Name\n,ann@x.example,Lee,Ann\n').entries
    expect(other?.identity).toEqual(one?.identity)
  })

  test('properties of a card in another order, folded otherwise and exported later, make no difference', () => {
    const card = (...lines: string[]): string => ['BEGIN:VCARD', 'VERSION:3.0', ...lines, 'END:VCARD'].join('\n')
    const [one, other] = read(
      [
        card('N:Lee;Ann', 'EMAIL;TYPE=WORK;TYPE=pref:ann@x.example', 'PRODID:a', 'REV:2020-01-01'),
        card('REV:2024-01-01', 'item1.EMAIL;TYPE=pref,WORK:ann@\n x.example', 'N:Lee;Ann'),
      ].join('\n'),
    ).entries
    expect(other?.identity).toEqual(one?.identity)
  })

  test.each([
    ['name and e-mail address', 'Ann,Lee,ann@x.example,+1 503 555 0142,', 'Ann,Lee,ann@x.example,,now with a note'],
    ['name and telephone number, where there is no e-mail address', 'Ann,Lee,,+1 503 555 0142,', 'Ann,Lee,,+1 (503) 555-0142,x'],
  ])('%s tell who it is, whatever else is said', (_, one, other) => {
    const [first, second] = identities(one, other)
    expect(second?.who).toBe(first?.who)
    expect(second?.what).not.toBe(first?.what)
  })

  test('what the other program calls an entry tells more than its name', () => {
    const [one, other] = read('Record ID,First Name,Email\n7,Ann,ann@x.example\n7,Anna,anna@x.example\n').entries
    expect(other?.identity.who).toBe(one?.identity.who)
  })
})

describe('somebody else', () => {
  test.each([
    ['another e-mail address', 'Ann,Lee,ann@x.example,,', 'Ann,Lee,ann@y.example,,'],
    ['another name', 'Ann,Lee,ann@x.example,,', 'Bob,Lee,ann@x.example,,'],
    ['nothing but a name, and another note', 'Ann,Lee,,,one', 'Ann,Lee,,,two'],
  ])('%s', (_, one, other) => {
    const [first, second] = identities(one, other)
    expect(second?.who).not.toBe(first?.who)
  })

  test('P11: the same person in another tenant, and the same number in another program', () => {
    const other = parseTenant('other')
    if (other === undefined) throw new Error('not a tenant')
    const [item] = itemsOf(Buffer.from(`${HEADER}\nAnn,Lee,ann@x.example,,\n`)).items
    if (item?.type !== 'record') throw new Error('no record')
    const ids = [tenant, other].map((one) => entryOf(item, one, undefined, () => 'e'))
    expect(new Set(ids.map((entry) => typeof entry !== 'string' && entry.identity.who)).size).toBe(2)
    const [hubspot] = read('Record ID,First Name\n7,Ann\n').entries
    const [card] = read('BEGIN:VCARD\nVERSION:3.0\nN:;Ann\nUID:7\nEND:VCARD\n').entries
    expect(hubspot?.identity.who).not.toBe(card?.identity.who)
    expect(companyIdentity(tenant, 'Acme').who).not.toBe(companyIdentity(other, 'Acme').who)
  })
})

test('ids are UUIDs of version 8', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (name) => {
      const id = idOf(companyIdentity(tenant, name))
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
      expect(parseRecordId(id)).toBe(id)
    }),
  )
})

test('sightings answer as a list of all entries would', () => {
  const identity = fc.tuple(fc.nat(6), fc.nat(3)).map(([who, what]) => {
    const one = companyIdentity(tenant, `${who}`)
    return { who: one.who, what: companyIdentity(tenant, `${what}`).what }
  })
  fc.assert(
    fc.property(fc.array(identity, { maxLength: 60 }), (entries) => {
      const sightings = new Sightings()
      const model = new Map<string, number>()
      for (const [index, entry] of entries.entries()) {
        const first = model.get(idOf(entry)) ?? index + 1
        model.set(idOf(entry), first)
        expect(sightings.note(entry, index + 1)).toBe(first)
      }
      for (const entry of entries) {
        expect(sightings.lineOf(entry)).toBe(model.get(idOf(entry)))
        const said = new Set(entries.filter(({ who }) => who === entry.who).map(({ what }) => what))
        expect(sightings.countOf(entry)).toBe(said.size)
      }
      expect(sightings.lineOf(companyIdentity(tenant, 'nobody'))).toBe(0)
    }),
  )
})

test('sightings grow with a large file, and find everybody in it', () => {
  const sightings = new Sightings()
  const entries = Array.from({ length: 5_000 }, (_, index) => companyIdentity(tenant, `company ${index}`))
  for (const [index, entry] of entries.entries()) sightings.note(entry, index + 1)
  expect(entries.map((entry) => sightings.lineOf(entry))).toEqual(entries.map((_, index) => index + 1))
})
