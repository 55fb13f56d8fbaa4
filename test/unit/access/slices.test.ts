/** Pieces of an update: each sound, none leaning on a later one, and together the same as the whole. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { hasGap, preScan, type ScannedUpdate } from '../../../server/access/pre-scan.ts'
import { createSlicer, weightOf } from '../../../server/access/slices.ts'
import { DEVICES, released } from './edits.ts'

function piecesOf(update: ScannedUpdate, most: number): ScannedUpdate[] {
  const slicer = createSlicer(update)
  const pieces: ScannedUpdate[] = []
  for (let piece = slicer.next(most); piece !== undefined; piece = slicer.next(most)) pieces.push(piece)
  expect(slicer.more()).toBe(false)
  return pieces
}

function parks({ store }: Y.Doc): boolean {
  return store.pendingStructs !== null || store.pendingDs !== null
}

const known = (document: Y.Doc) => ({ clock: (client: number) => Y.getState(document.store, client) })

describe('P10: an update cut into pieces', () => {
  test('gives the same document as the whole, and no piece has a gap behind those before it', () => {
    const seen = { pieces: 0, several: 0, cut: 0 }
    const property = fc.property(DEVICES, fc.integer({ min: 1, max: 9 }), (devices, most) => {
      // Every state that a device has, and all in one: clients lean on each other in every way that there is.
      const states = devices.map(({ document }) => Y.encodeStateAsUpdate(document))
      for (const bytes of [...states, Y.mergeUpdates(states)]) {
        const whole = preScan(bytes)
        const [once, piecewise] = [new Y.Doc(), new Y.Doc()]
        Y.applyUpdate(once, bytes)
        const pieces = piecesOf(whole, most)
        for (const piece of pieces) {
          expect(hasGap(piece, known(piecewise))).toBe(false)
          Y.applyUpdate(piecewise, piece.bytes)
          expect(parks(piecewise)).toBe(false)
          // Dead items and their successors may make it twice as large.
          expect(piece.count).toBeLessThanOrEqual(2 * most)
        }
        expect(Y.encodeStateVector(piecewise)).toEqual(Y.encodeStateVector(once))
        expect(Y.snapshot(piecewise).ds).toEqual(Y.snapshot(once).ds)
        expect(piecewise.getXmlFragment('notes').toString()).toBe(once.getXmlFragment('notes').toString())
        expect(piecewise.getText('summary').toDelta()).toEqual(once.getText('summary').toDelta())
        for (const root of ['fields', 'tags', 'emails'])
          expect(piecewise.getMap(root).toJSON()).toEqual(once.getMap(root).toJSON())
        expect(pieces.reduce((sum, piece) => sum + piece.count, 0)).toBe(whole.count)
        expect(pieces.flatMap(({ deletes }) => deletes)).toEqual(whole.deletes)
        seen.pieces += pieces.length
        if (pieces.length > 1) seen.cut += 1
        if (whole.clients.length > 1 && pieces.length > 2) seen.several += 1
        once.destroy()
        piecewise.destroy()
      }
      released(devices)
    })
    fc.assert(property, { numRuns: 300 })
    expect(seen.cut).toBeGreaterThan(100)
    expect(seen.several).toBeGreaterThan(30)
  })

  test('with holes in its clocks, as of one who merged what he had, keeps them', () => {
    fc.assert(
      fc.property(DEVICES, fc.integer({ min: 1, max: 5 }), fc.nat(2), (devices, most, left) => {
        const updates = devices.flatMap((device) => device.updates)
        const [early, late] = [updates.filter((_, index) => index % 3 === left), updates.filter((_, index) => index % 3 !== left)]
        if (late.length === 0 || early.length === 0) return
        const [once, piecewise] = [new Y.Doc(), new Y.Doc()]
        for (const document of [once, piecewise]) for (const update of early) Y.applyUpdate(document, update)
        const whole = Y.mergeUpdates(late)
        if (parks(once) || hasGap(preScan(whole), known(once))) return
        Y.applyUpdate(once, whole)
        for (const piece of piecesOf(preScan(whole), most)) Y.applyUpdate(piecewise, piece.bytes)
        expect(parks(piecewise)).toBe(false)
        expect(Y.encodeStateAsUpdate(piecewise)).toEqual(Y.encodeStateAsUpdate(once))
        released(devices)
      }),
      { numRuns: 150 },
    )
  })

  test('is no larger a piece than asked for where nothing has been replaced, and deletions are cut as well', () => {
    const document = new Y.Doc()
    const text = document.getText('summary')
    for (let index = 0; index < 400; index += 1) text.insert(0, 'ab')
    const typed = Y.encodeStateAsUpdate(document)
    const vector = Y.encodeStateVector(document)
    for (let index = 0; index < 400; index += 1) text.delete(index, 1)
    expect(piecesOf(preScan(typed), 64).map(weightOf)).toEqual([64, 64, 64, 64, 64, 64, 16])
    const erased = piecesOf(preScan(Y.encodeStateAsUpdate(document, vector)), 64)
    expect(erased.map(weightOf)).toEqual([64, 64, 64, 64, 64, 64, 16])
    const copy = new Y.Doc()
    for (const piece of [...piecesOf(preScan(typed), 64), ...erased]) Y.applyUpdate(copy, piece.bytes)
    expect(copy.getText('summary').toString()).toBe(text.toString())
  })

  test('keeps what took the place of a dead value in its piece: a field is not seen empty in between', () => {
    const document = new Y.Doc()
    const fields = document.getMap('fields')
    fields.set('title', 'Dr')
    fields.set('title', 'Prof')
    for (let index = 0; index < 6; index += 1) fields.set(`x_${index}`, index)
    const pieces = piecesOf(preScan(Y.encodeStateAsUpdate(document)), 1)
    expect(pieces.map(({ count }) => count)).toEqual([2, 1, 1, 1, 1, 1, 1])
  })
})
