/** What items stand for: told by as few marks as say all of it, and by no fewer. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Ledger } from '../../../server/access/ledger.ts'
import { isOwn, Marks, ownMark } from '../../../server/access/marks.ts'
import { EMPTY_LEDGER, type Mark, SERVER_AUTHOR } from '../../../server/log/findings.ts'
import { entryOf, recordKey } from '../../support/entries.ts'
import { found } from '../../support/findings-contract.ts'
import { addFindings, ledgerOf, noFindings } from '../../support/memory-findings.ts'

const ADA = { sub: 'ada', role: 'rep' }
const authors = fc.constantFrom(ADA, { sub: 'ada', role: 'admin' }, { sub: 'bob', role: 'rep' })
const id = fc.record({ client: fc.constantFrom(1, 2), clock: fc.nat(12) })
const SERVER = 2

/** Few clients and clocks, so that they meet, cover each other and lie side by side; many go on from the one before. */
const marks = fc
  .array(
    fc.record({
      ...{ at: id, length: fc.integer({ min: 1, max: 3 }), author: authors, standsFor: fc.option(id, { nil: undefined }) },
      ...{ own: fc.boolean(), cleared: fc.boolean(), goesOn: fc.boolean() },
    }),
    { maxLength: 25 },
  )
  .map((given) => {
    const all: Mark[] = []
    for (const { at, length, author, standsFor, own, cleared, goesOn } of given) {
      const before = all.at(-1)
      if (!goesOn || before === undefined || before.clock > 12) {
        all.push(own ? ownMark(at.client, at.clock, length, author) : { ...at, length, author, standsFor, cleared })
        continue
      }
      const clock = before.clock + before.length
      all.push(isOwn(before) ? ownMark(before.client, clock, length, before.author) : { ...before, clock, length })
    }
    return all
  })

/** As the mark says it, of each of its clocks by itself. */
function saidOf(mark: Mark, clock: number) {
  const { client, author, cleared, standsFor } = mark
  return { author, cleared, standsFor: isOwn(mark) ? { client, clock } : standsFor }
}

const CLOCKS = [1, 2].flatMap((client) => Array.from({ length: 18 }, (_, clock) => ({ client, clock })))

describe('marks', () => {
  test('of one clock the one that was put last counts, wherever others begin and end', () => {
    let folded = 0
    const property = fc.property(marks, (given) => {
      const kept = new Marks()
      const single = new Map<string, ReturnType<typeof saidOf>>()
      for (const mark of given) {
        kept.put(mark)
        for (let clock = mark.clock; clock < mark.clock + mark.length; clock += 1)
          single.set(`${mark.client}:${clock}`, saidOf(mark, clock))
      }
      for (const at of CLOCKS) {
        const mark = kept.at(at)
        expect(mark && saidOf(mark, at.clock)).toEqual(single.get(`${at.client}:${at.clock}`))
      }
      expect(kept.size).toBeLessThanOrEqual(single.size)
      if (kept.size < single.size) folded += 1
    })
    fc.assert(property, { numRuns: 500 })
    expect(folded).toBeGreaterThan(100)
  })

  test('say the same to the ledger whether they were folded when they were read or not', () => {
    let fewer = 0
    const property = fc.property(fc.array(marks, { maxLength: 4 }), (entries) => {
      const stored = noFindings()
      for (const given of entries) addFindings(stored, entryOf(recordKey(), undefined, { findings: found({ marks: given }) }))
      const clients = [{ client: SERVER, owner: SERVER_AUTHOR, relayed: false }]
      const read = ledgerOf(stored, 1, [], false)
      const [apart, told] = [entries.flat(), read.marks].map((rows) => new Ledger({ ...EMPTY_LEDGER, clients, marks: rows }))
      if (apart === undefined || told === undefined) throw new Error('there are two')
      for (const at of CLOCKS) {
        expect(told.writeOf(at)).toEqual(apart.writeOf(at))
        expect(told.authorOf(at)).toEqual(apart.authorOf(at))
        expect(told.markAt(at)?.cleared).toEqual(apart.markAt(at)?.cleared)
        expect(told.isStandIn(at)).toBe(apart.isStandIn(at))
        for (const write of CLOCKS) expect(told.hasBuiltOn(at.client, write)).toBe(apart.hasBuiltOn(at.client, write))
      }
      expect(told.footprint).toBe(apart.footprint)
      if (read.marks.length < entries.flat().length) fewer += 1
    })
    fc.assert(property, { numRuns: 300 })
    expect(fewer).toBeGreaterThan(20)
  })

  test('P10: of 100,000 tries at one field, and of as many values put back, two are kept', () => {
    const standsFor = { client: 9, clock: 0 }
    const kept = new Marks()
    for (let clock = 0; clock < 100_000; clock += 1)
      for (const client of [5, SERVER]) kept.put({ client, clock, length: 1, author: ADA, standsFor, cleared: false })
    expect(kept.size).toBe(2)
    expect([5, SERVER].map((client) => kept.at({ client, clock: 99_999 })?.standsFor)).toEqual([standsFor, standsFor])
  })
})
