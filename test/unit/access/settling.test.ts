/** A conflict's row is touched once by an entry, whatever several people do to it at the same moment. */
import { expect, test } from 'vitest'
import { Ledger } from '../../../server/access/ledger.ts'
import { type Conflict, EMPTY_LEDGER } from '../../../server/log/findings.ts'

const write = (clock: number, value: string) => ({ item: { client: 1, clock }, value, author: { sub: 'ann', role: 'rep' } })
const conflict: Conflict = { id: 'c1', path: ['fields', 'title'], kept: write(0, 'Boss'), replaced: write(1, 'CFO') }
const ledger = () => new Ledger({ ...EMPTY_LEDGER, conflicts: [conflict] })

test('settled by two, it is settled once, and is open no more', () => {
  const known = ledger()
  known.settle('c1', 'restored')
  known.settle('c1', 'restored')
  expect([...known.conflictsAt(conflict.path)]).toEqual([])
  expect(known.take().settled).toEqual([{ id: 'c1', status: 'restored' }])
  expect(known.take().settled).toEqual([])
})

test('opened anew by what came before in the entry, it stays open', () => {
  const known = ledger()
  const newer = { ...conflict, replaced: write(2, 'Chair') }
  known.putConflict(newer)
  known.settle('c1', 'restored')
  expect(known.take()).toMatchObject({ conflicts: [newer], settled: [] })
  expect([...known.conflictsAt(conflict.path)]).toEqual([newer])
})

test('withdrawn by what came before, there is nothing to settle', () => {
  const known = ledger()
  known.withdraw(conflict)
  known.settle('c1', 'restored')
  expect(known.take()).toMatchObject({ withdrawn: ['c1'], settled: [] })
})
