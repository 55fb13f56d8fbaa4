/**
 * Updates damaged in transit or on purpose. Whatever passes the pre-scan without a gap either makes Yjs throw at once, and then
 * the room puts it into quarantine, or leaves a document that can be encoded, loaded again and edited.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { hasGap, preScan, type ScannedUpdate } from '../../../server/access/pre-scan.ts'
import { DEVICES, released } from './edits.ts'

function scanned(bytes: Uint8Array): ScannedUpdate | undefined {
  try {
    return preScan(bytes)
  } catch {
    return undefined
  }
}

/** False if Yjs refuses it. */
function applies(document: Y.Doc, update: Uint8Array): boolean {
  try {
    Y.applyUpdate(document, update)
    return true
  } catch {
    return false
  }
}

function contentOf(document: Y.Doc): unknown {
  const text = document.getText('summary').toDelta()
  return [
    document.getMap('fields').toJSON(),
    document.getMap('emails').toJSON(),
    text,
    document.getXmlFragment('notes').toString(),
  ]
}

test('P10: an update with a changed byte never leaves a record that cannot be read back', () => {
  const seen = { refused: 0, applied: 0 }
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 20, maxLength: 60 })
  const property = fc.property(DEVICES, damage, (devices, changes) => {
    const honest = devices.map(({ document }) => Y.encodeStateAsUpdate(document))
    for (const [at, byte] of changes) {
      const mutant = Uint8Array.from(honest[at % honest.length] ?? [])
      mutant[at % mutant.length] = byte
      const scan = scanned(mutant)
      if (scan === undefined || hasGap(scan, { clock: () => 0 })) {
        seen.refused += 1
        continue
      }
      const document = new Y.Doc()
      if (!applies(document, mutant)) continue
      seen.applied += 1
      const reloaded = new Y.Doc()
      Y.applyUpdate(reloaded, Y.encodeStateAsUpdate(document))
      expect(Y.encodeStateVector(reloaded)).toEqual(Y.encodeStateVector(document))
      expect(contentOf(reloaded)).toEqual(contentOf(document))
      let heard = 0
      document.on('update', () => heard++)
      document.getMap('tags').set('vip', true)
      expect(heard).toBe(1)
    }
    released(devices)
  })
  fc.assert(property, { numRuns: 100 })
  expect(seen.refused).toBeGreaterThan(100)
  expect(seen.applied).toBeGreaterThan(100)
})
