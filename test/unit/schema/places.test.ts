import { requireType } from '@rapport/shared/records/record-types.ts'
import { keyAt, parsePlace } from '@rapport/shared/schema/places.ts'
import { expect, test } from 'vitest'

const contact = requireType('contact')

test.each([
  ['fields', ['fields']],
  ['fields/title', ['fields', 'title']],
  ['fields/x_size', ['fields', 'x_size']],
  ['summary', ['summary']],
  ['notes', ['notes']],
  ['tags/vip', ['tags', 'vip']],
  ['tags/a/b', ['tags', 'a/b']],
  ['emails', ['emails']],
  ['emails/e1', ['emails', 'e1']],
  ['emails/e1/address', ['emails', 'e1', 'address']],
  ['emails/e1/order', ['emails', 'e1', 'order']],
  ['emails/e1/deleted', ['emails', 'e1', 'deleted']],
])('%s is a place, as text and as a list', (text, parts) => {
  expect(parsePlace(contact, text)).toEqual(parts)
  expect(parsePlace(contact, parts)).toEqual(parts)
})

test.each([
  '',
  'meta',
  'meta/createdBy',
  'unknown',
  'fields/unknown',
  'fields/toString',
  'fields/title/more',
  'summary/0',
  'notes/x',
  'tags/',
  'tags/\0',
  'tags/a\ud800',
  'emails/a b',
  'emails/e1/unknown',
  'emails/e1/address/more',
  'constructor',
])('%j is none', (text) => {
  expect(parsePlace(contact, text)).toBeUndefined()
})

test.each([[[]], [['fields', 1]], [null], [{}], [7], [['tags', 'a', 'b']], [['tags', '']]])('%j is none', (given) => {
  expect(parsePlace(contact, given)).toBeUndefined()
})

test.each([
  [['fields', 'title'], { root: 'fields', key: 'title' }],
  [['tags', 'a/b'], { root: 'tags', key: 'a/b' }],
  [['emails', 'e1', 'address'], { root: 'emails', key: 'e1/address' }],
  [['emails', 'e1'], undefined],
  [['summary'], undefined],
  [[], undefined],
])('%j is held by %j', (place, key) => {
  expect(keyAt(contact, place)).toEqual(key)
})
