import type { RowChange } from '@rapport/shared/mapping/row-change.ts'
import { evenOrders } from '@rapport/shared/schema/fractional-order.ts'
import { describe, expect, it } from 'vitest'
import type * as Y from 'yjs'
import {
  absorb,
  deleteOf,
  insertOf,
  placesOf,
  thingPlan as plan,
  projected,
  recorded,
  refusalsOf,
  shadowOf,
  updateOf,
} from './row-stage.ts'

const PHONES = 'thing_phones'
const PEERS = 'thing_peers'
const TAGS = 'thing_tags'

const phones = (...ids: string[]) =>
  recorded((editor) => {
    const orders = evenOrders(ids.length)
    for (const [index, id] of ids.entries()) {
      editor.addEntry('phones', { label: `of ${id}`, main: false, order: orders[index] ?? '' }, { id })
    }
  })

const order = (document: Y.Doc) => (projected(plan, document).children[PHONES] ?? []).map((row) => row.id).join('')
const phoneRow = (id: string, more: object = {}) => ({
  tenant: 'acme',
  thing_id: 't-1',
  id,
  label: null,
  main: null,
  sort_order: null,
  ...more,
})

describe('P7: a row of a child table', () => {
  it('that is inserted is a new entry at the end, or where it says', () => {
    for (const [place, sequence] of [
      [null, 'abcx'],
      [0, 'xabc'],
      [1, 'axbc'],
      [3, 'abcx'],
      [70, 'abcx'],
      [-1, 'xabc'],
    ] as const) {
      const document = phones('a', 'b', 'c')
      const change = insertOf(PHONES, phoneRow('x', { label: 'work', sort_order: place }))
      expect(placesOf(absorb(plan, document, change))).toEqual(['phones/x/order', 'phones/x/label'])
      expect(order(document)).toBe(sequence)
      // The same row inserted again, or an entry that somebody else made of it.
      expect(absorb(plan, document, { ...change, after: phoneRow('x', { label: 'work' }) }).edits).toEqual([])
    }
  })

  it('that is inserted with nothing in it is an entry all the same', () => {
    const document = phones()
    expect(placesOf(absorb(plan, document, insertOf(PHONES, phoneRow('x'))))).toEqual(['phones/x/order'])
    expect(order(document)).toBe('x')
  })

  it('that is inserted with nothing that fits is no entry', () => {
    const result = absorb(plan, phones('a'), insertOf(PHONES, phoneRow('x', { label: 'more than ten' })))
    expect([placesOf(result), refusalsOf(result)]).toEqual([[], ['phones/x/label length: label is longer than 10 characters']])
  })

  it('changes the columns that it changed, and no others', () => {
    const document = phones('a', 'b')
    const change = updateOf(plan, document, { main: true }, PHONES, 1)
    document.getMap('phones').set('b/label', 'meanwhile')
    expect(placesOf(absorb(plan, document, change))).toEqual(['phones/b/main'])
    expect(projected(plan, document).children[PHONES]?.[1]).toMatchObject({ label: 'meanwhile', main: true })
  })

  it('that is deleted marks its entry, and inserted again brings it back with what was written into it', () => {
    const document = phones('a', 'b', 'c')
    const change = deleteOf(plan, document, PHONES, 1)
    const update = updateOf(plan, document, { main: true }, PHONES, 1)
    expect(placesOf(absorb(plan, document, change))).toEqual(['phones/b/deleted'])
    expect([order(document), absorb(plan, document, change).edits]).toEqual(['ac', []])
    expect(placesOf(absorb(plan, document, update))).toEqual(['phones/b/main'])
    expect(order(document)).toBe('ac')
    expect(placesOf(absorb(plan, document, insertOf(PHONES, phoneRow('b', { label: 'new' }))))).toEqual([
      'phones/b/deleted',
      'phones/b/label unseen',
    ])
    expect(projected(plan, document).children[PHONES]?.[1]).toMatchObject({ id: 'b', label: 'new', main: true, sort_order: 1 })
  })

  it('that changed before its entry was there is as good as a new one', () => {
    const document = phones('a')
    absorb(plan, document, updateOf(plan, phones('b'), { main: true }, PHONES))
    expect(projected(plan, document).children[PHONES]?.[0]).toMatchObject({ id: 'b', label: 'of b', main: true })
  })

  it('P10: is refused where there are as many as there may be, or its id is none', () => {
    const document = phones('a', 'b', 'c', 'd', 'e')
    expect(refusalsOf(absorb(plan, document, insertOf(PHONES, phoneRow('x'))))).toEqual([
      'phones/x length: id would be one more than the 5 that phones may have',
    ])
    expect(refusalsOf(absorb(plan, phones(), insertOf(PHONES, phoneRow('x/y'))))).toEqual([
      '- shape: id is not 1 to 128 letters, digits, - and _',
    ])
  })
})

describe('P7: the row of an entry that somebody emptied meanwhile', () => {
  it('has its place with the first value that comes back, and none before', () => {
    for (const [change, places] of [
      [{ label: 'again', sort_order: 1 }, ['phones/a/label unseen', 'phones/a/order']],
      [{ sort_order: 1 }, []],
    ] as const) {
      const document = phones('a', 'b')
      const update = updateOf(plan, document, change, PHONES)
      for (const column of ['label', 'main', 'order']) document.getMap('phones').set(`a/${column}`, null)
      expect(placesOf(absorb(plan, document, update))).toEqual(places)
      expect(order(document)).toBe(places.length > 0 ? 'ba' : 'b')
      expect(absorb(plan, document, update).edits).toEqual([])
    }
  })
})

describe('P7: the order of rows', () => {
  /** Rows put in another order, one change a row, as a statement is captured; all of them absorbed in one edit. */
  function reorder(document: Y.Doc, places: Readonly<Record<string, number | null>>, seen = document) {
    const rows = projected(plan, seen).children[PHONES] ?? []
    const base = shadowOf(projected(plan, seen))
    const batch: RowChange[] = Object.entries(places).map(([id, sort_order]) =>
      updateOf(
        plan,
        seen,
        { sort_order },
        PHONES,
        rows.findIndex((row) => row.id === id),
      ),
    )
    return batch.flatMap((change) => placesOf(absorb(plan, document, change, { base, batch })))
  }

  it.each<[string, Record<string, number | null>, string, string[]]>([
    ['one up', { a: 2 }, 'bcad', ['a']],
    ['one down', { d: 0 }, 'dabc', ['d']],
    ['one next door', { b: 2 }, 'acbd', ['b']],
    ['one to the end', { a: null }, 'bcda', ['a']],
    ['two that change places', { a: 3, d: 0 }, 'dbca', ['d', 'a']],
    ['all, as they were, by other numbers', { a: 10, b: 20, c: 30, d: 40 }, 'abcd', []],
    ['all one further, whatever the order of the rows', { d: 4, b: 2, a: 1, c: 3 }, 'abcd', []],
    ['all the other way round', { a: 3, b: 2, c: 1, d: 0 }, 'dcba', ['d', 'c', 'b']],
    ['all, where one alone had to move', { b: 0, c: 1, d: 2, a: 3 }, 'bcda', ['a']],
  ])('%s moves the fewest entries: %o', (_, places, sequence, moved) => {
    const document = phones('a', 'b', 'c', 'd')
    expect(reorder(document, places)).toEqual(moved.map((id) => `phones/${id}/order`))
    expect(order(document)).toBe(sequence)
    expect(reorder(document, places, phones('a', 'b', 'c', 'd'))).toEqual([])
  })

  it('leaves alone what others moved and added meanwhile', () => {
    const document = phones('a', 'b', 'c', 'd')
    const seen = phones('a', 'b', 'c', 'd')
    reorder(document, { c: 0 })
    expect(order(document)).toBe('cabd')
    expect(reorder(document, { d: 1 }, seen)).toEqual(['phones/d/order'])
    expect(order(document)).toBe('cadb')
  })

  it('puts several new rows where they belong, whatever order they came in', () => {
    const document = phones('a', 'b')
    const base = shadowOf(projected(plan, document))
    const batch = [
      updateOf(plan, document, { sort_order: 4 }, PHONES, 1),
      insertOf(PHONES, phoneRow('z', { sort_order: 3 })),
      insertOf(PHONES, phoneRow('x', { sort_order: 1 })),
      insertOf(PHONES, phoneRow('y', { sort_order: 2 })),
    ]
    for (const change of batch) absorb(plan, document, change, { base, batch })
    expect(order(document)).toBe('axyzb')
  })

  it('finds room where there is none, by spacing all entries anew', () => {
    const document = phones('a', 'b', 'c')
    for (const id of ['a', 'b', 'c']) document.getMap('phones').set(`${id}/order`, 'V')
    reorder(document, { c: 0 })
    expect(order(document)).toBe('cab')
  })
})

describe('P7: a row of a join table', () => {
  const peers = () => recorded((editor) => editor.addEntry('peers', { peer: 't-2', role: 'friend' }, { id: 't-2' }))
  const peerRow = (peer_id: string, role: string | null) => ({ tenant: 'acme', thing_id: 't-1', peer_id, role })

  it('links once, whoever else links the same', () => {
    const document = peers()
    expect(placesOf(absorb(plan, document, insertOf(PEERS, peerRow('t-3', 'foe'))))).toEqual([
      'peers/t-3/peer',
      'peers/t-3/order',
      'peers/t-3/role',
    ])
    expect(document.getMap('peers').get('t-3/peer')).toBe('t-3')
    expect(placesOf(absorb(plan, document, insertOf(PEERS, peerRow('t-2', 'foe'))))).toEqual(['peers/t-2/role unseen'])
    expect(projected(plan, document).children[PEERS]).toMatchObject([peerRow('t-2', 'foe'), peerRow('t-3', 'foe')])
  })

  it('stays linked with a role that does not fit left out', () => {
    const document = peers()
    const result = absorb(plan, document, insertOf(PEERS, peerRow('t-3', 'x'.repeat(11))))
    expect([placesOf(result).length, result.refusals.length]).toEqual([2, 1])
    expect(projected(plan, document).children[PEERS]).toMatchObject([{}, peerRow('t-3', null)])
  })

  it('that is deleted and inserted again without its role has the role that it had, or was given meanwhile', () => {
    const document = peers()
    absorb(plan, document, deleteOf(plan, document, PEERS))
    document.getMap('peers').set('t-2/role', 'uncle')
    absorb(plan, document, insertOf(PEERS, peerRow('t-2', null)))
    expect(projected(plan, document).children[PEERS]).toMatchObject([peerRow('t-2', 'uncle')])
  })
})

describe('P7: a row of a set', () => {
  const tagRow = (tag: string) => ({ tenant: 'acme', thing_id: 't-1', tag })

  it('is a member, and gone it is none', () => {
    const document = recorded((editor) => editor.add('tags', 'vip'))
    expect(placesOf(absorb(plan, document, insertOf(TAGS, tagRow('new'))))).toEqual(['tags/new'])
    expect(absorb(plan, document, insertOf(TAGS, tagRow('new'))).edits).toEqual([])
    expect(placesOf(absorb(plan, document, deleteOf(plan, document, TAGS, 1)))).toEqual(['tags/vip'])
    expect(absorb(plan, document, { table: TAGS, operation: 'delete', before: tagRow('vip') }).edits).toEqual([])
    expect(projected(plan, document).children[TAGS]).toMatchObject([tagRow('new')])
  })

  it('P10: is refused where it is no label, or one too many', () => {
    const document = recorded((editor) => {
      for (const tag of ['a', 'b', 'c', 'd', 'e']) editor.add('tags', tag)
    })
    expect(refusalsOf(absorb(plan, document, insertOf(TAGS, tagRow('f'))))).toEqual([
      'tags/f length: tag would be one more than the 5 that tags may have',
    ])
    for (const tag of [' ', '__proto__', 'x'.repeat(21)]) {
      expect(
        absorb(
          plan,
          recorded(() => undefined),
          insertOf(TAGS, tagRow(tag)),
        ).refusals,
      ).toHaveLength(1)
    }
  })
})
