/** One record's content in memory: bytes and document must say the same, and nothing may change on the way between them. */
import { systemClock } from '@rapport/shared/clock.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { type ClockRange, preScan } from '../../../server/access/pre-scan.ts'
import { Replica } from '../../../server/document/replica.ts'
import { DEVICES, type Device, released } from '../access/edits.ts'
import { updateOf } from './stage.ts'

/** One document that holds everything the devices did. */
function together(devices: readonly Device[]): Y.Doc {
  const all = new Y.Doc()
  for (const { document } of devices) Y.applyUpdate(all, Y.encodeStateAsUpdate(document))
  return all
}

function frozenOf(document: Y.Doc): Replica {
  return Replica.frozen(Y.encodeStateAsUpdate(document), Y.encodeStateVector(document))
}

function liveOf(document: Y.Doc): Replica {
  const replica = frozenOf(document)
  replica.document()
  return replica
}

function contentOf(document: Y.Doc): unknown {
  const roots = ['fields', 'tags', 'emails'].map((name) => document.getMap(name).toJSON())
  return [...roots, document.getText('summary').toDelta(), document.getXmlFragment('notes').toString()]
}

/** A state vector that the document could have had, or one of a stranger who knows some of it. */
function vectorOf(document: Y.Doc, cuts: readonly number[]): Uint8Array {
  const vector = [...Y.decodeStateVector(Y.encodeStateVector(document))].map(([client, clock], index): [number, number] => [
    client,
    (cuts[index % cuts.length] ?? 0) % (clock + 1),
  ])
  return Y.encodeStateVector(new Map([...vector.filter(([, clock]) => clock > 0), [77, cuts[0] ?? 0]]))
}

const named = ({ client, start, end }: ClockRange): string => `${client}:${start}-${end}`

const CUTS = fc.array(fc.nat(200), { minLength: 1, maxLength: 3 })

describe('as bytes and as a document a record answers alike', () => {
  test('state vector, content, and the difference to any state vector', () => {
    fc.assert(
      fc.property(DEVICES, fc.array(CUTS, { minLength: 1, maxLength: 6 }), (devices, vectors) => {
        const document = together(devices)
        const [frozen, live] = [frozenOf(document), liveOf(document)]
        expect([frozen.live, live.live]).toEqual([false, true])
        expect(Y.decodeStateVector(frozen.stateVector())).toEqual(Y.decodeStateVector(live.stateVector()))
        expect(frozen.look(contentOf)).toEqual(live.look(contentOf))
        for (const vector of [Uint8Array.of(0), ...vectors.map((cuts) => vectorOf(document, cuts))]) {
          const [one, other] = [preScan(frozen.diff(vector)), preScan(live.diff(vector))]
          expect(one.structs).toEqual(other.structs)
          expect(new Set(one.deletes.map(named))).toEqual(new Set(other.deletes.map(named)))
        }
        expect(frozen.live).toBe(false)
        released(devices)
      }),
      { numRuns: 60 },
    )
  })

  test('P3: a replica that is behind is brought in step by the difference, from bytes as from a document', () => {
    fc.assert(
      fc.property(DEVICES, (devices) => {
        const document = together(devices)
        for (const replica of [frozenOf(document), liveOf(document)]) {
          for (const device of devices) {
            const behind = new Y.Doc()
            Y.applyUpdate(behind, Y.encodeStateAsUpdate(device.document))
            Y.applyUpdate(behind, replica.diff(Y.encodeStateVector(behind)))
            expect(contentOf(behind)).toEqual(contentOf(document))
            expect([behind.store.pendingStructs, behind.store.pendingDs]).toEqual([null, null])
          }
        }
        released(devices)
      }),
      { numRuns: 60 },
    )
  })
})

describe('an update that is covered', () => {
  test('P1: never changes the document, so that acknowledging it without one is true', () => {
    const seen = { covered: 0, not: 0 }
    fc.assert(
      fc.property(DEVICES, fc.nat(2), (devices, kept) => {
        const base = devices[kept]?.document ?? new Y.Doc()
        const frozen = frozenOf(base)
        const whole = devices.map(({ document }) => Y.encodeStateAsUpdate(document))
        for (const update of [...devices.flatMap(({ updates }) => updates), ...whole]) {
          const covered = frozen.covers(preScan(update))
          expect(liveOf(base).covers(preScan(update))).toBe(covered)
          seen[covered ? 'covered' : 'not'] += 1
          if (!covered) continue
          const trial = new Y.Doc()
          Y.applyUpdate(trial, Y.encodeStateAsUpdate(base))
          expect(emittedBy(trial, update)).toEqual([])
        }
        released(devices)
      }),
      { numRuns: 150 },
    )
    expect(seen.covered).toBeGreaterThan(200)
    expect(seen.not).toBeGreaterThan(200)
  })

  test('everything that the record holds is covered, so that a duplicate wakes no document', () => {
    fc.assert(
      fc.property(DEVICES, (devices) => {
        const document = together(devices)
        const frozen = frozenOf(document)
        expect(frozen.covers(preScan(Y.encodeStateAsUpdate(document)))).toBe(true)
        expect(frozen.covers(preScan(Uint8Array.of(0, 0)))).toBe(true)
        expect(frozen.live).toBe(false)
        expect(liveOf(document).covers(preScan(Y.encodeStateAsUpdate(document)))).toBe(true)
        released(devices)
      }),
      { numRuns: 40 },
    )
  })
})

describe('freezing and thawing', () => {
  test('keep the state, byte for byte, however often', () => {
    fc.assert(
      fc.property(DEVICES, (devices) => {
        const document = together(devices)
        const replica = liveOf(document)
        replica.freeze()
        const [bytes, vector] = [replica.diff(Uint8Array.of(0)), replica.stateVector()]
        expect(replica.size).toBe(bytes.length)
        for (let round = 0; round < 3; round += 1) {
          replica.document()
          expect(replica.live).toBe(true)
          replica.freeze()
          expect([replica.live, replica.diff(Uint8Array.of(0)), replica.stateVector()]).toEqual([false, bytes, vector])
        }
        expect(replica.look(contentOf)).toEqual(contentOf(document))
        released(devices)
      }),
      { numRuns: 40 },
    )
  })

  test('no answer outlives the state that it was given for', () => {
    const replica = Replica.empty()
    expect([replica.diff(Uint8Array.of(0)), replica.stateVector()]).toEqual([Uint8Array.of(0, 0), Uint8Array.of(0)])
    const author = new Y.Doc()
    const update = updateOf(author, () => author.getText('summary').insert(0, 'abc'))
    replica.absorb(update)
    expect(replica.stateVector()).toEqual(Y.encodeStateVector(author))
    expect(replica.diff(Uint8Array.of(0))).toEqual(update)
    expect(replica.diff(Uint8Array.of(0))).toBe(replica.diff(Uint8Array.of(0)))
    replica.freeze()
    const deletion = updateOf(author, () => author.getText('summary').delete(0, 1))
    expect(replica.covers(preScan(deletion))).toBe(false)
    replica.absorb(deletion)
    replica.freeze()
    expect(replica.covers(preScan(deletion))).toBe(true)
    expect(replica.diff(Uint8Array.of(0))).toEqual(Y.encodeStateAsUpdate(author))
  })

  test('an update that does not fit is refused', async () => {
    const author = new Y.Doc()
    author.getText('summary').insert(0, 'lost')
    const later = updateOf(author, () => author.getText('summary').insert(4, '!'))
    expect(() => Replica.empty().absorb(later)).toThrow('gap')
    await expect(Replica.replay([later], systemClock)).rejects.toThrow('gap')
  })
})

/** The updates that a document emits when it takes one in: none, if it brings nothing. */
function emittedBy(document: Y.Doc, update: Uint8Array): Uint8Array[] {
  const emitted: Uint8Array[] = []
  document.on('update', (bytes: Uint8Array) => emitted.push(bytes))
  Y.applyUpdate(document, update)
  return emitted
}

test('P10: many stored updates are loaded with a turn for everything else in between, and to the same end', async () => {
  const author = new Y.Doc()
  const updates: Uint8Array[] = []
  author.on('update', (update: Uint8Array) => updates.push(update))
  for (let index = 0; index < 20; index += 1) author.getText('summary').insert(0, `${index} `)
  // Each look at the clock finds it 4 ms on.
  let now = 0
  let turns = 0
  const clock = {
    ...systemClock,
    elapsed() {
      now += 4
      return now
    },
    soon(run: () => void) {
      turns += 1
      setImmediate(run)
    },
  }
  const replica = await Replica.replay(updates, clock)
  expect(turns).toBeGreaterThan(4)
  expect(replica.document().getText('summary').toString()).toBe(author.getText('summary').toString())
})
