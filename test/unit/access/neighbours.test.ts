/** Structs between neighbours that cannot be neighbours: refused before they are applied. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { neighboursFit } from '../../../server/access/neighbours.ts'
import { hasGap, preScan } from '../../../server/access/pre-scan.ts'
import { bytesOf } from './bytes.ts'
import { openCourt, openReplica, principal } from './courtroom.ts'
import { DEVICES, released } from './edits.ts'

/** First bytes of structs with both neighbours, and of such with the right one alone: a text, a value, a text under a key. */
const TEXT = Uint8Array.of(0xc4)
const VALUE = Uint8Array.of(0xc8)
const KEYED_VALUE = Uint8Array.of(0xe8)
const VALUE_BEFORE = Uint8Array.of(0x48)
const EVE = Uint8Array.of(119, 3, 69, 118, 101)

/** 1:0 and 1:1 two fields, 1:2 to 1:8 a text, 1:9 and 1:10 two paragraphs, 1:11 an element in the first. */
function written(): Y.Doc {
  const { document } = openReplica(1)
  document.getMap('fields').set('firstName', 'Ada')
  document.getMap('fields').set('creditLimit', '100')
  document.getText('summary').insert(0, '0123456')
  const [first, second] = [new Y.XmlElement('p'), new Y.XmlElement('p')]
  document.getXmlFragment('notes').insert(0, [first, second])
  first.insert(0, [new Y.XmlElement('b')])
  return document
}

const fits = (document: Y.Doc, update: Uint8Array): boolean => neighboursFit(preScan(update), document, preScan(update).deletes)
const one = (...struct: (number | string | Uint8Array)[]): Uint8Array => bytesOf(1, 1, 9, 0, ...struct, 0)

describe('P10: neighbours that no history brings about', () => {
  test.each<[what: string, update: Uint8Array]>([
    ['in two roots', one(TEXT, 1, 3, 1, 9, 'X')],
    ['in two types of one root', one(TEXT, 1, 9, 1, 11, 'X')],
    ['a field on the left', one(VALUE, 1, 0, 1, 9, 1, EVE)],
    ['a field on the right', one(TEXT, 1, 3, 1, 1, 'X')],
    ['two values of fields', one(VALUE, 1, 0, 1, 1, 1, EVE)],
    ['a key of its own', one(KEYED_VALUE, 1, 2, 1, 3, 1, EVE)],
    ['a field alone on the right', one(VALUE_BEFORE, 1, 0, 1, EVE)],
    ['the right one first, in one struct', one(TEXT, 1, 4, 1, 2, 'X')],
    ['the right one first, in two', one(TEXT, 1, 10, 1, 9, 'X')],
    ['a field and something of the same update', bytesOf(1, 2, 9, 0, 7, 1, 'notes', 3, 'p', VALUE, 1, 0, 9, 0, 1, EVE, 0)],
    [
      'a type of the same update and its content',
      bytesOf(1, 3, 9, 0, 7, 1, 'notes', 3, 'p', 7, 0, 9, 0, 3, 'b', TEXT, 9, 0, 9, 1, 'X', 0),
    ],
    ['the right one first, in the same update', bytesOf(1, 2, 9, 0, 4, 1, 'summary', 'abc', TEXT, 9, 2, 9, 0, 'X', 0)],
    [
      'the right one being the origin of the left one',
      bytesOf(1, 2, 9, 0, Uint8Array.of(0x84), 1, 8, 'a', TEXT, 9, 0, 1, 5, 'X', 0),
    ],
  ])('%s', (_, update) => {
    expect(fits(written(), update)).toBe(false)
  })

  test('what was collected is no neighbour of what is there', () => {
    const { document } = openReplica(2)
    Y.applyUpdate(document, Y.encodeStateAsUpdate(written()))
    document.getXmlFragment('notes').delete(0, 1)
    expect(fits(document, one(TEXT, 1, 3, 1, 11, 'X'))).toBe(false)
    expect(fits(document, one(TEXT, 1, 11, 1, 3, 'X'))).toBe(false)
    expect(fits(document, one(TEXT, 1, 3, 1, 4, 'X'))).toBe(true)
  })

  test('is told of what is in a type that the submission deletes', () => {
    const { document } = openReplica(2)
    Y.applyUpdate(document, Y.encodeStateAsUpdate(written()))
    const second = document.getXmlFragment('notes').get(1)
    if (second instanceof Y.XmlElement) second.insert(0, [new Y.XmlElement('i')])
    document.getXmlFragment('notes').delete(0, 1)
    const struct = [TEXT, 1, 11, 2, 0, 'X']
    expect(fits(document, one(...struct))).toBe(false)
    expect(fits(document, bytesOf(1, 1, 9, 0, ...struct, 1, 1, 1, 10, 1))).toBe(true)
  })

  test('are refused for good, and the record stays the same for everybody', () => {
    const court = openCourt()
    court.submit(principal('boss'), Y.encodeStateAsUpdate(written()))
    const before = Y.encodeStateAsUpdate(court.document)
    const { verdicts, entry } = court.submit(principal('mallory', 'rep'), one(TEXT, 1, 4, 1, 2, 'X'))
    expect(verdicts).toMatchObject([{ type: 'refused', error: { code: 'refused' } }])
    expect(entry).toBeUndefined()
    expect(Y.encodeStateAsUpdate(court.document)).toEqual(before)
  })
})

/** Brings the updates to a server, as often as it takes, and asks about each. Returns how many structs named both neighbours. */
function deliver(offers: readonly Uint8Array[]): number {
  const server = new Y.Doc()
  let pairs = 0
  // Whatever comes too early comes again.
  for (const bytes of [...offers, ...offers]) {
    const update = preScan(bytes)
    if (hasGap(update, { clock: (client) => Y.getState(server.store, client) })) continue
    expect(neighboursFit(update, server, update.deletes)).toBe(true)
    Y.applyUpdate(server, bytes)
    const firsts = update.clients.flatMap(({ offsets }) => offsets.slice(0, -1))
    pairs += firsts.filter((offset) => ((bytes[offset] ?? 0) & 0xc0) === 0xc0).length
  }
  server.destroy()
  return pairs
}

/** Updates one by one, some of them merged, every state, and all in one. */
function offersOf(documents: readonly Y.Doc[], updates: readonly Uint8Array[], seed: number): Uint8Array[] {
  const states = documents.map((document) => Y.encodeStateAsUpdate(document))
  const apart = updates.filter((_, index) => (seed >>> (index % 8)) % 2 === 0)
  return [...updates, ...(apart.length > 0 ? [Y.mergeUpdates(apart)] : []), ...states, Y.mergeUpdates(states)]
}

describe('P10: honest neighbours', () => {
  test('are never refused: not one by one, not late, not merged, not all at once', () => {
    let pairs = 0
    const property = fc.property(DEVICES, fc.nat(), (devices, seed) => {
      const documents = devices.map(({ document }) => document)
      const offers = offersOf(
        documents,
        devices.flatMap((device) => device.updates),
        seed,
      )
      pairs += deliver(offers) + deliver(offers.toReversed())
      released(devices)
    })
    fc.assert(property, { numRuns: 200 })
    expect(pairs).toBeGreaterThan(50)
  })

  const step = fc.record({
    ...{ who: fc.nat(2), from: fc.nat(2), at: fc.nat(60), length: fc.integer({ min: 1, max: 9 }) },
    kind: fc.constantFrom('type', 'type', 'type', 'erase', 'bold', 'plain', 'receive', 'undo', 'redo', 'wrap', 'inside', 'cut'),
  })

  test('are never refused in the middle of a text that several write, erase, format and take back', () => {
    let pairs = 0
    const property = fc.property(fc.array(step, { minLength: 20, maxLength: 80 }), fc.nat(), (steps, seed) => {
      const updates: Uint8Array[] = []
      const devices = [5, 6, 7].map((client) => {
        const { document } = openReplica(client)
        const [text, notes] = [document.getText('summary'), document.getXmlFragment('notes')]
        document.on('update', (update: Uint8Array, origin: unknown) => {
          if (origin !== 'remote') updates.push(update)
        })
        return { document, text, notes, undo: new Y.UndoManager([text, notes], { captureTimeout: 0 }) }
      })
      for (const { who, from, at, length, kind } of steps) {
        const [device, other] = [devices[who], devices[from]]
        if (device === undefined || other === undefined) continue
        const { document, text, notes, undo } = device
        const place = at % (text.length + 1)
        const count = Math.min(length, text.length - place)
        const child = notes.length > 0 ? notes.get(at % notes.length) : undefined
        if (kind === 'type') text.insert(place, 'abcdefghi'.slice(0, length))
        if (kind === 'erase') text.delete(place, count)
        if ((kind === 'bold' || kind === 'plain') && count > 0) text.format(place, count, { bold: kind === 'bold' ? true : null })
        if (kind === 'undo') undo.undo()
        if (kind === 'redo') undo.redo()
        if (kind === 'wrap') notes.insert(at % (notes.length + 1), [new Y.XmlElement('p')])
        if (kind === 'inside' && child instanceof Y.XmlElement) child.insert(at % (child.length + 1), [new Y.XmlElement('b')])
        if (kind === 'cut' && child !== undefined) notes.delete(at % notes.length, 1)
        if (kind === 'receive')
          Y.applyUpdate(document, Y.encodeStateAsUpdate(other.document, Y.encodeStateVector(document)), 'remote')
      }
      const documents = devices.map(({ document }) => document)
      const offers = offersOf(documents, updates, seed)
      pairs += deliver(offers) + deliver(offers.toReversed())
      for (const { document, undo } of devices) {
        undo.destroy()
        document.destroy()
      }
    })
    fc.assert(property, { numRuns: 300 })
    expect(pairs).toBeGreaterThan(3_000)
  })
})
