/** Gaps: recognised before Yjs would park anything, and never seen where there are none. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { hasGap, isEmpty, preScan } from '../../../server/access/pre-scan.ts'
import { DEVICES, released } from './edits.ts'

function replicaOf(document: Y.Doc): Y.Doc {
  const copy = new Y.Doc()
  Y.applyUpdate(copy, Y.encodeStateAsUpdate(document))
  return copy
}

function parks(document: Y.Doc): boolean {
  return document.store.pendingStructs !== null || document.store.pendingDs !== null
}

test('P3: an update has a gap exactly when a plain document would park a part of it, in whatever order updates arrive', () => {
  const seen = { gap: 0, whole: 0 }
  const property = fc.property(
    DEVICES,
    fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat(4)), { minLength: 5, maxLength: 25 }),
    (devices, picks) => {
      const updates = devices.flatMap((device) => device.updates)
      let holder = new Y.Doc()
      for (const [first, second, kind] of picks) {
        const [one, other] = [updates[first % updates.length], updates[second % updates.length]]
        if (one === undefined || other === undefined) break
        const delivered = [
          one,
          Y.mergeUpdates([one, other]),
          Y.diffUpdate(one, Y.encodeStateVectorFromUpdate(other)),
          one,
          other,
        ][kind]
        const gap = hasGap(preScan(delivered ?? one), { clock: (client) => Y.getState(holder.store, client) })
        const trial = replicaOf(holder)
        Y.applyUpdate(trial, delivered ?? one)
        expect(gap).toBe(parks(trial))
        seen[gap ? 'gap' : 'whole'] += 1
        if (!gap) holder = trial
      }
      released(devices)
    },
  )
  fc.assert(property, { numRuns: 300 })
  expect(seen.gap).toBeGreaterThan(100)
  expect(seen.whole).toBeGreaterThan(100)
})

test('P3: a whole state never has a gap, and what it holds already has none either', () => {
  const property = fc.property(DEVICES, (devices) => {
    for (const { document } of devices) {
      const scan = preScan(Y.encodeStateAsUpdate(document))
      expect(hasGap(scan, { clock: () => 0 })).toBe(false)
      expect(hasGap(scan, { clock: (client) => Y.getState(document.store, client) })).toBe(false)
    }
    released(devices)
  })
  fc.assert(property, { numRuns: 50 })
})

test('an edit that leans on what somebody else wrote is a gap until that has come', () => {
  const [ada, bob] = [new Y.Doc(), new Y.Doc()]
  ada.getText('summary').insert(0, 'ab')
  Y.applyUpdate(bob, Y.encodeStateAsUpdate(ada))
  bob.getText('summary').insert(1, '!')
  const reply = preScan(Y.encodeStateAsUpdate(bob, Y.encodeStateVector(ada)))
  const knownTo = (end: number) => ({ clock: (client: number) => (client === ada.clientID ? end : 0) })
  expect([0, 1, 2].map((end) => hasGap(reply, knownTo(end)))).toEqual([true, true, false])
})

test('a deletion of what nobody has delivered is a gap, and nothing at all is empty', () => {
  const author = new Y.Doc()
  author.getText('summary').insert(0, 'abc')
  const inserted = Y.encodeStateAsUpdate(author)
  author.getText('summary').delete(0, 1)
  const deletion = preScan(Y.diffUpdate(Y.encodeStateAsUpdate(author), Y.encodeStateVectorFromUpdate(inserted)))
  const knownTo = (end: number) => ({ clock: (client: number) => (client === author.clientID ? end : 0) })
  expect(deletion.structs).toEqual([])
  expect([0, 1, 3].map((end) => hasGap(deletion, knownTo(end)))).toEqual([true, false, false])
  expect(isEmpty(deletion)).toBe(false)
  expect(isEmpty(preScan(Uint8Array.of(0, 0)))).toBe(true)
})
