/** How much a record may hold, as the judge counts it. */
import { MAX_CUSTOM_FIELDS } from '@rapport/shared/schema/record-type.ts'
import { expect, test } from 'vitest'
import type * as Y from 'yjs'
import { openCourt, openReplica, principal } from './courtroom.ts'

const ada = principal('ada')

/** Members that hold something. */
function held(map: Y.Map<unknown>): number {
  return [...map.values()].filter((value) => value !== null).length
}

test('P10: a set takes what fits of a batch, and a member more once one has left', () => {
  const court = openCourt()
  const replica = openReplica(7)
  const tags = replica.document.getMap('tags')
  replica.document.transact(() => {
    for (let index = 0; index < 205; index += 1) tags.set(`tag ${index}`, true)
  })
  const { verdicts } = court.submit(ada, replica.take())
  expect(verdicts[0]).toMatchObject({ type: 'admitted', issues: Array.from({ length: 5 }, () => ({ code: 'length' })) })
  expect(held(court.document.getMap('tags'))).toBe(200)
  court.sync(replica.document)
  expect(tags.size).toBe(200)
  const [first = ''] = tags.keys()
  tags.delete(first)
  court.submit(ada, replica.take())
  tags.set('one more', true)
  tags.set('one too many', true)
  court.submit(ada, replica.take())
  expect(held(court.document.getMap('tags'))).toBe(200)
  court.sync(replica.document)
  expect(tags.toJSON()).toEqual(court.document.getMap('tags').toJSON())
})

test('P10: custom fields are counted while they hold something', () => {
  const court = openCourt()
  const replica = openReplica(7)
  const fields = replica.document.getMap('fields')
  for (let round = 0; round < 3; round += 1) {
    for (let index = 0; index < MAX_CUSTOM_FIELDS + 3; index += 1) fields.set(`x_${round}_${index}`, index)
    court.submit(ada, replica.take())
    court.sync(replica.document)
    expect(held(court.document.getMap('fields'))).toBe(MAX_CUSTOM_FIELDS)
    for (const key of [...fields.keys()]) fields.set(key, null)
    court.submit(ada, replica.take())
    expect(held(court.document.getMap('fields'))).toBe(0)
  }
})

test('P10: an entry counts once, whatever its columns, and one that is there can still be filled', () => {
  const court = openCourt()
  const replica = openReplica(7)
  const emails = replica.document.getMap('emails')
  replica.document.transact(() => {
    for (let index = 0; index < 103; index += 1) {
      emails.set(`e${index}/order`, `a${index}`)
      emails.set(`e${index}/address`, `a${index}@example.org`)
    }
  })
  court.submit(ada, replica.take())
  court.sync(replica.document)
  const entries = (map: Y.Map<unknown>): Set<string | undefined> =>
    new Set([...map.entries()].filter(([, value]) => value !== null).map(([key]) => key.split('/')[0]))
  expect(entries(court.document.getMap('emails')).size).toBe(100)
  emails.set('e5/label', 'home')
  emails.set('e102/label', 'too many')
  court.submit(ada, replica.take())
  expect(court.document.getMap('emails').get('e5/label')).toBe('home')
  expect(court.document.getMap('emails').get('e102/label') ?? null).toBe(null)
})

test.each(['removed first', 'added first'])(
  'P4: in a full set what a submission removes gives its place to what it adds (%s)',
  (order) => {
    const court = openCourt()
    const replica = openReplica(7)
    const tags = replica.document.getMap('tags')
    replica.document.transact(() => {
      for (let index = 0; index < 200; index += 1) tags.set(`tag ${index}`, true)
    })
    court.submit(ada, replica.take())
    replica.document.transact(() => {
      if (order === 'added first') tags.set('new', true)
      tags.delete('tag 0')
      if (order === 'removed first') tags.set('new', true)
      // Written anew, it leaves no place to anybody.
      tags.set('tag 1', true)
      tags.set('one too many', true)
    })
    const { verdicts } = court.submit(ada, replica.take())
    expect(verdicts).toEqual([{ type: 'admitted', issues: [{ path: ['tags', 'one too many'], code: 'length' }] }])
    const held = court.document.getMap('tags')
    expect([held.size, held.has('new'), held.has('tag 0'), held.has('tag 1')]).toEqual([200, true, false, true])
  },
)

test('P4: a custom field that is emptied gives its place to another one of the same submission', () => {
  const court = openCourt()
  const replica = openReplica(7)
  const fields = replica.document.getMap('fields')
  replica.document.transact(() => {
    for (let index = 0; index < MAX_CUSTOM_FIELDS; index += 1) fields.set(`x_${index}`, index)
  })
  court.submit(ada, replica.take())
  replica.document.transact(() => {
    fields.set('x_0', null)
    fields.delete('x_1')
    for (const name of ['x_new', 'x_newer', 'x_newest']) fields.set(name, true)
  })
  const { verdicts } = court.submit(ada, replica.take())
  expect(verdicts).toEqual([{ type: 'admitted', issues: [{ path: ['fields', 'x_newest'], code: 'length' }] }])
  expect(held(court.document.getMap('fields'))).toBe(MAX_CUSTOM_FIELDS)
})
