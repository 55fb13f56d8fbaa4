import type { Row } from '@rapport/shared/mapping/plan.ts'
import type { RowChange } from '@rapport/shared/mapping/row-change.ts'
import { movesTo, type Placed, rowSequence, wishesOf } from '@rapport/shared/mapping/row-order.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const columns = { table: 'rows', id: 'id', order: 'place' }

/** Entries with keys as somebody left them: some equal, some missing, some no keys at all. */
const entries = fc
  .array(fc.constantFrom('0', 'V', 'V1', 'a', 'b', 'zz', undefined, 'not base 62', 'k'.repeat(70)), { maxLength: 9 })
  .map((orders) => sorted(orders.map((order, index): Placed => [`e${index}`, order])))

function sorted(placed: readonly Placed[]): readonly Placed[] {
  const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)
  return [...placed].sort((one, other) => compare(one[1] ?? '', other[1] ?? '') || compare(one[0], other[0]))
}

const idsOf = (placed: readonly Placed[]): readonly string[] => placed.map(([id]) => id)

/** Rows that show the entries, and the updates that give some of them another number. */
function renumbered(placed: readonly Placed[], numbers: ReadonlyMap<string, number | null>) {
  const rows: readonly Row[] = placed.map(([id], place) => ({ id, place }))
  const changes = [...numbers].map(([id, place]): RowChange => {
    const before = rows.find((row) => row.id === id) ?? { id, place: null }
    return { table: 'rows', operation: 'update', before, after: { id, place } }
  })
  const wishes = wishesOf(columns, changes)
  const moves = movesTo(placed, rowSequence(columns, rows, wishes), wishes)
  const after = sorted(placed.map(([id, order]): Placed => [id, moves.get(id) ?? order]))
  return { moves, after: idsOf(after) }
}

/** How many entries may stay where they are if the rest moves. */
function longestCommon(one: readonly string[], other: readonly string[]): number {
  const lengths = new Array<number>(other.length + 1).fill(0)
  for (const entry of one) {
    let diagonal = 0
    for (const [index, candidate] of other.entries()) {
      const above = lengths[index + 1] ?? 0
      lengths[index + 1] = entry === candidate ? diagonal + 1 : Math.max(above, lengths[index] ?? 0)
      diagonal = above
    }
  }
  return lengths.at(-1) ?? 0
}

const fresh = fc.nat(9).map((count) => Array.from({ length: count }, (_, index): Placed => [`e${index}`, `${index}V`]))

describe('rows that are numbered anew', () => {
  it('stand as the numbers say, whatever keys there were, and in whatever order the rows were captured', () => {
    fc.assert(
      fc.property(
        entries.chain((placed) => fc.tuple(fc.constant(placed), wishful(placed), fc.integer({ min: 1, max: 10 }))),
        ([placed, wanted, step]) => {
          const numbers = new Map(wanted.captured.map((id) => [id, wanted.sequence.indexOf(id) * step]))
          expect(renumbered(placed, numbers).after).toEqual(wanted.sequence)
        },
      ),
    )
  })

  it('move as few entries as can be', () => {
    fc.assert(
      fc.property(
        fresh.chain((placed) => fc.tuple(fc.constant(placed), wishful(placed))),
        ([placed, wanted]) => {
          // Each row says something else than it did, so that each of them may move.
          const { moves } = renumbered(placed, new Map(wanted.captured.map((id) => [id, 100 + wanted.sequence.indexOf(id)])))
          expect(moves.size).toBe(placed.length - longestCommon(idsOf(placed), wanted.sequence))
        },
      ),
    )
  })

  it('leave the others in their order, and move none of them where there is room', () => {
    fc.assert(
      fc.property(
        fresh.chain((placed) => {
          const some = fc
            .subarray([...idsOf(placed)])
            .chain((ids) =>
              fc
                .array(fc.option(fc.integer({ min: -1, max: 12 })), { minLength: ids.length, maxLength: ids.length })
                .map((numbers) => new Map(ids.map((id, index) => [id, numbers[index] ?? null]))),
            )
          return fc.tuple(fc.constant(placed), some)
        }),
        ([placed, numbers]) => {
          const { moves, after } = renumbered(placed, numbers)
          for (const id of moves.keys()) expect(numbers.has(id)).toBe(true)
          const others = (ids: readonly string[]): readonly string[] => ids.filter((id) => !numbers.has(id))
          expect(others(after)).toEqual(others(idsOf(placed)))
        },
      ),
    )
  })

  it('of which one alone has a new number stand at that number', () => {
    fc.assert(
      fc.property(fresh, fc.nat(8), fc.nat(8), (placed, from, to) => {
        fc.pre(from < placed.length && to < placed.length)
        const { after } = renumbered(placed, new Map([[`e${from}`, to]]))
        expect(after.indexOf(`e${from}`)).toBe(to)
      }),
    )
  })
})

/** Another sequence of all entries, and the order in which their rows come. */
function wishful(placed: readonly Placed[]) {
  const shuffled = fc.shuffledSubarray([...idsOf(placed)], { minLength: placed.length })
  return fc.record({ sequence: shuffled, captured: shuffled })
}
