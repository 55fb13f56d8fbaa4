/** A record as it was, at any of its entries, from the beginning of the log or from a snapshot. */
import { systemClock } from '@rapport/shared/clock.ts'
import type { RecordKey } from '@rapport/shared/ids.ts'
import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { createCompactor } from '../../../server/log/compaction.ts'
import { ORIGIN, type Position } from '../../../server/log/entry.ts'
import { readPast } from '../../../server/log/past.ts'
import { silent } from '../../support/database.ts'
import { entryOf, positionOf, recordKey } from '../../support/entries.ts'
import { createMemoryLogStore, type MemoryLogStore } from '../../support/memory-log-store.ts'
import { updateOf } from '../document/stage.ts'

/** What the document read after each entry. */
async function write(store: MemoryLogStore, key: RecordKey, document: Y.Doc, count: number, from = ORIGIN) {
  const reads: string[] = []
  let previous: Position = from
  for (let edit = 0; edit < count; edit += 1) {
    const update = updateOf(document, () => {
      document.getMap('fields').set(`x_${edit % 7}`, previous.sequence)
      document.getText('summary').insert(edit % 3, 'ab')
      document.getText('summary').delete(0, 1)
    })
    const entry = entryOf(key, previous, { update, at: 1_000 * (previous.sequence + 1) })
    await store.insert([entry])
    previous = positionOf(entry)
    reads.push(readOf(document))
  }
  return { reads, head: previous }
}

function readOf(document: Y.Doc): string {
  const fields = Object.entries(document.getMap('fields').toJSON()).sort(([one], [other]) => (one < other ? -1 : 1))
  return JSON.stringify([fields, document.getText('summary').toString()])
}

const past = async (store: MemoryLogStore, key: RecordKey, sequence: number) => {
  const { document, ...rest } = await readPast({ log: store, clock: systemClock }, key, sequence)
  return { ...rest, read: readOf(document) }
}

test('every state that there was is read as it was, before and behind a snapshot and at it', async () => {
  const [store, key, document] = [createMemoryLogStore(), recordKey(), new Y.Doc()]
  const { reads, head } = await write(store, key, document, 120)
  for (const sequence of [1, 2, 50, 119, 120]) {
    expect(await past(store, key, sequence)).toMatchObject({
      key,
      sequence,
      updatedAt: 1_000 * sequence,
      read: reads[sequence - 1],
    })
  }
  await createCompactor(store, silent).compact(key)
  const more = await write(store, key, document, 30, head)
  const all = [...reads, ...more.reads]
  for (const sequence of [1, 60, 119, 120, 121, 150]) {
    expect(await past(store, key, sequence)).toMatchObject({
      sequence,
      createdAt: 1_000,
      createdBy: 'ada',
      updatedAt: 1_000 * sequence,
      read: all[sequence - 1],
    })
  }
})

test('a state that never was is not found, an erased record is gone', async () => {
  const [store, key] = [createMemoryLogStore(), recordKey()]
  await expect(past(store, key, 1)).rejects.toMatchObject({ code: 'not_found' })
  await write(store, key, new Y.Doc(), 3)
  await expect(past(store, key, 0)).rejects.toMatchObject({ code: 'not_found' })
  await expect(past(store, key, 4)).rejects.toMatchObject({ code: 'not_found' })
  store.erase(key)
  await expect(past(store, key, 2)).rejects.toMatchObject({ code: 'gone' })
})

test('what the log no longer holds, or holds in pieces, is no state', async () => {
  const [store, key, document] = [createMemoryLogStore(), recordKey(), new Y.Doc()]
  await write(store, key, document, 60)
  await createCompactor(store, silent).compact(key)
  const behind = (missing: (sequence: number) => boolean) => ({
    clock: systemClock,
    log: {
      ...store,
      readAfter: async (...given: Parameters<MemoryLogStore['readAfter']>) =>
        (await store.readAfter(...given)).filter(({ position }) => !missing(position.sequence)),
    },
  })
  const firstLost = behind((sequence) => sequence <= 10)
  await expect(readPast(firstLost, key, 30)).rejects.toMatchObject({ code: 'not_found' })
  expect((await readPast(firstLost, key, 60)).sequence).toBe(60)
  const oneLost = behind((sequence) => sequence === 20)
  await expect(readPast(oneLost, key, 30)).rejects.toMatchObject({ code: 'out_of_service' })
})

test('P10: a long history is replayed in steps, and others have their turn between them', async () => {
  const [store, key] = [createMemoryLogStore(), recordKey()]
  const { reads } = await write(store, key, new Y.Doc(), 400)
  let [elapsed, turns, sinceTurn, most] = [0, 0, 0, 0]
  const clock = {
    ...systemClock,
    // Each look at the time takes a millisecond, and there is one behind each entry.
    elapsed: () => {
      most = Math.max(most, ++sinceTurn)
      return elapsed++
    },
    soon(run: () => void) {
      turns += 1
      sinceTurn = 0
      systemClock.soon(run)
    },
  }
  const { document } = await readPast({ log: store, clock }, key, 400)
  expect(readOf(document)).toBe(reads[399])
  expect(turns).toBeGreaterThanOrEqual(50)
  expect(most).toBeLessThanOrEqual(10)
})
