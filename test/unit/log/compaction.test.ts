/** Snapshots: rewritten from the log's bytes, never in the way of anybody, and never wrong. */
import type { RecordKey } from '@rapport/shared/ids.ts'
import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { createCompactor, snapshotOf } from '../../../server/log/compaction.ts'
import { headOf, ORIGIN, type Position } from '../../../server/log/entry.ts'
import { silent } from '../../support/database.ts'
import { entryOf, positionOf, recordKey } from '../../support/entries.ts'
import { createMemoryLogStore, type MemoryLogStore } from '../../support/memory-log-store.ts'
import { storedDocument, updateOf } from '../document/stage.ts'

async function write(store: MemoryLogStore, key: RecordKey, document: Y.Doc, count: number, from = ORIGIN): Promise<Position> {
  let previous = from
  for (let edit = 0; edit < count; edit += 1) {
    const update = updateOf(document, () => {
      document.getMap('fields').set(`x_${edit % 7}`, edit)
      document.getText('summary').insert(0, 'ab')
      document.getText('summary').delete(0, 1)
    })
    const entry = entryOf(key, previous, { update })
    await store.insert([entry])
    previous = positionOf(entry)
  }
  return previous
}

test('a snapshot holds all that the log does, and the tail starts behind it', async () => {
  const [store, key, document] = [createMemoryLogStore(), recordKey(), new Y.Doc()]
  const head = await write(store, key, document, 50)
  const compactor = createCompactor(store, silent)
  expect((await compactor.compact(key))?.position).toEqual(head)
  const stored = await store.load(key)
  expect(stored?.tail).toEqual([])
  expect(stored?.snapshot).toMatchObject({ position: head, stateVector: Y.encodeStateVector(document) })
  expect(stored?.snapshot?.update).toEqual(Y.encodeStateAsUpdate(document))
  const next = await write(store, key, document, 20, head)
  expect((await store.load(key))?.tail).toHaveLength(20)
  expect((await storedDocument(store, key)).getText('summary').toString()).toBe('b'.repeat(70))
  expect((await compactor.compact(key))?.position).toEqual(next)
  expect(await compactor.compact(key)).toBeUndefined()
})

test('the log keeps its rows, for history', async () => {
  const [store, key] = [createMemoryLogStore(), recordKey()]
  await write(store, key, new Y.Doc(), 30)
  await createCompactor(store, silent).compact(key)
  expect(await store.readAfter(key, 0, 100)).toHaveLength(30)
})

test('what is written while it works stays in the tail', async () => {
  const [store, key, document] = [createMemoryLogStore(), recordKey(), new Y.Doc()]
  const head = await write(store, key, document, 10)
  const { swapSnapshot } = store
  const busy = {
    ...store,
    async swapSnapshot(...given: Parameters<typeof swapSnapshot>) {
      await write(store, key, document, 5, head)
      return await swapSnapshot(...given)
    },
  }
  expect((await createCompactor(busy, silent).compact(key))?.position).toEqual(head)
  const stored = await store.load(key)
  expect(stored?.tail.map(({ position }) => position.sequence)).toEqual([11, 12, 13, 14, 15])
  expect((await storedDocument(store, key)).getText('summary').length).toBe(15)
})

test('of two processes that compact at once one gives way, and its older snapshot replaces nothing', async () => {
  const [store, key, document] = [createMemoryLogStore(), recordKey(), new Y.Doc()]
  const first = await write(store, key, document, 10)
  const { load } = store
  let overtaken = false
  const slow = {
    ...store,
    async load(...given: Parameters<typeof load>) {
      const stored = await load(...given)
      if (!overtaken) {
        overtaken = true
        await write(store, key, document, 10, first)
        await createCompactor(store, silent).compact(key)
      }
      return stored
    },
  }
  expect(await createCompactor(slow, silent).compact(key)).toBeUndefined()
  expect((await store.load(key))?.snapshot?.position.sequence).toBe(20)
})

test('asked twice at once it works once; records take turns', async () => {
  const store = createMemoryLogStore()
  const keys = ['a', 'b', 'c'].map((id) => recordKey(id))
  for (const key of keys) await write(store, key, new Y.Doc(), 3)
  let [open, most, loads] = [0, 0, 0]
  const watched = {
    ...store,
    async load(key: RecordKey) {
      loads += 1
      open += 1
      most = Math.max(most, open)
      await new Promise((resolve) => setImmediate(resolve))
      open -= 1
      return await store.load(key)
    },
  }
  const compactor = createCompactor(watched, silent)
  const answers = await Promise.all([...keys, ...keys].map((key) => compactor.compact(key)))
  expect(answers.map((compacted) => compacted?.position.sequence)).toEqual(Array(6).fill(3))
  expect([loads, most]).toEqual([3, 1])
})

test('a failure is no rejection, changes nothing, and the next attempt starts afresh', async () => {
  const [store, key] = [createMemoryLogStore(), recordKey()]
  await write(store, key, new Y.Doc(), 3)
  let failing = true
  const fragile = {
    ...store,
    load: (given: RecordKey) => (failing ? Promise.reject(new Error('gone')) : store.load(given)),
  }
  const compactor = createCompactor(fragile, silent)
  expect(await compactor.compact(key)).toBeUndefined()
  expect((await store.load(key))?.snapshot).toBeUndefined()
  failing = false
  expect((await compactor.compact(key))?.position.sequence).toBe(3)
})

test('a log with a hole, an erased record and one that was never written are left alone', async () => {
  const [store, key, document] = [createMemoryLogStore(), recordKey(), new Y.Doc()]
  updateOf(document, () => document.getText('summary').insert(0, 'lost'))
  const hole = updateOf(document, () => document.getText('summary').insert(4, 'x'))
  const entry = entryOf(key, ORIGIN, { update: hole })
  await store.insert([entry])
  const stored = await store.load(key)
  await expect(stored && snapshotOf(stored)).rejects.toThrow('gap')
  expect(stored && headOf(stored)).toEqual(positionOf(entry))
  const compactor = createCompactor(store, silent)
  expect(await compactor.compact(key)).toBeUndefined()
  expect((await store.load(key))?.snapshot).toBeUndefined()
  const erased = recordKey('erased')
  await write(store, erased, new Y.Doc(), 3)
  store.erase(erased)
  expect(await compactor.compact(erased)).toBeUndefined()
  expect(await compactor.compact(recordKey('none'))).toBeUndefined()
})
