/** P5: a conflict that moves on while it is put back is looked up again. */
import { SyncError } from '@rapport/shared/errors.ts'
import { expect, test } from 'vitest'
import type { ReviewedConflict } from '../../../server/log/review-store.ts'
import { openApp } from './opened-app.ts'

const ID = '01890000-0000-7000-8000-000000000001'
const PATH = `/v1/records/contact/a/conflicts/${ID}/restore`

function row(value: string, clock: number, status: ReviewedConflict['status'] = 'open'): ReviewedConflict {
  const author = { sub: 'bob', role: 'rep' }
  const kept = { item: { client: 9, clock: 0 }, value: 'Boss', author, at: 0 }
  return {
    id: ID,
    path: ['fields', 'title'],
    status,
    sequence: 2,
    kept,
    replaced: { ...kept, item: { client: 5, clock }, value },
  }
}

/** Looked up, each answer is the next of these, and the last one from then on; an edit fails as often as it is told to. */
async function open(rows: readonly ReviewedConflict[], stale: number) {
  let looks = 0
  const { send, put, registry } = openApp({ review: { conflict: async () => rows[Math.min(looks++, rows.length - 1)] } })
  await put('a')
  const room = registry.rooms.get('a')
  if (room === undefined) throw new Error('no room')
  const made: unknown[] = []
  const { edit } = room
  room.edit = (by, change, precondition, terms) => {
    made.push(terms?.settles?.replaced.clock)
    return made.length <= stale ? Promise.reject(new SyncError('stale', 'moved on')) : edit(by, change, precondition, terms)
  }
  return { answer: await send('POST', PATH), made }
}

test('P5: what is put back is what its author wrote last', async () => {
  const { answer, made } = await open([row('b0', 0), row('b1', 1), row('b1', 1, 'restored')], 1)
  expect([answer.status, made]).toEqual([200, [0, 1]])
  expect(await answer.json()).toMatchObject({ status: 'restored', replaced: { value: 'b1' } })
})

test('of one that was settled meanwhile the caller hears how', async () => {
  expect((await open([row('b0', 0), row('b0', 0, 'restored')], 1)).answer.status).toBe(200)
  const { answer, made } = await open([row('b0', 0), row('b0', 0, 'dismissed')], 1)
  expect([answer.status, made]).toEqual([412, [0]])
})

test('P10: one that moves on for ever is given up', async () => {
  const { answer, made } = await open([row('b0', 0)], 1_000)
  expect([answer.status, made.length]).toEqual([412, 5])
})
