/** The gate before a live document: what it refuses, that it lets every honest client through, and what it reports. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { type ClockRange, preScan, type ScannedUpdate, storedDeletions } from '../../../server/access/pre-scan.ts'
import { MalformedUpdate } from '../../../server/access/update-reader.ts'
import { BEHIND, bytesOf, encoded, gc, item, POISONS, skip, structsOf } from './bytes.ts'
import { DEVICES, type Device, released } from './edits.ts'

describe('P10: the pre-scan refuses what no Yjs encoder writes', () => {
  test.each(POISONS)('%s: %s', (_what, reason, bytes) => {
    const failure = failureOf(bytes)
    expect(failure).toBeInstanceOf(MalformedUpdate)
    expect(String(failure)).toContain(reason)
  })

  test('the recipes have the sizes at which they were measured', () => {
    const size = (what: string): number | undefined => POISONS.find(([name]) => name.includes(what))?.[2].length
    expect([size('9 bytes'), size(', 7 bytes'), size('10 bytes'), size('31 bytes'), size('in 7 bytes')]).toEqual([
      9, 7, 10, 31, 7,
    ])
  })

  test('the same bytes without their defect pass, so the defect is what is refused', () => {
    const sound = [
      structsOf(gc(1), gc(1)),
      structsOf(gc(1), skip(3), gc(1)),
      structsOf(item(1, 1), item(8, 1, Uint8Array.of(126)), gc(1)),
      structsOf(item(4, 'x')),
      structsOf(item(6, 'bold', `${'['.repeat(64)}${']'.repeat(64)}`)),
      structsOf(item(7, 6)),
      bytesOf(1, 1, 2 ** 32 - 1, 0, ...gc(1), 0),
      bytesOf(1, 1, 7, 1, BEHIND, 7, 0, 'x', 0),
      bytesOf(0, 1, 7, 1, 0, 1),
    ]
    for (const bytes of sound) expect(() => preScan(bytes)).not.toThrow()
  })

  test('a promise of millions in a few bytes costs nothing to refuse, so a flood of them is harmless', () => {
    const promises = POISONS.filter(([what]) => what.includes('promised'))
    expect(promises).toHaveLength(5)
    const before = process.memoryUsage().rss
    // Building what is promised would take 256 MB and a quarter of a second each time: this test would not end.
    for (let round = 0; round < 2_000; round += 1) {
      for (const [, , bytes] of promises) expect(() => preScan(bytes)).toThrow(MalformedUpdate)
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(128 * 1024 * 1024)
  })

  test('an update cut off anywhere', () => {
    fc.assert(
      fc.property(DEVICES, (devices) => {
        for (const update of [...devices.flatMap((device) => device.updates.slice(0, 3)), stateOf(devices[0])]) {
          for (let end = 0; end < update.length; end += 1) {
            expect(() => preScan(update.subarray(0, end))).toThrow(MalformedUpdate)
          }
        }
        released(devices)
      }),
      { numRuns: 20 },
    )
  })

  test('any other bytes: it answers or throws its own error, and nothing else', () => {
    const sane = (bytes: Uint8Array): boolean => [undefined, MalformedUpdate].includes(failureOf(bytes)?.constructor as never)
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), sane), { numRuns: 2_000 })
  })
})

describe('P10: every update that an honest client can send passes, and is described as Yjs reads it', () => {
  test('its own edits, merges, differences, whole states, with emoji, halves of emoji, rich text, undo and collected content', () => {
    let seen = 0
    fc.assert(
      fc.property(DEVICES, fc.array(fc.nat(), { maxLength: 12 }), (devices, picks) => {
        for (const update of variants(devices, picks)) {
          const scan = preScan(update)
          const decoded = Y.decodeUpdate(update)
          expect(scan.structs).toEqual(structRanges(decoded))
          expect(scan.deletes).toEqual(deleteRanges(decoded))
          expect(scan.bytes).toBe(update)
          seen += 1
        }
        released(devices)
      }),
      { numRuns: 150 },
    )
    expect(seen).toBeGreaterThan(1_000)
  })

  test('what a struct leans on is noted: the clocks behind its neighbours and its parent', () => {
    fc.assert(
      fc.property(DEVICES, (devices) => {
        for (const device of devices) {
          for (const update of device.updates) expect(preScan(update).needs).toEqual(needsOf(update))
        }
        released(devices)
      }),
      { numRuns: 50 },
    )
  })
})

describe('P10: what the largest record can honestly hold passes', () => {
  test.each<[string, () => Uint8Array]>([
    ['one deleted note of 5,000 characters', () => structsOf(gc(5_001))],
    ['a million structs', () => encoded([1, 1_000_000, 7, 0, Array.from({ length: 1_000_000 }, () => gc(1)).flat(), 0].flat())],
    ['5,000 clients', () => encoded([5_000, Array.from({ length: 5_000 }, (_, at) => [1, at, 0, ...gc(1)]).flat(), 0].flat())],
    [
      'deletions of 20,000 clients, as every whole difference of an old record has them',
      () => encoded([0, 20_000, Array.from({ length: 20_000 }, (_, at) => [at, 1, 0, 1]).flat()].flat()),
    ],
    ['a text of 4 MiB', () => structsOf(item(4, 'x'.repeat(4 * 1024 * 1024)))],
  ])('%s', (_what, make) => {
    expect(failureOf(make())).toBeUndefined()
  })

  test('and what the server has stored itself is read whatever it has grown to', () => {
    const clients = Array.from({ length: 5_001 }, (_, at) => [1, at, 0, ...gc(1)]).flat()
    const state = encoded([5_001, clients, 1, 3, 1, 0, 1].flat())
    expect(String(failureOf(state))).toContain('too many clients')
    expect(storedDeletions(state)).toEqual([{ client: 3, start: 0, end: 1 }])
  })
})

function failureOf(bytes: Uint8Array): object | undefined {
  try {
    preScan(bytes)
    return undefined
  } catch (error) {
    return error as object
  }
}

function stateOf(device: Device | undefined): Uint8Array {
  return device === undefined ? Uint8Array.of(0, 0) : Y.encodeStateAsUpdate(device.document)
}

/** Everything these devices may send: single updates, some merged in any order and with holes, states, and differences. */
function variants(devices: readonly Device[], picks: readonly number[]): Uint8Array[] {
  const single = devices.flatMap((device) => device.updates)
  const some = picks.flatMap((pick) => single[pick % Math.max(single.length, 1)] ?? [])
  const merged = some.length > 0 ? [Y.mergeUpdates(some)] : []
  const vectors = devices.map(({ document }) => Y.encodeStateVector(document))
  const whole = [...devices.map(stateOf), ...merged, ...(single.length > 0 ? [Y.mergeUpdates(single)] : [])]
  const differences = whole.flatMap((update) => vectors.map((vector) => Y.diffUpdate(update, vector)))
  return [...single, ...whole, ...differences, Y.mergeUpdates(whole)]
}

type Decoded = ReturnType<typeof Y.decodeUpdate>

function structRanges({ structs }: Decoded): ClockRange[] {
  const ranges: ClockRange[] = []
  let open: { client: number; start: number; end: number } | undefined
  for (const struct of structs) {
    const { client, clock } = struct.id
    if (struct instanceof Y.Skip) open = undefined
    else if (open !== undefined && open.client === client) open.end += struct.length
    else {
      open = { client, start: clock, end: clock + struct.length }
      ranges.push(open)
    }
  }
  return ranges
}

function deleteRanges({ ds }: Decoded): ClockRange[] {
  return [...ds.clients].flatMap(([client, items]) => items.map(({ clock, len }) => ({ client, start: clock, end: clock + len })))
}

function needsOf(update: Uint8Array): ScannedUpdate['needs'] {
  const needs = new Map<number, number>()
  const note = (id: Y.ID | null, client: number): void => {
    if (id !== null && id.client !== client) needs.set(id.client, Math.max(id.clock + 1, needs.get(id.client) ?? 0))
  }
  for (const struct of Y.decodeUpdate(update).structs) {
    if (!(struct instanceof Y.Item)) continue
    note(struct.origin, struct.id.client)
    note(struct.rightOrigin, struct.id.client)
    if (struct.parent instanceof Y.ID) note(struct.parent, struct.id.client)
  }
  return needs
}
