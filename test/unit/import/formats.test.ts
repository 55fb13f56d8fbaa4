/**
 * What becomes of the exports of each program. The fixtures are written by hand from the headers that the programs document; all
 * people in them are invented.
 */
import { describe, expect, test } from 'vitest'
import { parseMapping } from '../../../server/import/mapping-file.ts'
import { fixture, read } from './drafted.ts'

describe('Google Contacts', () => {
  test('the export of today', () => {
    const { records, skipped, reading } = read(fixture('google.csv'))
    expect(reading.format).toBe('google')
    expect(records).toEqual([
      {
        line: 2,
        type: 'contact',
        fields: {
          firstName: 'Adaeze',
          lastName: 'Okafor',
          salutation: 'Dr.',
          title: 'Managing director',
          department: 'Board',
          birthday: '1979-11-30',
          website: 'https://halvorsen.example.com',
          x_middle_name: 'Ngozi',
          x_name_suffix: 'PhD',
          x_nickname: 'Ada',
          x_photo: 'https://photos.example.com/ada',
          x_website_1_label: 'Work',
          x_website_2_label: 'Blog',
          x_website_2_value: 'https://ada.example.com/blog',
          x_anniversary: '2009-08-08',
          x_shoe_size: '39',
        },
        emails: [
          { label: 'work', address: 'ada@halvorsen.example.com' },
          { label: 'home', address: 'ada@home.example.org', primary: true },
        ],
        phones: [
          { label: 'work', number: '+49 30 23125 100' },
          { label: 'work', number: '+49 30 23125 101' },
          { label: 'mobile', number: '+49 170 5550142', primary: true },
        ],
        addresses: [
          { label: 'work', street: 'Glasbläserweg 14\nFloor 3', city: 'Berlin', postalCode: '10999', country: 'Germany' },
        ],
        summary: 'Prefers letters.\nSecond line, with a "quoted" word.',
        tags: ['VIP', 'Glass'],
        company: { name: 'Halvorsen Kiln & Glass' },
      },
      {
        line: 7,
        type: 'contact',
        fields: { firstName: 'Mathis' },
        summary: 'Imported: phone: call reception',
        moved: [{ column: 'Phone 1 - Value', reason: 'it is not a telephone number' }],
      },
      {
        line: 8,
        type: 'contact',
        fields: {},
        emails: [{ label: 'work', address: 'office@quillmere.example.net', primary: true }],
        summary: 'Imported: birthday: --03-15',
        company: { name: 'Quillmere Logistics' },
        moved: [{ column: 'Birthday', reason: 'it is not a whole date' }],
      },
    ])
    expect(skipped).toEqual([{ line: 9, reason: 'it has no name and no e-mail address, telephone number or company' }])
  })

  test('the export before it', () => {
    const { records, skipped, reading } = read(fixture('google-old.csv'))
    expect(reading.format).toBe('google')
    expect(records).toEqual([
      {
        line: 2,
        type: 'contact',
        fields: {
          firstName: 'Freya',
          lastName: 'Lindqvist',
          title: 'Buyer',
          website: 'http://nordic.example.net',
          x_hobby: 'Sailing',
          x_website_1_type: 'Home Page',
        },
        emails: [{ label: 'work', address: 'freya@nordic.example.net', primary: true }],
        phones: [{ label: 'work', number: '+46 8 465 004 26' }],
        addresses: [{ label: 'work', street: 'Strandvägen 5\nStockholm' }],
        summary: 'Met at the fair.',
        tags: ['starred'],
        company: { name: 'Quillmere Nordic' },
      },
      {
        line: 4,
        type: 'contact',
        fields: { firstName: 'Renato', lastName: 'de la Cruz' },
        phones: [{ label: 'mobile', number: '+44 20 7946 0178' }],
      },
    ])
    expect(skipped).toEqual([])
  })
})

describe('Outlook', () => {
  test('the export of the desktop program, dates told by the others of the file', () => {
    const { records, skipped, reading } = read(fixture('outlook.csv'), {}, 'month-first')
    expect(reading.format).toBe('outlook')
    expect(records).toEqual([
      {
        line: 2,
        type: 'contact',
        fields: {
          salutation: 'Frau',
          firstName: 'Jürgen',
          lastName: 'Müller-Lüdenscheidt',
          title: 'Geschäftsführer',
          department: 'Einkauf',
          birthday: '1968-03-15',
          website: 'https://www.baer.example.de',
          x_e_mail_display_name: 'Jürgen Müller-Lüdenscheidt (juergen@baer.example.de)',
          x_email_type: 'EX',
          x_initials: 'J.M.',
          x_managers_name: 'Chef',
          x_office_location: '3. Stock',
        },
        emails: [{ address: 'juergen@baer.example.de', primary: true }],
        phones: [
          { label: 'work', number: '+49 221 5550100' },
          { label: 'mobile', number: '+49 171 5550123' },
          { label: 'home', number: '+49 221 5550199' },
          { label: 'work fax', number: '+49 221 5550102' },
        ],
        addresses: [
          {
            label: 'work',
            street: 'Straße 1\nHinterhaus',
            city: 'Köln',
            region: 'NRW',
            postalCode: '50667',
            country: 'Deutschland',
          },
        ],
        summary: 'Rabatt 5 €\nZahlt pünktlich.\n\nImported: e-mail: /o=ExchangeLabs/ou=Exchange/cn=Recipients/cn=jm',
        tags: ['Kunde', 'Messe 2024'],
        company: { name: 'Bär & Söhne GmbH' },
        moved: [{ column: 'E-mail 2 Address', reason: 'it is not an e-mail address' }],
      },
      {
        line: 4,
        type: 'contact',
        fields: {
          firstName: 'Ann',
          lastName: 'Young',
          birthday: '1980-03-04',
          x_e_mail_display_name: 'Ann Young',
          x_initials: 'A.Y.',
        },
        emails: [{ address: 'ann@young.example.org', primary: true }],
        addresses: [{ label: 'home', street: '12 High St', city: 'Leeds', postalCode: 'LS1 1AA', country: 'United Kingdom' }],
      },
      {
        line: 5,
        type: 'contact',
        fields: {
          firstName: 'Bob',
          lastName: 'Elder',
          birthday: '1950-12-31',
          x_e_mail_display_name: 'Bob Elder',
          x_initials: 'B.E.',
        },
        emails: [{ address: 'bob@elder.example.org', primary: true }],
      },
    ])
    expect(skipped).toEqual([])
  })

  test('a date that could be read in two ways is not guessed', () => {
    const { records } = read(fixture('outlook.csv'))
    expect(records[1]).toMatchObject({
      summary: 'Imported: birthday: 3/4/1980',
      moved: [{ column: 'Birthday', reason: 'day and month cannot be told apart' }],
    })
    expect(records[1]?.fields).not.toHaveProperty('birthday')
  })

  test('the export of outlook.com', () => {
    const { records, skipped, reading } = read(fixture('outlook-web.csv'))
    expect(reading.format).toBe('outlook')
    expect(records).toEqual([
      {
        line: 2,
        type: 'contact',
        fields: { firstName: 'Svein', lastName: 'Heimdal', title: 'Captain' },
        emails: [{ address: 'svein@heimdal.example.no', primary: true }],
        phones: [
          { label: 'work', number: '901 06 000' },
          { label: 'mobile', number: '+47 466 88 000' },
        ],
        company: { name: 'Fjord AS' },
      },
    ])
    expect(skipped).toEqual([])
  })
})

describe('HubSpot', () => {
  test('contacts', () => {
    const { records, skipped, reading } = read(fixture('hubspot-contacts.csv'))
    expect(reading.format).toBe('hubspot')
    expect(records).toEqual([
      {
        line: 2,
        type: 'contact',
        fields: {
          firstName: 'Camille',
          lastName: 'Durand',
          title: 'Buyer',
          stage: 'qualified',
          website: 'https://villa.example.com',
          x_record_id: '101',
          x_company_name: 'Villa',
          x_lifecycle_stage: 'Marketing Qualified Lead',
          x_contact_owner: 'Inès Moreau (ines@example.com)',
          x_lead_status: 'NEW',
          x_create_date: '2024-03-12 09:14',
          x_favourite_colour: 'green',
        },
        emails: [{ address: 'camille@example.com', primary: true }],
        phones: [{ number: '+33 1 99 00 71 30' }],
        addresses: [{ street: "1 rue de l'Exemple", city: 'Lyon', postalCode: '69001', country: 'France' }],
        company: { name: 'Villa Investama' },
      },
      {
        line: 3,
        type: 'contact',
        fields: {
          firstName: 'John',
          lastName: 'Smith',
          stage: 'customer',
          x_record_id: '102',
          x_associated_company: 'Acme Holding',
          x_lead_status: 'OPEN_DEAL',
          x_create_date: '2024-03-15 14:30',
        },
        emails: [{ address: 'JOHN@Example.com', primary: true }],
        company: { name: 'Acme Inc' },
      },
      {
        line: 4,
        type: 'contact',
        fields: { x_record_id: '103', x_lifecycle_stage: 'other', x_create_date: '2024-03-13 09:14' },
        emails: [{ address: 'noname@example.com', primary: true }],
      },
    ])
    expect(skipped).toEqual([{ line: 5, reason: 'it has no name and no e-mail address, telephone number or company' }])
  })

  test('companies', () => {
    const { records, skipped, reading } = read(fixture('hubspot-companies.csv'))
    expect(reading.format).toBe('hubspot')
    expect(records).toEqual([
      {
        line: 2,
        type: 'account',
        fields: {
          name: 'Bluebay Gaming Ltd',
          website: 'https://www.bluebay.example.com/about',
          industry: 'Gaming',
          employees: 1250,
          stage: 'active',
          x_record_id: '9001',
          x_company_domain_name: 'bluebay.example.com',
          x_lifecycle_stage: 'customer',
          x_company_owner: 'Sam Sales',
          x_annual_revenue: '5000000',
          x_create_date: '2024-02-01 09:30',
        },
        phones: [{ number: '+44 20 7946 0999' }],
        addresses: [{ street: '1 Example Street\nSuite 2', city: 'London', postalCode: 'EC1A 1AA', country: 'United Kingdom' }],
        summary: 'Lottery and draw games.\nSince 1999.',
      },
      {
        line: 4,
        type: 'account',
        fields: {
          name: 'harbour.example.com',
          website: 'https://harbour.example.com',
          stage: 'prospect',
          x_record_id: '9002',
          x_lifecycle_stage: 'lead',
          x_company_owner: 'Sam Sales',
          x_create_date: '2023-11-12 14:00',
        },
        summary: 'Imported: employees: 50-100',
        moved: [{ column: 'Number of Employees', reason: 'it is not a number' }],
      },
    ])
    expect(skipped).toEqual([{ line: 5, reason: 'it has no company name' }])
  })
})

describe('vCard', () => {
  test('3.0, with the additions of Apple and Google', () => {
    const { records, skipped, reading } = read(fixture('apple-google-3.vcf'))
    expect(reading.format).toBe('vcard')
    expect(reading.dropped()).toBe(1)
    expect(records).toEqual([
      {
        line: 1,
        type: 'contact',
        fields: {
          firstName: 'Tobias',
          lastName: 'Wendelgard',
          salutation: 'Dr.',
          title: 'Head of sales; Europe',
          department: 'Sales, EMEA',
          website: 'https://halvorsen.example.com',
          x_middle_name: 'Maria',
          x_name_suffix: 'Jr.',
          x_nickname: 'Tobi, Toby',
          x_role: 'Decides',
          x_anniversary: '2009-08-08',
          x_socialprofile: 'twitter: https://twitter.example.com/tobias',
          x_uid: '4fbe8971-0bc3-424c-9c26-36c3e1eff6b1',
        },
        emails: [
          { label: 'work', address: 't.wendelgard@halvorsen.example.com', primary: true },
          { label: 'home', address: 'tobias@home.example.org' },
        ],
        phones: [
          { label: 'work', number: '+49 30 23125 131' },
          { label: 'mobile', number: '+49 170 5550199', primary: true },
          { label: 'work fax', number: '+49 30 23125 199' },
        ],
        addresses: [
          {
            label: 'work',
            street: 'Glasbläserweg 14\nHinterhaus',
            city: 'Berlin',
            region: 'BE',
            postalCode: '10999',
            country: 'Germany',
          },
        ],
        summary:
          'First line, with a comma\nSecond line: a rather long one that has been folded in the middle of a word, twice as is usual' +
          '\n\nImported: birthday: --03-15',
        tags: ['Glass', 'Trade fair'],
        company: { name: 'Halvorsen Kiln & Glass, Berlin' },
        moved: [{ column: 'BDAY', reason: 'it is not a whole date' }],
      },
      {
        line: 32,
        type: 'account',
        fields: { name: 'Quillmere Logistics' },
        phones: [{ label: 'main', number: '+44 20 7946 0120' }],
      },
    ])
    expect(skipped).toEqual([])
  })

  test('4.0, with its kinds, preferences and partial dates', () => {
    const { records, skipped } = read(fixture('standard-4.vcf'))
    expect(records).toEqual([
      {
        line: 1,
        type: 'contact',
        fields: {
          firstName: 'Yuki',
          lastName: 'Tanaka',
          birthday: '1984-02-29',
          website: 'https://tessaline.example.org',
          x_gender: 'F',
          x_impp: 'xmpp:yuki@example.org',
          x_uid: 'urn:uuid:9e1b2c3d-0000-4000-8000-000000000001',
        },
        emails: [
          { label: 'work', address: 'yuki@tessaline.example.org' },
          { label: 'home', address: 'yuki@home.example.org', primary: true },
        ],
        phones: [{ label: 'work', number: '+1-503-555-0142 ext 7' }],
        addresses: [
          {
            label: 'work',
            street: '5 Mill Road\nPO Box 12',
            city: 'Portland',
            region: 'OR',
            postalCode: '97201',
            country: 'USA',
          },
        ],
        summary: 'Speaks Japanese, English\n\nImported: phone: call the office',
        company: { name: 'Tessaline' },
        moved: [{ column: 'TEL', reason: 'it is not a telephone number' }],
      },
      {
        line: 19,
        type: 'account',
        fields: {
          name: 'Tessaline',
          website: 'https://tessaline.example.org',
          x_uid: 'urn:uuid:9e1b2c3d-0000-4000-8000-000000000002',
        },
        emails: [{ address: 'office@tessaline.example.org', primary: true }],
      },
      {
        line: 34,
        type: 'contact',
        fields: { firstName: 'Gwen', lastName: 'Tarrawonga' },
        summary: 'Imported: birthday: --04-15\nImported: birthday: 1985',
        moved: [
          { column: 'BDAY', reason: 'it is not a whole date' },
          { column: 'BDAY', reason: 'it is not a whole date' },
        ],
      },
    ])
    expect(skipped).toEqual([{ line: 28, reason: 'it is a group of cards, not a person' }])
  })
})

test('any other table goes where its mapping file says', () => {
  const mapping = parseMapping(fixture('other.mapping.json').toString())
  const { records, skipped, reading } = read(fixture('other.csv'), { mapping }, mapping.dates)
  expect(reading.format).toBe('csv')
  expect(records).toEqual([
    {
      line: 2,
      type: 'contact',
      fields: {
        firstName: 'Zoë',
        lastName: 'Groß',
        birthday: '1980-04-03',
        stage: 'customer',
        creditLimit: '1250.50',
        x_kunden_nr: '1',
        x_score: 7.5,
        x_newsletter: true,
        x_filiale: 'Köln',
      },
      emails: [{ label: 'work', address: 'zoe@gross.example.de', primary: true }],
      phones: [
        { label: 'work', number: '+49 221 5550142' },
        { label: 'mobile', number: '0171/5550142' },
      ],
      summary: 'Ruft gern an.',
      tags: ['Messe', 'A-Kunde'],
      company: { name: 'Bär & Söhne GmbH' },
    },
    {
      line: 3,
      type: 'contact',
      fields: {
        firstName: 'Emre',
        lastName: 'Öztürk',
        birthday: '1975-12-31',
        stage: 'lead',
        x_kunden_nr: '2',
        x_newsletter: false,
      },
      emails: [{ label: 'work', address: 'emre@example.de', primary: true }],
      summary: 'Imported: Punkte: viele',
      moved: [{ column: 'Punkte', reason: 'it is not a number' }],
    },
  ])
  expect(skipped).toEqual([])
})

describe('what a file is, is told by what it begins with', () => {
  test.each([
    [
      'case, blanks and punctuation of headers',
      'FIRST NAME;last  name;e-mail_address;Mobile Phone\nAnn;Lee;ann@x.example;\n',
      'outlook',
    ],
    [
      'a byte order mark and empty lines',
      '\uFEFF\n\nGiven Name,Family Name,Phone 1 - Value\nAnn,Lee,+1 503 555 0142\n',
      'google',
    ],
    ["Excel's note on what separates columns", 'sep=\t\nRecord ID\tFirst Name\tLast Name\n1\tAnn\tLee\n', 'hubspot'],
    ['cards behind empty lines', '\n \nbegin:vcard\nversion:3.0\nn:Lee;Ann\nfn:Ann Lee\nend:vcard\n', 'vcard'],
  ])('%s', (_, text, format) => {
    const { records, reading, skipped } = read(text)
    expect([reading.format, skipped]).toEqual([format, []])
    expect(records).toMatchObject([{ fields: { firstName: 'Ann', lastName: 'Lee' } }])
  })

  test.each([
    [
      'an unknown table',
      'Vorname,Nachname\nAnn,Lee\n',
      {},
      /not those of a Google Contacts, Outlook or HubSpot export: .*--mapping/,
    ],
    ['csv without a mapping file', 'a,b\n1,2\n', { format: 'csv' as const }, /needs a mapping file/],
    ['a table where cards were promised', 'a,b\n1,2\n', { format: 'vcard' as const }, /does not begin with BEGIN:VCARD/],
    ['cards where a table was promised', 'BEGIN:VCARD\n', { format: 'google' as const }, /holds vCards/],
    ['an empty file', '', {}, /is empty/],
    ['a file of blank lines', '\r\n\r\n  \r\n', {}, /is empty/],
    ['a quote that is open from the header on', '"First Name,Last Name\nAnn,Lee\n', {}, /cannot be read as the header/],
  ])('%s is refused in one sentence without a value of it', (_, text, choice, message) => {
    expect(() => read(text, choice)).toThrow(message)
    expect(() => read(text, choice)).not.toThrow(/Lee|\n/)
  })

  test('a format that was named is taken at its word', () => {
    const { records, reading } = read('First Name,E-mail Address\nAnn,ann@x.example\n', { format: 'outlook' })
    expect(reading.format).toBe('outlook')
    expect(records).toMatchObject([{ fields: { firstName: 'Ann' }, emails: [{ address: 'ann@x.example' }] }])
  })
})
