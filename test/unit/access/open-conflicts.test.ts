/** Open conflicts: found by whose write lost, as many as may be, and no work for others that grows with them. */

import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import * as Y from 'yjs'
import { Ledger } from '../../../server/access/ledger.ts'
import { dismissedByServer, MOST_OPEN, OpenConflicts } from '../../../server/access/open-conflicts.ts'
import { preScan } from '../../../server/access/pre-scan.ts'
import type { UpdateSubmission } from '../../../server/access/submission.ts'
import type { Conflict } from '../../../server/log/findings.ts'
import { type Courtroom, openCourt, openReplica, principal } from './courtroom.ts'

const TITLE = ['fields', 'title']

function rowOf(id: string, client: number, path = TITLE, clock = 0): Conflict {
  const write = (by: number, at: number, value: string) => {
    return { item: { client: by, clock: at }, value, author: { sub: 'ann', role: 'rep' } }
  }
  return { id, path, kept: write(99, 0, 'Boss'), replaced: write(client, clock, 'CFO') }
}

test('open conflicts are found by path and by who lost, the oldest first, whatever was put, put anew and removed', () => {
  const steps = fc.array(fc.record({ id: fc.nat(9), client: fc.nat(3), clock: fc.nat(3), removes: fc.boolean() }), {
    maxLength: 40,
  })
  const property = fc.property(steps, (given) => {
    const open = new OpenConflicts()
    const listed: Conflict[] = []
    // A row stays at its path.
    const paths = (id: number): string[] => (id % 2 === 0 ? TITLE : ['fields', 'department'])
    for (const { id, client, clock, removes } of given) {
      const place = listed.findIndex((row) => row.id === String(id))
      const row = rowOf(String(id), client, paths(id), clock)
      if (removes) {
        expect(open.remove(row.id)).toBe(place >= 0)
        if (place >= 0) listed.splice(place, 1)
      } else {
        open.put(row)
        listed.splice(place >= 0 ? place : listed.length, 1, row)
      }
    }
    for (const path of [paths(0), paths(1)]) {
      const here = listed.filter((row) => row.path[1] === path[1])
      expect([...open.at(path)]).toEqual(here)
      for (const clients of [new Set<number>(), new Set([1]), new Set([2, 0])])
        expect(open.lostBy(path, clients)).toEqual(here.filter(({ replaced }) => clients.has(replaced.item.client)))
    }
    for (const row of listed) expect(open.get(row.id)).toEqual(row)
    for (const { id } of listed) open.remove(id)
    expect(open.bytes).toBe(0)
  })
  fc.assert(property, { numRuns: 300 })
})

/** Of a replica that has seen nothing and loses to whoever wrote with a higher client id, in each of these fields. */
function loser(client: number, fields: readonly string[]): UpdateSubmission {
  const { document, take } = openReplica(client)
  for (const field of fields) document.getMap('fields').set(field, `of ${client}`)
  return { type: 'update', principal: principal('eve', 'rep'), update: preScan(take()) }
}

function openFor(fields: readonly string[]) {
  const court = openCourt(4_294_967_295)
  const ada = openReplica(4_000_000_000)
  const write = (value: string) => {
    court.sync(ada.document)
    ada.take()
    ada.document.transact(() => {
      for (const field of fields) ada.document.getMap('fields').set(field, value)
    })
    return court.submit(principal('ada'), ada.take())
  }
  write('honest')
  return { court, write }
}

const custom = (count: number): string[] => Array.from({ length: count }, (_, index) => `x_a${index}`)
const openAt = ({ ledger }: Courtroom, field: string): readonly Conflict[] => [...ledger.conflictsAt(['fields', field])]

describe('P10: more conflicts than may be open', () => {
  test('of one field: the oldest is dismissed by the entry that brings another, and the list still tells of it', () => {
    const { court } = openFor(['title'])
    const ids: string[] = []
    for (let client = 1; client <= MOST_OPEN.path + 5; client += 1) {
      const { entry } = court.judge(loser(client, ['title']))
      if (entry === undefined) throw new Error('nothing was stored')
      const { conflicts, settled } = entry.findings
      ids.push(...conflicts.map(({ id }) => id))
      const over = client - MOST_OPEN.path
      expect(settled).toEqual(over > 0 ? [{ id: ids[over - 1], status: 'dismissed', byServer: true }] : [])
      expect(dismissedByServer(entry.findings)).toBe(over > 0 ? 1 : 0)
    }
    expect(openAt(court, 'title').map(({ id }) => id)).toEqual(ids.slice(5))
  })

  test('that come with one entry: each row is told once, as open or as dismissed', () => {
    const { court } = openFor(['title'])
    const before = court.judge(loser(1, ['title'])).entry?.findings.conflicts[0]
    const more = Array.from({ length: MOST_OPEN.path + 20 }, (_, index) => loser(index + 2, ['title']))
    const findings = court.judge(...more).entry?.findings
    if (before === undefined || findings === undefined) throw new Error('nothing was stored')
    expect(findings.settled).toEqual([{ id: before.id, status: 'dismissed', byServer: true }])
    expect(findings.conflicts).toHaveLength(more.length)
    const dismissed = findings.conflicts.filter((row) => row.dismissed === true)
    expect(dismissed.map(({ replaced }) => replaced.item.client)).toEqual(Array.from({ length: 20 }, (_, index) => index + 2))
    expect(openAt(court, 'title').map(({ id }) => id)).toEqual(findings.conflicts.slice(20).map(({ id }) => id))
    expect(dismissedByServer(findings)).toBe(21)
    expect(new Set([...findings.conflicts, ...findings.settled].map(({ id }) => id)).size).toBe(more.length + 1)
  })

  test('of one record: the oldest of all is dismissed, and a field with few of them keeps them below that', () => {
    const fields = custom(11)
    const { court } = openFor(fields)
    const each = Math.floor(MOST_OPEN.record / fields.length)
    const losers = Array.from({ length: each }, (_, index) => loser(index + 1, fields))
    for (const one of losers) court.judge(one)
    const count = (): number => fields.reduce((sum, field) => sum + openAt(court, field).length, 0)
    expect(count()).toBe(each * fields.length)
    const [first = ''] = fields
    const oldest = openAt(court, first)[0]
    for (let client = 10_000; count() < MOST_OPEN.record; client += 1) court.judge(loser(client, [first]))
    const { entry } = court.judge(loser(20_000, [first]))
    expect(entry?.findings.settled).toEqual([{ id: oldest?.id, status: 'dismissed', byServer: true }])
    expect(count()).toBe(MOST_OPEN.record)
  })

  test('one that was dismissed is not what anybody settles any more', () => {
    const { court } = openFor(['title'])
    const row = court.judge(loser(1, ['title'])).entry?.findings.conflicts[0]
    if (row === undefined) throw new Error('no conflict was found')
    const settles = { id: row.id, status: 'restored', replaced: row.replaced.item } as const
    expect(court.ledger.replaces(settles)).toBe(true)
    for (let client = 2; client <= MOST_OPEN.path + 1; client += 1) court.judge(loser(client, ['title']))
    expect(court.ledger.replaces(settles)).toBe(false)
  })
})

describe('P10: what an honest edit of a field costs', () => {
  /** How many items of the keys' chains are stepped over, and marks looked up, while something is judged. */
  function stepsOf({ document }: Courtroom, fields: readonly string[], judge: () => void): { items: number; marks: number } {
    let items = 0
    for (const field of fields) {
      let item: Y.Item | null = document.getMap('fields')._map.get(field) ?? null
      while (item !== null) {
        const stepped = item
        let { left } = stepped
        item = left
        Object.defineProperty(stepped, 'left', {
          get() {
            items += 1
            return left
          },
          set(value: Y.Item | null) {
            left = value
          },
        })
      }
    }
    const marks = vi.spyOn(Ledger.prototype, 'markAt')
    judge()
    const looks = marks.mock.calls.length
    marks.mockRestore()
    return { items, marks: looks }
  }

  test.each([50, 500])('does not grow with those who have lost there: %i', (losers) => {
    const fields = custom(4)
    const { court, write } = openFor(fields)
    for (let client = 1; client <= losers; client += 1) court.judge(loser(client, fields))
    expect(openAt(court, 'x_a3')).toHaveLength(Math.min(losers, MOST_OPEN.path))
    const { items, marks } = stepsOf(court, fields, () => expect(write('again').verdicts).toMatchObject([{ type: 'admitted' }]))
    expect(items).toBeLessThan(20 * fields.length)
    expect(marks).toBeLessThan(20 * fields.length)
    expect(openAt(court, 'x_a3')).toHaveLength(Math.min(losers, MOST_OPEN.path))
  })
})

test('P5: the row of a loser is void once somebody wins who had written over it, though what he wrote then was refused', () => {
  const { court } = openFor(['title'])
  const [eve, carl] = [openReplica(7), openReplica(4_100_000_000)]
  eve.document.getMap('fields').set('title', 'of 7')
  const update = eve.take()
  court.submit(principal('eve'), update)
  expect(openAt(court, 'title').map(({ replaced }) => replaced.value)).toEqual(['of 7'])
  Y.applyUpdate(carl.document, update)
  carl.take()
  carl.document.getMap('fields').set('title', 5)
  expect(court.submit(principal('carl'), carl.take()).verdicts).toMatchObject([{ issues: [{ code: 'kind' }] }])
  expect(openAt(court, 'title')).toHaveLength(1)
  court.sync(carl.document)
  carl.take()
  carl.document.getMap('fields').set('title', 'second')
  court.submit(principal('carl'), carl.take())
  expect([court.document.getMap('fields').get('title'), openAt(court, 'title')]).toEqual(['second', []])
})
