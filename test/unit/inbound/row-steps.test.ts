import type { Row } from '@rapport/shared/mapping/plan.ts'
import type { RowOperation } from '@rapport/shared/mapping/row-change.ts'
import { expect, test } from 'vitest'
import { compileShipped } from '../../../drizzle/mappings/mappings.ts'
import type { CapturedChange } from '../../../server/inbound/captured.ts'
import { stepsOf } from '../../../server/inbound/row-steps.ts'

const plan = compileShipped().find(({ mapping }) => mapping.id === 'contact')

let ids = 0
function captured(transaction: number, operation: RowOperation, before?: Row, after?: Row, more: Partial<CapturedChange> = {}) {
  ids += 1
  const table = (after ?? before)?.contact_id === undefined ? 'contacts' : 'contact_emails'
  const change = { table, operation, ...(before && { before }), ...(after && { after }) }
  return { id: ids, change, transaction, author: 'carla', at: 0, ...more }
}
function steps(...changes: readonly CapturedChange[]) {
  if (plan === undefined) throw new Error('contacts are mapped')
  const first = changes[0]?.id ?? 0
  return stepsOf(plan, changes).map((step) => ({ ids: step.ids.map((id) => id - first), change: step.change }))
}

const row = (title: string): Row => ({ tenant: 't', id: 'r1', title })
const email = (id: string, label: string): Row => ({ tenant: 't', contact_id: 'r1', id, label })

test('what one transaction did to a row is one step, from first to last, at the place of the first', () => {
  expect(
    steps(
      captured(1, 'insert', undefined, row('a')),
      captured(1, 'insert', undefined, email('e1', 'x')),
      captured(1, 'update', row('a'), row('b')),
      captured(2, 'update', row('b'), row('c')),
      captured(2, 'update', row('c'), row('d')),
    ),
  ).toEqual([
    { ids: [0, 2], change: { table: 'contacts', operation: 'insert', after: row('b') } },
    { ids: [1], change: { table: 'contact_emails', operation: 'insert', after: email('e1', 'x') } },
    { ids: [3, 4], change: { table: 'contacts', operation: 'update', before: row('b'), after: row('d') } },
  ])
})

test('a row that was deleted and inserted again has changed, and one that came and went was never there', () => {
  expect(
    steps(
      captured(1, 'delete', email('e1', 'x')),
      captured(1, 'insert', undefined, email('e2', 'x')),
      captured(1, 'insert', undefined, email('e1', 'y')),
      captured(1, 'delete', email('e2', 'x')),
    ),
  ).toEqual([
    { ids: [0, 2], change: { table: 'contact_emails', operation: 'update', before: email('e1', 'x'), after: email('e1', 'y') } },
    { ids: [1, 3], change: undefined },
  ])
})

test('children that are deleted together with their record are part of that; in another transaction, or of a record that comes back, they are not', () => {
  const deletion = { table: 'contacts', operation: 'delete', before: row('a') }
  expect(
    steps(
      captured(1, 'delete', email('e0', 'x')),
      captured(2, 'delete', email('e1', 'x')),
      captured(2, 'update', email('e2', 'x'), email('e2', 'y')),
      captured(2, 'delete', row('a')),
      captured(2, 'delete', email('e3', 'x')),
    ),
  ).toMatchObject([{ ids: [0] }, { ids: [2] }, { ids: [3, 1, 4], change: deletion }])
  expect(
    steps(captured(1, 'delete', row('a')), captured(1, 'delete', email('e1', 'x')), captured(1, 'insert', undefined, row('a'))),
  ).toMatchObject([
    { ids: [0, 2], change: { operation: 'update' } },
    { ids: [1], change: { operation: 'delete' } },
  ])
})

test('what two people did stays apart', () => {
  const [one, other] = [captured(1, 'update', row('a'), row('b')), captured(1, 'update', row('b'), row('c'), { author: 'eve' })]
  expect(steps(one, other)).toHaveLength(2)
})
