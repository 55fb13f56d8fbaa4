/** What a piece costs in the document that it is meant for, where its bytes do not show it. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { goesFar } from '../../../server/access/cost.ts'
import { preScan, type ScannedUpdate } from '../../../server/access/pre-scan.ts'
import { createSlicer, isHeavier } from '../../../server/access/slices.ts'
import { bytesOf } from './bytes.ts'
import { openReplica } from './courtroom.ts'

const ITEMS = 3_000
/** First bytes of a text behind something, and of a value behind something. */
const BEHIND = Uint8Array.of(0x84)
const VALUE_BEHIND = Uint8Array.of(0x88)
const VALUE = Uint8Array.of(119, 1, 118)

/** A text whose characters were typed last to first, so that each is an item: 9:2999 is the first, 9:0 the last. */
function longText(): Y.Doc {
  const { document } = openReplica(9)
  const text = document.getText('summary')
  document.transact(() => {
    for (let index = 0; index < ITEMS; index += 1) text.insert(0, 'a')
  })
  return document
}

/** Two keys, written in turn: the items of one do not merge. */
function writtenKeys(): Y.Doc {
  const { document } = openReplica(9)
  const fields = document.getMap('fields')
  document.transact(() => {
    for (let index = 0; index < ITEMS; index += 1) for (const key of ['x_a', 'x_b']) fields.set(key, index)
  })
  return document
}

function piecesOf(update: ScannedUpdate, most: number, document: Y.Doc): ScannedUpdate[] {
  const slicer = createSlicer(update)
  const pieces: ScannedUpdate[] = []
  for (let piece = slicer.next(most, document); piece !== undefined; piece = slicer.next(most, document)) pieces.push(piece)
  return pieces
}

describe('P10: what goes far', () => {
  test.each<[what: string, document: () => Y.Doc, update: Uint8Array]>([
    ['a text behind the first item', longText, bytesOf(1, 1, 5, 0, BEHIND, 9, ITEMS - 1, 'v', 0)],
    ['a text before the last item', longText, bytesOf(1, 1, 5, 0, Uint8Array.of(0x44), 9, 0, 'v', 0)],
    ['a text that leans on nothing', longText, bytesOf(1, 1, 5, 0, 4, 1, 'summary', 'v', 0)],
    ['a value behind the first one of its key', writtenKeys, bytesOf(1, 1, 5, 0, VALUE_BEHIND, 9, 0, 1, VALUE, 0)],
    ['a first write of a key that was written often', writtenKeys, bytesOf(1, 1, 5, 0, 0x28, 1, 'fields', 'x_a', 1, VALUE, 0)],
  ])('%s', (_, written, update) => {
    expect(goesFar(preScan(update), written())).toBe(true)
    expect(goesFar(preScan(update), new Y.Doc())).toBe(false)
  })

  test('is nothing that is written where one looks, however long the record', () => {
    for (const written of [longText(), writtenKeys()]) {
      const { document, take } = openReplica(5)
      Y.applyUpdate(document, Y.encodeStateAsUpdate(written))
      take()
      const [fields, text] = [document.getMap('fields'), document.getText('summary')]
      const edits = [
        () => fields.set('x_a', 'new'),
        () => fields.set('other', 'new'),
        () => text.insert(0, 'first'),
        () => text.insert(text.length, 'last'),
        () => text.insert(text.length >> 1, 'between'),
        () => text.insert((text.length >> 1) + 3, 'inside'),
      ]
      for (const edit of edits) {
        edit()
        const update = take()
        expect(goesFar(preScan(update), written)).toBe(false)
        Y.applyUpdate(written, update)
      }
    }
  })
})

describe('P10: a deletion', () => {
  test('weighs by what it covers in the document', () => {
    const all = preScan(bytesOf(0, 1, 9, 1, 0, ITEMS))
    expect(isHeavier(all, ITEMS - 1, longText())).toBe(true)
    expect(isHeavier(all, ITEMS, longText())).toBe(false)
    expect(isHeavier(all, 1, new Y.Doc())).toBe(false)
    const two = preScan(bytesOf(0, 1, 9, 2, 0, 10, 20, 10))
    expect([19, 20].map((most) => isHeavier(two, most, longText()))).toEqual([true, false])
  })

  test('of many structs is cut, and all of it is done', () => {
    const document = longText()
    const pieces = piecesOf(preScan(bytesOf(0, 1, 9, 1, 0, ITEMS)), 32, document)
    expect(pieces).toHaveLength(Math.ceil(ITEMS / 32))
    for (const piece of pieces) {
      expect(isHeavier(piece, 32, document)).toBe(false)
      Y.applyUpdate(document, piece.bytes)
    }
    expect(document.getText('summary').toString()).toBe('')
  })

  test('does the same in pieces as at once, whatever was written and deleted before', () => {
    let cut = 0
    const spots = fc.array(fc.tuple(fc.nat(99), fc.integer({ min: 1, max: 5 })), { minLength: 5, maxLength: 40 })
    const property = fc.property(spots, spots, spots, fc.integer({ min: 1, max: 3 }), (typed, gone, erased, most) => {
      const { document, take } = openReplica(9)
      const text = document.getText('summary')
      const erase = (places: typeof gone): void => {
        for (const [at, length] of places) {
          const place = at % (text.length + 1)
          text.delete(place, Math.min(length, text.length - place))
        }
      }
      for (const [at, length] of typed) text.insert(at % (text.length + 1), 'abcde'.slice(0, length))
      erase(gone.slice(0, 3))
      const [once, piecewise] = [new Y.Doc(), new Y.Doc()]
      const written = take()
      for (const copy of [once, piecewise]) Y.applyUpdate(copy, written)
      document.transact(() => erase(erased))
      const update = preScan(take())
      Y.applyUpdate(once, update.bytes)
      const pieces = piecesOf(update, most, piecewise)
      for (const piece of pieces) {
        expect(isHeavier(piece, most, piecewise)).toBe(false)
        Y.applyUpdate(piecewise, piece.bytes)
      }
      if (pieces.reduce((sum, { deletes }) => sum + deletes.length, 0) > update.deletes.length) cut += 1
      expect(piecewise.getText('summary').toString()).toBe(text.toString())
      expect(Y.snapshot(piecewise).ds).toEqual(Y.snapshot(once).ds)
    })
    fc.assert(property, { numRuns: 150 })
    expect(cut).toBeGreaterThan(50)
  })
})
