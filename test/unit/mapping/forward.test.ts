import { parseRecordId, parseTenant, type RecordKey } from '@rapport/shared/ids.ts'
import { compileMapping } from '@rapport/shared/mapping/compile.ts'
import { forward } from '@rapport/shared/mapping/forward.ts'
import { contact } from '@rapport/shared/records/contact.ts'
import { editorOf, writeContent } from '@rapport/shared/schema/edit.ts'
import { writeMeta } from '@rapport/shared/schema/layout.ts'
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { compileShipped } from '../../../drizzle/mappings/mappings.ts'
import { mapping, tables, thing } from './things.ts'

const things = compileMapping(mapping, thing, Object.values(tables))

function keyOf(type: string): RecordKey {
  const [tenant, id] = [parseTenant('acme'), parseRecordId('r-1')]
  if (tenant === undefined || id === undefined) throw new Error('the key of the test is malformed')
  return { tenant, type, id }
}

/** What a thing's document becomes, written by hand. */
function thingRows(write: (document: Y.Doc) => void) {
  const document = new Y.Doc()
  write(document)
  return forward(things, { key: keyOf('thing'), sequence: 7, document })
}

function entries(document: Y.Doc, root: string, values: Readonly<Record<string, unknown>>): void {
  for (const [key, value] of Object.entries(values)) document.getMap(root).set(key, value)
}

describe('P6: a document as rows', () => {
  it('a contact with one of everything stands in the tables of the contract', () => {
    const plan = compileShipped().find((one) => one.mapping.id === 'contact')
    if (plan === undefined) throw new Error('no mapping of contacts ships')
    const document = new Y.Doc()
    writeMeta(document, { createdAt: Date.parse('2026-01-02T03:04:05.678Z'), createdBy: 'ann', deletedAt: null })
    writeContent(contact, document, {
      fields: {
        lastName: 'Lovelace',
        stage: 'customer',
        account: 'a-9',
        birthday: '1815-12-10',
        doNotCall: false,
        creditLimit: '1250.00',
        x_size: 4,
      },
      summary: 'Wrote the first program.',
      tags: { vip: true, maths: true },
      emails: { e2: { label: 'work', address: 'ada@example.com', primary: true }, e1: { address: 'a@example.org' } },
      activities: { a1: { kind: 'call', at: '2026-01-02T03:04:05Z', subject: 'Hello' } },
    })
    expect(forward(plan, { key: keyOf('contact'), sequence: 12, document })).toEqual({
      main: {
        tenant: 'acme',
        id: 'r-1',
        salutation: null,
        first_name: null,
        last_name: 'Lovelace',
        title: null,
        department: null,
        stage: 'customer',
        owner: null,
        account_id: 'a-9',
        birthday: '1815-12-10',
        website: null,
        do_not_call: false,
        credit_limit: '1250.00',
        currency: null,
        summary: 'Wrote the first program.',
        notes_text: '',
        custom: { x_size: 4 },
        sequence: 12,
        deleted_at: null,
        created_at: '2026-01-02T03:04:05.678Z',
      },
      children: {
        contact_emails: [
          {
            tenant: 'acme',
            contact_id: 'r-1',
            id: 'e2',
            sort_order: 0,
            label: 'work',
            address: 'ada@example.com',
            is_primary: true,
          },
          { tenant: 'acme', contact_id: 'r-1', id: 'e1', sort_order: 1, label: null, address: 'a@example.org', is_primary: null },
        ],
        contact_phones: [],
        contact_addresses: [],
        contact_tags: [
          { tenant: 'acme', contact_id: 'r-1', tag: 'maths' },
          { tenant: 'acme', contact_id: 'r-1', tag: 'vip' },
        ],
        contact_activities: [
          { tenant: 'acme', contact_id: 'r-1', id: 'a1', kind: 'call', at: '2026-01-02T03:04:05Z', subject: 'Hello', body: null },
        ],
      },
      misfits: [],
    })
  })

  it('an enum has the values of the mapping, a constant stands in every row, and a creator is named', () => {
    const { main, misfits } = thingRows((document) => {
      writeMeta(document, { createdBy: 'ann' })
      document.getMap('fields').set('level', 'middle')
    })
    expect(main).toMatchObject({ level: 'M', kind: 'thing', created_by: 'ann', sequence: 7 })
    expect(misfits).toEqual([])
  })

  it('an empty document is a row of nothing, with the constants and the sequence', () => {
    const { main, children, misfits } = thingRows(() => undefined)
    const held = Object.entries(main).filter(([, cell]) => cell !== null)
    expect(Object.fromEntries(held)).toEqual({
      tenant: 'acme',
      id: 'r-1',
      kind: 'thing',
      summary: '',
      notes: '',
      custom: {},
      sequence: 7,
    })
    expect(children).toEqual({ thing_phones: [], thing_tags: [], thing_peers: [] })
    expect(misfits).toEqual([])
  })

  it('a deleted record keeps its rows, and says when it was deleted', () => {
    const deletedAt = Date.parse('2026-05-06T07:08:09Z')
    const { main, children } = thingRows((document) => {
      writeMeta(document, { deletedAt })
      editorOf(thing, document).addEntry('phones', { label: 'home' }, { id: 'p1' })
    })
    expect(main.deleted_at).toBe('2026-05-06T07:08:09.000Z')
    expect(children.thing_phones).toHaveLength(1)
  })

  it('a cleared and a removed field are NULL without being a misfit', () => {
    const { main, misfits } = thingRows((document) => {
      entries(document, 'fields', { name: 'x', size: 1 })
      document.getMap('fields').set('name', null)
      document.getMap('fields').delete('size')
    })
    expect(main).toMatchObject({ name: null, size: null })
    expect(misfits).toEqual([])
  })
})

describe('entries', () => {
  it('stand in their order, counted from 0, whatever their ids look like', () => {
    const { children } = thingRows((document) => {
      entries(document, 'phones', { '10/order': 'b', '9/order': 'c', 'x/order': 'a', '1/label': 'no order', '9/label': 'last' })
    })
    expect(children.thing_phones?.map((row) => [row.id, row.sort_order])).toEqual([
      ['1', 0],
      ['x', 1],
      ['10', 2],
      ['9', 3],
    ])
  })

  it('that are deleted have no row and leave no gap in the order', () => {
    const { children } = thingRows((document) => {
      const editor = editorOf(thing, document)
      for (const id of ['a', 'b', 'c']) editor.addEntry('phones', { label: id }, { id })
      editor.deleteEntry('phones', 'b')
    })
    expect(children.thing_phones?.map((row) => [row.id, row.sort_order])).toEqual([
      ['a', 0],
      ['c', 1],
    ])
  })

  it('of a link are named by the other record, whatever their own column says', () => {
    const { children, misfits } = thingRows((document) => {
      entries(document, 'peers', { 'b-1/peer': 'somebody else', 'b-1/role': 'boss', 'b-2/peer': 'b-2' })
    })
    expect(children.thing_peers).toEqual([
      { tenant: 'acme', thing_id: 'r-1', peer_id: 'b-1', role: 'boss' },
      { tenant: 'acme', thing_id: 'r-1', peer_id: 'b-2', role: null },
    ])
    expect(misfits).toEqual([])
  })
})

describe('P10: what does not fit reads as NULL and is named by its path', () => {
  it.each<[string, unknown]>([
    ['name', 4],
    ['name', 'x'.repeat(201)],
    ['name', 'a\0b'],
    ['name', 'lone \ud800'],
    ['size', '4'],
    ['born', '2026-02-30'],
    ['born', 20_260_102],
    ['seen', '2026-01-02T03:04:05+01:00'],
    ['seen', '2026-01-02'],
    ['price', 12.5],
    ['price', '1.23456'],
    ['done', 'yes'],
    ['level', 'highest'],
    ['level', 'M'],
    ['level', 'constructor'],
    ['boss', 'not an id'],
  ])('%s = %o', (field, value) => {
    const { main, misfits } = thingRows((document) => document.getMap('fields').set(field, value))
    expect(main[field === 'boss' ? 'boss_id' : field]).toBeNull()
    expect(misfits).toEqual([['fields', field]])
  })

  it('a number that its integer column has no room for', () => {
    const columns = tables.things.columns.map((one) => (one.name === 'size' ? { ...one, type: 'integer' } : one))
    const plan = compileMapping(mapping, thing, [{ ...tables.things, columns }, tables.phones, tables.tags, tables.peers])
    for (const [value, cell] of [
      [2_147_483_647, 2_147_483_647],
      [2_147_483_648, null],
      [0.5, null],
    ]) {
      const document = new Y.Doc()
      document.getMap('fields').set('size', value)
      const { main, misfits } = forward(plan, { key: keyOf('thing'), sequence: 1, document })
      expect(main.size).toBe(cell)
      expect(misfits).toEqual(cell === null ? [['fields', 'size']] : [])
    }
  })

  it('a column of an entry, while the rest of the entry stays', () => {
    const { children, misfits } = thingRows((document) => entries(document, 'phones', { 'p/label': 'home', 'p/main': 'yes' }))
    expect(children.thing_phones).toMatchObject([{ id: 'p', label: 'home', main: null }])
    expect(misfits).toEqual([['phones', 'p', 'main']])
  })

  it('a custom field, while the others stay, and one with another name than custom fields have', () => {
    const { main, misfits } = thingRows((document) => {
      entries(document, 'fields', { x_a: 'a', x_b: 'b\0', x_c: 'c'.repeat(4001), x_d: false, X_e: 'e', shoeSize: 44 })
    })
    expect(main.custom).toEqual({ x_a: 'a', x_d: false })
    expect(misfits).toEqual([
      ['fields', 'x_b'],
      ['fields', 'x_c'],
    ])
  })

  it('members of a set, which may hold anything and are therefore not named', () => {
    const { children, misfits } = thingRows((document) => {
      entries(document, 'tags', { vip: true, ' ': true, 'a\0': true, ['x'.repeat(21)]: true, no: false, gone: null })
    })
    expect(children.thing_tags?.map((row) => row.tag)).toEqual(['vip'])
    expect(misfits).toEqual([['tags']])
  })

  it('a time that the server did not write', () => {
    const { main, misfits } = thingRows((document) => {
      entries(document, 'meta', { createdAt: '+012026-01-01T00:00:00Z', deletedAt: '-000001-01-01T00:00:00Z' })
    })
    expect(main).toMatchObject({ created_at: null, deleted_at: null })
    expect(misfits).toEqual([
      ['meta', 'createdAt'],
      ['meta', 'deletedAt'],
    ])
  })

  it('text keeps its words: only what Postgres cannot store leaves it', () => {
    const { main, misfits } = thingRows((document) => {
      document.getText('summary').insert(0, 'a\0b')
      const paragraph = new Y.XmlElement('paragraph')
      document.getXmlFragment('notes').insert(0, [paragraph, new Y.XmlElement('paragraph')])
      paragraph.insert(0, [new Y.XmlText('Hello\0 <you>')])
    })
    expect(main).toMatchObject({ summary: 'ab', notes: 'Hello <you>\n' })
    expect(misfits).toEqual([])
  })

  it('of more members or entries than are declared the first are rows, and the root is named', () => {
    const { children, misfits } = thingRows((document) =>
      document.transact(() => {
        for (let n = 0; n < 100_000; n += 1) document.getMap('tags').set(`t${String(n).padStart(6, '0')}`, true)
        for (let n = 0; n < 1_000; n += 1) document.getMap('phones').set(`p${n}/order`, `a${String(1_000 - n).padStart(4, '0')}`)
      }),
    )
    expect(children.thing_tags?.map((row) => row.tag)).toEqual(['t000000', 't000001', 't000002', 't000003', 't000004'])
    expect(children.thing_phones?.map((row) => row.id)).toEqual(['p999', 'p998', 'p997', 'p996', 'p995'])
    expect(misfits.map((path) => path.join('/')).sort()).toEqual(['phones', 'tags'])
  })
})
