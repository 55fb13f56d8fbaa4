/** Every recipe that was seen to hurt a document: what the pre-scan says, and that a live document takes what passes. */
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { hasGap, preScan } from '../../../server/access/pre-scan.ts'
import { createSlicer } from '../../../server/access/slices.ts'
import { depthWithin } from '../../../server/access/struct-list.ts'
import { MAX_DEPTH } from '../../../server/access/update-limits.ts'
import { MalformedUpdate } from '../../../server/access/update-reader.ts'
import { UPDATE_POISONS } from '../../support/poison.ts'

function refusalOf(bytes: Uint8Array): string | undefined {
  try {
    preScan(bytes)
    return undefined
  } catch (error) {
    if (error instanceof MalformedUpdate) return error.message
    throw error
  }
}

describe('P10: what is made to hurt', () => {
  test.each(UPDATE_POISONS.filter(({ refusal }) => refusal !== undefined))('is refused by its bytes: $name', (poison) => {
    const frames = poison.frames()
    const reason = refusalOf(frames.at(-1) ?? new Uint8Array(0))
    expect(reason).toContain(poison.refusal)
    for (const frame of frames.slice(0, -1)) expect(refusalOf(frame)).toBeUndefined()
  })

  test.each(UPDATE_POISONS.filter(({ refusal }) => refusal === undefined))('leaves a document that lives: $name', (poison) => {
    const document = new Y.Doc()
    const known = { clock: (client: number) => Y.getState(document.store, client) }
    for (const frame of poison.frames()) {
      const update = preScan(frame)
      if (hasGap(update, known) || !depthWithin(update, document, MAX_DEPTH)) continue
      const slicer = createSlicer(update)
      for (let piece = slicer.next(5_000); piece !== undefined; piece = slicer.next(5_000)) Y.applyUpdate(document, piece.bytes)
    }
    expect([document.store.pendingStructs, document.store.pendingDs]).toEqual([null, null])
    let heard = 0
    document.on('update', () => heard++)
    document.getMap('fields').set('firstName', 'Ada')
    expect(heard).toBe(1)
    const reloaded = new Y.Doc()
    Y.applyUpdate(reloaded, Y.encodeStateAsUpdate(document))
    expect(reloaded.getMap('fields').get('firstName')).toBe('Ada')
    expect(Y.encodeStateVector(reloaded)).toEqual(Y.encodeStateVector(document))
  })
})

describe('P10: types lie no deeper in one another than 64 levels', () => {
  const nested = (levels: number, from = 0): Uint8Array => {
    const document = new Y.Doc()
    document.clientID = 9
    let map = document.getMap<unknown>('emails')
    let vector = Y.encodeStateVector(document)
    for (let level = 0; level < levels; level += 1) {
      if (level === from) vector = Y.encodeStateVector(document)
      const inner = new Y.Map<unknown>()
      map.set('a', inner)
      map = inner
    }
    return Y.encodeStateAsUpdate(document, vector)
  }

  test('within one update', () => {
    expect(refusalOf(nested(64))).toBeUndefined()
    expect(refusalOf(nested(65))).toBe('types nested too deep')
  })

  test('counted from what the document holds already, through neighbours as well as parents', () => {
    const document = new Y.Doc()
    Y.applyUpdate(document, nested(60))
    const deeper = (levels: number): boolean => depthWithin(preScan(nested(60 + levels, 60)), document, MAX_DEPTH)
    expect([deeper(1), deeper(4), deeper(5)]).toEqual([true, true, false])
    // A second write to a key leans on the first one, and so tells no parent.
    Y.applyUpdate(document, nested(64, 60))
    const replaced = new Y.Doc()
    Y.applyUpdate(replaced, Y.encodeStateAsUpdate(document))
    let map = replaced.getMap<unknown>('emails')
    for (let level = 0; level < 63; level += 1) map = map.get('a') as Y.Map<unknown>
    const vector = Y.encodeStateVector(replaced)
    map.set('a', new Y.Map([['b', new Y.Map()]]))
    const update = preScan(Y.encodeStateAsUpdate(replaced, vector))
    expect(update.types).toBe(2)
    expect(depthWithin(update, document, MAX_DEPTH)).toBe(false)
    expect(depthWithin(update, document, MAX_DEPTH + 1)).toBe(true)
  })

  test('nothing is looked up for an update without types', () => {
    const document = new Y.Doc()
    const plain = new Y.Doc()
    plain.getText('summary').insert(0, 'x')
    document.store.clients.get = () => {
      throw new Error('looked up')
    }
    expect(depthWithin(preScan(Y.encodeStateAsUpdate(plain)), document, 0)).toBe(true)
  })
})
