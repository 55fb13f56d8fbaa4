import { forward } from '@rapport/shared/mapping/forward.ts'
import type { Plan, Projection, Row, Shadow } from '@rapport/shared/mapping/plan.ts'
import { shadowOf } from '@rapport/shared/mapping/shadow.ts'
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { compileShipped } from '../../../drizzle/mappings/mappings.ts'
import { changedNames, operationOf } from '../../../server/projection/events.ts'
import { recordKey } from '../../support/entries.ts'

const plan = compileShipped().find(({ mapping }) => mapping.id === 'contact') as Plan

function projectionOf(change: (fields: Y.Map<unknown>, document: Y.Doc) => void, sequence = 1): Projection {
  const document = new Y.Doc()
  document.transact(() => change(document.getMap('fields'), document))
  return forward(plan, { key: recordKey('r1'), sequence, document })
}

const email = (id: string, address: string): Row => ({ tenant: 't', contact_id: 'r1', id, address })
const withEmails = (...rows: Row[]): Shadow => ({ ...shadowOf(projectionOf(() => undefined)), contact_emails: rows })

test('a shadow is the main row with the child tables beside its columns', () => {
  const { main, children } = projectionOf((fields) => fields.set('lastName', 'Ada'))
  expect(shadowOf({ main, children, misfits: [] })).toEqual({ ...main, ...children })
  expect(Object.keys(children).every((table) => !(table in main))).toBe(true)
})

describe('what changed', () => {
  test('names columns and tables, but neither the record nor the count of its entries', () => {
    const before = shadowOf(projectionOf((fields) => fields.set('lastName', 'Ada')))
    const after = shadowOf(
      projectionOf((fields, document) => {
        fields.set('lastName', 'Eve')
        fields.set('x_score', 1)
        document.getMap('tags').set('vip', true)
      }, 7),
    )
    expect(changedNames(plan, before, { ...after, tenant: before.tenant ?? null })).toEqual([
      'last_name',
      'custom',
      'contact_tags',
    ])
    expect(changedNames(plan, before, { ...before, sequence: 9 })).toEqual([])
  })

  test('a value that went through the database is the same whatever the order of its names', () => {
    const after: Shadow = { ...withEmails(email('e1', 'a'), email('e2', 'b')), custom: { x_a: 1, x_b: 'two' } }
    const stored: Shadow = { ...withEmails(email('e2', 'b'), email('e1', 'a')), custom: { x_b: 'two', x_a: 1 } }
    expect(changedNames(plan, stored, after)).toEqual([])
    expect(changedNames(plan, withEmails(email('e1', 'a')), withEmails(email('e1', 'b')))).toEqual(['contact_emails'])
    expect(changedNames(plan, withEmails(email('e1', 'a')), withEmails(email('e2', 'a')))).toEqual(['contact_emails'])
  })

  test('of a new record, everything that is there; of another mapping version, what came and went', () => {
    const after = shadowOf(projectionOf((fields) => fields.set('lastName', 'Ada')))
    expect(changedNames(plan, null, after)).toEqual(['last_name', 'summary', 'notes_text'])
    const { last_name: _, ...without } = after
    expect(changedNames(plan, { ...without, surname: 'Ada' }, after)).toEqual(['last_name', 'surname'])
    expect(changedNames(plan, without, { ...without, last_name: null })).toEqual([])
  })
})

test('the operation: created, updated, deleted once, restored as an update, and read again', () => {
  const alive = shadowOf(projectionOf(() => undefined))
  const deleted: Shadow = { ...alive, deleted_at: '2026-01-01T00:00:00.000Z' }
  expect(operationOf(plan, null, alive, false)).toBe('c')
  expect(operationOf(plan, null, deleted, false)).toBe('c')
  expect(operationOf(plan, alive, alive, false)).toBe('u')
  expect(operationOf(plan, alive, deleted, false)).toBe('d')
  expect(operationOf(plan, deleted, { ...deleted, title: 'x' }, false)).toBe('u')
  expect(operationOf(plan, deleted, alive, false)).toBe('u')
  expect(operationOf(plan, alive, deleted, true)).toBe('r')
})
