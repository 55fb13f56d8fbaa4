/**
 * What an empty embedded database starts with: four accounts, twelve customers and five opportunities. Plain data, valid by
 * the record types. All people and companies are invented; domains and telephone numbers are those reserved for examples and
 * fiction. Ids are fixed, so that documentation and tests can name them and a second start makes nothing new.
 */
import type { account } from '@rapport/shared/records/account.ts'
import type { contact } from '@rapport/shared/records/contact.ts'
import type { opportunity } from '@rapport/shared/records/opportunity.ts'
import type { DraftContent, RecordType } from '@rapport/shared/schema/record-type.ts'

export interface Sample<T extends RecordType> {
  /** Has the form of a UUIDv7. */
  readonly id: string
  readonly content: DraftContent<T>
}

const HALVORSEN = '01973000-0000-7a00-8000-000000000001'
const QUILLMERE = '01973000-0000-7a00-8000-000000000002'
const QUILLMERE_NORDIC = '01973000-0000-7a00-8000-000000000003'
const TESSALINE = '01973000-0000-7a00-8000-000000000004'

const ADAEZE = '01973000-0000-7c00-8000-000000000001'
const MATHIS = '01973000-0000-7c00-8000-000000000002'
const FREYA = '01973000-0000-7c00-8000-000000000003'
const RENATO = '01973000-0000-7c00-8000-000000000004'
const KLARA = '01973000-0000-7c00-8000-000000000005'
const SIOBHAN = '01973000-0000-7c00-8000-000000000006'
const TOBIAS = '01973000-0000-7c00-8000-000000000007'
const YUKI = '01973000-0000-7c00-8000-000000000008'
const PRIYANKA = '01973000-0000-7c00-8000-000000000009'
const GWEN = '01973000-0000-7c00-8000-00000000000a'
const LEILA = '01973000-0000-7c00-8000-00000000000b'
const ESTEBAN = '01973000-0000-7c00-8000-00000000000c'

/** The first, second and third entry of any collection. */
const E1 = '01973000-0000-7e00-8000-000000000001'
const E2 = '01973000-0000-7e00-8000-000000000002'
const E3 = '01973000-0000-7e00-8000-000000000003'

export const sampleAccounts: readonly Sample<typeof account>[] = [
  {
    id: HALVORSEN,
    content: {
      fields: {
        name: 'Halvorsen Kiln & Glass',
        industry: 'Manufacturing',
        website: 'https://halvorsen.example.com',
        employees: 340,
        stage: 'active',
        owner: 'amira',
        creditLimit: '75000.00',
        currency: 'EUR',
      },
      summary: 'Architectural glass and industrial kilns. Long-standing customer; the second furnace line opens next spring.',
      tags: { 'key account': true, manufacturing: true },
      emails: { [E1]: { label: 'office', address: 'office@halvorsen.example.com', primary: true } },
      phones: { [E1]: { label: 'switchboard', number: '+49 30 23125 100', primary: true } },
      addresses: {
        [E1]: { label: 'head office', street: 'Glasbläserweg 14', city: 'Berlin', postalCode: '10999', country: 'Germany' },
      },
    },
  },
  {
    id: QUILLMERE,
    content: {
      fields: {
        name: 'Quillmere Logistics',
        industry: 'Transport',
        website: 'https://quillmere.example.net',
        employees: 2150,
        stage: 'active',
        owner: 'jonas',
        creditLimit: '250000.00',
        currency: 'GBP',
      },
      summary: 'Cold-chain freight between the British Isles and the Baltic. Buys centrally, decides by depot.',
      tags: { 'key account': true, logistics: true },
      emails: { [E1]: { label: 'procurement', address: 'procurement@quillmere.example.net', primary: true } },
      phones: { [E1]: { label: 'procurement', number: '+44 20 7946 0120', primary: true } },
      addresses: {
        [E1]: {
          label: 'head office',
          street: '8 Tallow Wharf',
          city: 'London',
          postalCode: 'SE16 9ZZ',
          country: 'United Kingdom',
        },
      },
    },
  },
  {
    id: QUILLMERE_NORDIC,
    content: {
      fields: {
        name: 'Quillmere Nordic AB',
        industry: 'Transport',
        website: 'https://nordic.quillmere.example.net',
        employees: 190,
        stage: 'prospect',
        owner: 'jonas',
        parent: QUILLMERE,
        currency: 'SEK',
      },
      summary: 'Swedish subsidiary with a warehouse system of its own.',
      tags: { logistics: true },
      phones: { [E1]: { label: 'office', number: '+46 8 465 004 10', primary: true } },
      addresses: {
        [E1]: { label: 'depot', street: 'Packhusgatan 3', city: 'Göteborg', postalCode: '411 13', country: 'Sweden' },
      },
    },
  },
  {
    id: TESSALINE,
    content: {
      fields: {
        name: 'Tessaline Foods',
        industry: 'Food',
        website: 'https://tessaline.example.org',
        employees: 58,
        stage: 'prospect',
        owner: 'amira',
        creditLimit: '12500.50',
        currency: 'USD',
      },
      summary: 'Family bakery that grew into a wholesaler. Wants one system for shops and for the van routes.',
      tags: { food: true, 'trade fair': true },
      emails: { [E1]: { label: 'orders', address: 'orders@tessaline.example.org', primary: true } },
      addresses: {
        [E1]: {
          label: 'bakery',
          street: '2210 Juniper Street',
          city: 'Portland',
          region: 'OR',
          postalCode: '97205',
          country: 'United States',
        },
      },
    },
  },
]

export const sampleContacts: readonly Sample<typeof contact>[] = [
  {
    id: ADAEZE,
    content: {
      fields: {
        salutation: 'Ms',
        firstName: 'Adaeze',
        lastName: 'Okonjo-Brandt',
        title: 'Head of Procurement',
        department: 'Procurement',
        stage: 'customer',
        owner: 'amira',
        account: HALVORSEN,
        birthday: '1981-04-12',
        doNotCall: false,
        creditLimit: '20000.00',
        currency: 'EUR',
      },
      summary: 'Prefers short calls before ten. Signs everything up to 20,000 euros herself.',
      tags: { vip: true, newsletter: true },
      emails: {
        [E1]: { label: 'work', address: 'a.okonjo-brandt@halvorsen.example.com', primary: true },
        [E2]: { label: 'private', address: 'adaeze@example.org', primary: false },
      },
      phones: { [E1]: { label: 'direct', number: '+49 30 23125 114', primary: true } },
      addresses: {
        [E1]: { label: 'office', street: 'Glasbläserweg 14', city: 'Berlin', postalCode: '10999', country: 'Germany' },
      },
      activities: {
        [E1]: {
          kind: 'meeting',
          at: '2025-05-06T08:00:00Z',
          subject: 'Yearly review',
          body: 'Happy with delivery times. Asked for a second price tier.',
        },
        [E2]: {
          kind: 'call',
          at: '2025-05-21T07:30:00Z',
          subject: 'Second price tier',
          body: 'Promised a proposal by mid-June.',
        },
      },
    },
  },
  {
    id: MATHIS,
    content: {
      fields: {
        salutation: 'M.',
        firstName: 'Mathis',
        lastName: 'Carrouge',
        title: 'Plant Manager',
        department: 'Operations',
        stage: 'customer',
        owner: 'amira',
        account: HALVORSEN,
      },
      summary: 'Runs the furnace lines; first to call when something stands still.',
      tags: { technical: true },
      emails: { [E1]: { label: 'work', address: 'm.carrouge@halvorsen.example.com', primary: true } },
      phones: { [E1]: { label: 'mobile', number: '+33 1 99 00 45 12', primary: true } },
      activities: {
        [E1]: {
          kind: 'email',
          at: '2025-04-17T13:12:00Z',
          subject: 'Maintenance window',
          body: 'Line 1 stands still in week 32.',
        },
      },
    },
  },
  {
    id: FREYA,
    content: {
      fields: {
        salutation: 'Dr',
        firstName: 'Freya',
        lastName: 'Ashdown-Lind',
        title: 'Chief Operating Officer',
        department: 'Board',
        stage: 'customer',
        owner: 'jonas',
        account: QUILLMERE,
        website: 'https://freya.example.com/about',
        creditLimit: '100000.00',
        currency: 'GBP',
      },
      summary: 'Decides on everything that touches more than one depot.',
      tags: { vip: true, 'key account': true },
      emails: { [E1]: { label: 'work', address: 'freya.ashdown-lind@quillmere.example.net', primary: true } },
      phones: {
        [E1]: { label: 'office', number: '+44 20 7946 0133', primary: true },
        [E2]: { label: 'assistant', number: '+44 20 7946 0134 ext 7', primary: false },
      },
      activities: { [E1]: { kind: 'task', at: '2025-06-10T09:00:00Z', subject: 'Send the depot comparison' } },
    },
  },
  {
    id: RENATO,
    content: {
      fields: {
        salutation: 'Mr',
        firstName: 'Renato',
        lastName: 'Quispe Falcón',
        title: 'Depot Lead',
        department: 'Tilbury',
        stage: 'qualified',
        owner: 'jonas',
        account: QUILLMERE,
      },
      summary: 'Pilots new things at Tilbury before the others get them.',
      tags: { pilot: true },
      emails: { [E1]: { label: 'work', address: 'renato.quispe@quillmere.example.net', primary: true } },
      phones: { [E1]: { label: 'depot', number: '+44 20 7946 0178', primary: true } },
      addresses: {
        [E1]: {
          label: 'depot',
          street: 'Gate 4, Ferry Road',
          city: 'Tilbury',
          region: 'Essex',
          postalCode: 'RM18 9ZZ',
          country: 'United Kingdom',
        },
      },
    },
  },
  {
    id: KLARA,
    content: {
      fields: {
        firstName: 'Klara',
        lastName: 'Sjövall',
        title: 'IT Coordinator',
        department: 'IT',
        stage: 'lead',
        owner: 'jonas',
        account: QUILLMERE_NORDIC,
        birthday: '1992-11-30',
      },
      summary: 'Met in Göteborg. Worried about the old warehouse system, which she alone understands.',
      tags: { technical: true, 'trade fair': true },
      emails: { [E1]: { label: 'work', address: 'klara.sjovall@nordic.quillmere.example.net', primary: true } },
      phones: { [E1]: { label: 'work', number: '+46 8 465 004 27', primary: true } },
      activities: {
        [E1]: {
          kind: 'meeting',
          at: '2025-03-14T10:15:00Z',
          subject: 'Trade fair',
          body: 'Wants to see an export of all pallets.',
        },
      },
    },
  },
  {
    id: SIOBHAN,
    content: {
      fields: {
        salutation: 'Ms',
        firstName: 'Siobhán',
        lastName: 'Mac Aonghusa',
        title: 'Founder',
        stage: 'lead',
        owner: 'amira',
        doNotCall: true,
      },
      summary: 'Writes, never rings. Looking for something to replace three spreadsheets.',
      tags: { newsletter: true },
      emails: { [E1]: { label: 'work', address: 'siobhan@example.net', primary: true } },
      addresses: { [E1]: { label: 'studio', street: '5 Weir Lane', city: 'Galway', country: 'Ireland' } },
    },
  },
  {
    id: TOBIAS,
    content: {
      fields: {
        salutation: 'Herr',
        firstName: 'Tobias',
        lastName: 'Wendelgard',
        title: 'Controller',
        department: 'Finance',
        stage: 'customer',
        owner: 'amira',
        account: HALVORSEN,
        creditLimit: '5000.00',
        currency: 'EUR',
      },
      summary: 'Checks every invoice. Wants cost centres on each line.',
      tags: { finance: true },
      emails: { [E1]: { label: 'work', address: 't.wendelgard@halvorsen.example.com', primary: true } },
      phones: { [E1]: { label: 'direct', number: '+49 30 23125 131', primary: true } },
      activities: {
        [E1]: {
          kind: 'note',
          at: '2025-02-03T15:45:00Z',
          subject: 'Cost centres',
          body: 'Format: four digits, a dash, two digits.',
        },
      },
    },
  },
  {
    id: YUKI,
    content: {
      fields: {
        firstName: '由紀',
        lastName: '森川',
        title: 'Buyer',
        department: 'Imports',
        stage: 'qualified',
        owner: 'amira',
        account: TESSALINE,
        website: 'https://example.com/yuki',
      },
      summary: 'Buys matcha and yuzu for the bakery 🍵; answers at night, Pacific time.',
      tags: { food: true },
      emails: { [E1]: { label: 'work', address: 'yuki@tessaline.example.org', primary: true } },
      phones: { [E1]: { label: 'mobile', number: '+1 503 555 0142', primary: true } },
    },
  },
  {
    id: PRIYANKA,
    content: {
      fields: {
        salutation: 'Mrs',
        firstName: 'Priyanka',
        lastName: 'Devarajan',
        title: 'Owner',
        department: 'Management',
        stage: 'qualified',
        owner: 'amira',
        account: TESSALINE,
        birthday: '1975-08-02',
        currency: 'USD',
      },
      summary: 'Decides with her brother. The van routes matter more to her than the shops.',
      tags: { vip: true, 'trade fair': true },
      emails: { [E1]: { label: 'work', address: 'priyanka@tessaline.example.org', primary: true } },
      phones: {
        [E1]: { label: 'bakery', number: '+1 503 555 0107', primary: true },
        [E2]: { label: 'mobile', number: '+1 503 555 0108', primary: false },
      },
      addresses: {
        [E1]: {
          label: 'bakery',
          street: '2210 Juniper Street',
          city: 'Portland',
          region: 'OR',
          postalCode: '97205',
          country: 'United States',
        },
      },
      activities: {
        [E1]: { kind: 'call', at: '2025-04-28T17:00:00Z', subject: 'First call', body: 'Interested; budget from July.' },
        [E2]: { kind: 'email', at: '2025-05-02T16:20:00Z', subject: 'Documents sent' },
        [E3]: { kind: 'task', at: '2025-07-01T15:00:00Z', subject: 'Ring again about the budget' },
      },
    },
  },
  {
    id: GWEN,
    content: {
      fields: { firstName: 'Gwen', lastName: 'Tarrawonga', title: 'Consultant', stage: 'former', owner: 'jonas' },
      summary: 'Left freight for teaching; happy to be asked about Quillmere.',
      tags: { referral: true },
      emails: { [E1]: { label: 'private', address: 'gwen.tarrawonga@example.com', primary: true } },
      phones: { [E1]: { label: 'home', number: '+61 2 5550 4821', primary: true } },
      addresses: {
        [E1]: {
          label: 'home',
          street: '19 Banksia Parade',
          city: 'Newcastle',
          region: 'NSW',
          postalCode: '2300',
          country: 'Australia',
        },
      },
    },
  },
  {
    id: LEILA,
    content: {
      fields: {
        salutation: 'Dr',
        firstName: 'Leïla',
        lastName: 'Benhaddou',
        title: 'Laboratory Director',
        department: 'Research',
        stage: 'lead',
        owner: 'jonas',
        website: 'https://lab.example.org',
      },
      summary: 'Needs cold transport for samples, a few boxes a week. Referred by Gwen.',
      tags: { referral: true, research: true },
      emails: { [E1]: { label: 'work', address: 'leila.benhaddou@lab.example.org', primary: true } },
      phones: { [E1]: { label: 'laboratory', number: '+33 1 99 00 71 30', primary: true } },
      activities: { [E1]: { kind: 'email', at: '2025-05-30T11:05:00Z', subject: 'Introduction', body: 'Gwen put us in touch.' } },
    },
  },
  {
    id: ESTEBAN,
    content: {
      fields: {
        salutation: 'Sr.',
        firstName: 'Esteban',
        lastName: 'Arroyuelo',
        title: 'Route Planner',
        department: 'Delivery',
        stage: 'lead',
        owner: 'amira',
        account: TESSALINE,
        x_van: 'No. 7',
        x_shift_start: 4,
      },
      summary: 'Plans the vans by hand, very well. Will be the one who uses it every morning.',
      tags: { pilot: true },
      emails: { [E1]: { label: 'work', address: 'esteban@tessaline.example.org', primary: true } },
      phones: { [E1]: { label: 'van', number: '+1 503 555 0166', primary: true } },
    },
  },
]

export const sampleOpportunities: readonly Sample<typeof opportunity>[] = [
  {
    id: '01973000-0000-7b00-8000-000000000001',
    content: {
      fields: {
        name: 'Second price tier',
        stage: 'proposal',
        amount: '48000.00',
        currency: 'EUR',
        closeDate: '2025-09-30',
        probability: 70,
        owner: 'amira',
        account: HALVORSEN,
      },
      summary: 'Volume prices from 400 panes a month.',
      tags: { renewal: true },
      contacts: { [ADAEZE]: { contact: ADAEZE, role: 'decider' }, [TOBIAS]: { contact: TOBIAS, role: 'influencer' } },
      activities: { [E1]: { kind: 'task', at: '2025-06-16T08:00:00Z', subject: 'Send the proposal' } },
    },
  },
  {
    id: '01973000-0000-7b00-8000-000000000002',
    content: {
      fields: {
        name: 'Furnace line 2',
        stage: 'discovery',
        amount: '310000.00',
        currency: 'EUR',
        closeDate: '2026-03-31',
        probability: 25,
        owner: 'amira',
        account: HALVORSEN,
      },
      summary: 'Service contract for the line that opens in spring.',
      contacts: { [MATHIS]: { contact: MATHIS, role: 'user' }, [ADAEZE]: { contact: ADAEZE, role: 'decider' } },
    },
  },
  {
    id: '01973000-0000-7b00-8000-000000000003',
    content: {
      fields: {
        name: 'Tilbury pilot',
        stage: 'won',
        amount: '18500.00',
        currency: 'GBP',
        closeDate: '2025-05-15',
        probability: 100,
        owner: 'jonas',
        account: QUILLMERE,
      },
      summary: 'Twelve weeks, one depot. Running well.',
      tags: { pilot: true },
      contacts: { [RENATO]: { contact: RENATO, role: 'user' }, [FREYA]: { contact: FREYA, role: 'decider' } },
    },
  },
  {
    id: '01973000-0000-7b00-8000-000000000004',
    content: {
      fields: {
        name: 'Nordic warehouse',
        stage: 'qualified',
        amount: '1250000.00',
        currency: 'SEK',
        closeDate: '2025-12-19',
        probability: 40,
        owner: 'jonas',
        account: QUILLMERE_NORDIC,
      },
      summary: 'Replaces the old system if the export of pallets works.',
      contacts: { [KLARA]: { contact: KLARA, role: 'influencer' }, [FREYA]: { contact: FREYA, role: 'decider' } },
      activities: { [E1]: { kind: 'meeting', at: '2025-08-20T07:00:00Z', subject: 'Workshop on the export' } },
    },
  },
  {
    id: '01973000-0000-7b00-8000-000000000005',
    content: {
      fields: {
        name: 'Shops and vans',
        stage: 'discovery',
        amount: '27900.50',
        currency: 'USD',
        closeDate: '2025-10-31',
        probability: 35.5,
        owner: 'amira',
        account: TESSALINE,
      },
      summary: 'One system for nine shops and six vans; vans first.',
      tags: { food: true },
      contacts: {
        [PRIYANKA]: { contact: PRIYANKA, role: 'decider' },
        [ESTEBAN]: { contact: ESTEBAN, role: 'user' },
        [YUKI]: { contact: YUKI, role: 'other' },
      },
    },
  },
]
