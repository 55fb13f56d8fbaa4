/** What the judge does with one key, case by case. The laws over random runs are in test/simulation/judged. */

import { describe, expect, test } from 'vitest'
import type * as Y from 'yjs'
import { openCourt, openReplica, principal } from './courtroom.ts'

const ada = principal('ada', 'manager')
const bob = principal('bob', 'manager')
const rep = principal('rep', 'rep')
const fields = (document: Y.Doc): Record<string, unknown> => document.getMap('fields').toJSON()

/** Client ids below and above the server's, since Yjs settles concurrent writes by them. */
const IDS = [7, 0xffff_ffff]

describe.each(IDS)('under client id %i', (client) => {
  test('P4: a forbidden value has no effect, leaves no bytes, and the permitted rest of the update stays', () => {
    const court = openCourt()
    const replica = openReplica(client)
    replica.document.getMap('fields').set('creditLimit', '666.00')
    replica.document.getMap('fields').set('title', 'Dr')
    const { verdicts, altered } = court.submit(rep, replica.take())
    expect(verdicts).toEqual([{ type: 'admitted', issues: [{ path: ['fields', 'creditLimit'], code: 'forbidden' }] }])
    expect(altered).toBe(true)
    expect(fields(court.document)).toEqual({ creditLimit: null, title: 'Dr' })
    for (const { update } of court.entries) expect(Buffer.from(update).includes('666.00')).toBe(false)
    court.sync(replica.document)
    expect(fields(replica.document)).toEqual({ creditLimit: null, title: 'Dr' })
  })

  test('P4: a forbidden value over a permitted one gives way to it, and so does a forbidden deletion', () => {
    const court = openCourt()
    const manager = openReplica(55)
    manager.document.getMap('fields').set('creditLimit', '1.00')
    court.submit(ada, manager.take())
    const replica = openReplica(client)
    court.sync(replica.document)
    replica.document.getMap('fields').set('creditLimit', '666.00')
    court.submit(rep, replica.take())
    expect(fields(court.document).creditLimit).toBe('1.00')
    court.sync(replica.document)
    replica.document.getMap('fields').delete('creditLimit')
    court.submit(rep, replica.take())
    expect(fields(court.document).creditLimit).toBe('1.00')
    court.sync(replica.document)
    expect(fields(replica.document).creditLimit).toBe('1.00')
    expect(court.submit(rep, replica.take()).entry).toBeUndefined()
  })

  test('P4: a permitted value that loses only to a forbidden one is written again', () => {
    const court = openCourt()
    const forger = openReplica(0xffff_ffff)
    const honest = openReplica(client === 0xffff_ffff ? 9 : client)
    forger.document.getMap('fields').set('creditLimit', '666.00')
    honest.document.getMap('fields').set('creditLimit', '5.00')
    court.submit(rep, forger.take())
    court.submit(ada, honest.take())
    expect(fields(court.document).creditLimit).toBe('5.00')
    for (const { findings } of court.entries) expect(findings.conflicts).toEqual([])
    for (const { document } of [forger, honest]) {
      court.sync(document)
      expect(fields(document).creditLimit).toBe('5.00')
    }
  })

  test('P5: of two that set a field without having seen each other one shows and the other is recorded, in both orders', () => {
    for (const order of [0, 1]) {
      const court = openCourt()
      const [one, two] = [openReplica(client), openReplica(50)]
      one.document.getMap('fields').set('title', 'One')
      one.document.getMap('fields').set('title', 'One more')
      two.document.getMap('fields').set('title', 'Two')
      const given = [
        { who: ada, update: one.take(), value: 'One more' },
        { who: bob, update: two.take(), value: 'Two' },
      ]
      if (order === 1) given.reverse()
      for (const { who, update } of given) court.submit(who, update)
      const shown = client > 50 ? 'One more' : 'Two'
      expect(fields(court.document).title).toBe(shown)
      const rows = court.entries.flatMap(({ findings }) => findings.conflicts)
      const loser = given.find(({ value }) => value !== shown)
      expect(rows).toMatchObject([
        { path: ['fields', 'title'], kept: { value: shown }, replaced: { value: loser?.value, author: { sub: loser?.who.sub } } },
      ])
    }
  })

  test('P5: who has seen a value and replaces it makes no conflict, also offline and in a chain', () => {
    const court = openCourt()
    const [one, two] = [openReplica(client), openReplica(50)]
    one.document.getMap('fields').set('title', 'One')
    court.submit(ada, one.take())
    court.sync(two.document)
    two.document.getMap('fields').set('title', 'Two')
    two.document.getMap('fields').set('title', 'Three')
    court.submit(bob, two.take())
    court.sync(one.document)
    one.document.getMap('fields').set('title', null)
    court.submit(ada, one.take())
    expect(fields(court.document).title).toBe(null)
    expect(court.entries.flatMap(({ findings }) => findings.conflicts)).toEqual([])
    expect(
      court.entries.flatMap(({ findings }) => findings.changes.map(({ before, after, author }) => [before, after, author.sub])),
    ).toEqual([
      [null, 'One', 'ada'],
      ['One', 'Three', 'bob'],
      ['Three', null, 'ada'],
    ])
  })

  test("P4: nested types, unknown keys and roots, and the server's own map leave nothing behind", () => {
    const court = openCourt()
    const replica = openReplica(client)
    const { document } = replica
    document.getMap('fields').set('shoeSize', 12)
    document.getMap('fields').set('title', new (document.getMap('x').constructor as new () => Y.Map<unknown>)())
    document.getMap('meta').set('createdBy', 'mallory')
    document.getMap('junk').set('a', 1)
    document.getArray('list').push([1, 2])
    document.getMap('tags').set('vip', true)
    document.getMap('tags').set('bad', 'yes')
    const { verdicts } = court.submit(ada, replica.take())
    expect(verdicts[0]?.type).toBe('admitted')
    expect(fields(court.document)).toEqual({ title: null })
    expect(court.document.getMap('tags').toJSON()).toEqual({ vip: true })
    expect(court.document.getMap('meta').get('createdBy')).toBe('ada')
    expect(court.document.getMap('junk').toJSON()).toEqual({})
    expect(court.document.getArray('list').toJSON()).toEqual([])
    court.sync(document)
    expect(fields(document)).toEqual({ title: null })
    expect(document.getMap('meta').get('createdBy')).toBe('ada')
    expect(court.submit(ada, replica.take()).entry).toBeUndefined()
  })
})

describe('P4: what hides in a key', () => {
  test.each([
    ['an object', {}],
    ['a list', ['a']],
    ['no number', Number.NaN],
    ['a big integer', 10n],
    ['undefined', undefined],
  ])('%s over a null is taken out again', (_, value) => {
    const court = openCourt()
    const [manager, forger] = [openReplica(7), openReplica(90)]
    manager.document.getMap('fields').set('creditLimit', null)
    manager.document.getMap('fields').set('title', null)
    court.submit(ada, manager.take())
    court.sync(forger.document)
    forger.document.getMap('fields').set('creditLimit', value)
    forger.document.getMap('fields').set('title', value)
    const { verdicts } = court.submit(rep, forger.take())
    expect(verdicts).toMatchObject([{ type: 'admitted', issues: [{ code: 'forbidden' }, { code: 'kind' }] }])
    expect(fields(court.document)).toEqual({ creditLimit: null, title: null })
    court.sync(forger.document)
    expect(fields(forger.document)).toEqual({ creditLimit: null, title: null })
  })

  test('undefined puts no unknown key, no member and no entry there', () => {
    const court = openCourt()
    const replica = openReplica(7)
    for (const [root, key] of [
      ['fields', 'shoeSize'],
      ['tags', 'vip'],
      ['emails', 'garbage'],
    ] as const)
      replica.document.getMap(root).set(key, undefined)
    const { verdicts } = court.submit(ada, replica.take())
    expect(verdicts).toMatchObject([{ type: 'admitted', issues: [{}, {}, {}] }])
    for (const root of ['fields', 'tags', 'emails']) expect([...court.document.getMap(root).keys()]).toEqual([])
  })

  test('a null that somebody set comes back when a rep deletes it, and yields to nothing', () => {
    const court = openCourt()
    const [manager, forger, late] = [openReplica(700), openReplica(90), openReplica(8)]
    manager.document.getMap('fields').set('creditLimit', null)
    late.document.getMap('fields').set('creditLimit', '5.00')
    court.submit(ada, manager.take())
    court.sync(forger.document)
    forger.document.getMap('fields').delete('creditLimit')
    court.submit(rep, forger.take())
    expect(court.document.getMap('fields').has('creditLimit')).toBe(true)
    court.submit(bob, late.take())
    expect(fields(court.document)).toEqual({ creditLimit: null })
    expect(court.entries.flatMap(({ findings }) => findings.conflicts)).toMatchObject([
      { kept: { value: null, author: { sub: 'ada' } }, replaced: { value: '5.00', author: { sub: 'bob' } } },
    ])
  })
})

test('P4: a character that only a refused insertion cut is put together again, on every replica', () => {
  const court = openCourt()
  const [honest, clumsy] = [openReplica(7), openReplica(9)]
  const summary = (document: Y.Doc): string => document.getText('summary').toString()
  honest.document.getText('summary').insert(0, 'hi 😀 and more')
  court.submit(ada, honest.take())
  court.sync(clumsy.document)
  clumsy.take()
  clumsy.document.getText('summary').insert(4, 'no\0')
  const { verdicts } = court.submit(rep, clumsy.take())
  expect(verdicts).toEqual([{ type: 'admitted', issues: [{ path: ['summary'], code: 'shape' }] }])
  expect(summary(court.document)).toBe('hi 😀 and more')
  for (const { document } of [honest, clumsy]) {
    court.sync(document)
    expect(summary(document)).toBe('hi 😀 and more')
  }
})
