import { expect, test } from 'vitest'
import { headOf } from '../../server/log/entry.ts'
import { classifyFailure } from '../../server/log/failures.ts'
import { EMPTY_LEDGER } from '../../server/log/findings.ts'
import { entryOf, recordKey, writeChain } from '../support/entries.ts'
import { conflict, describeFindings, found, setAsideRow } from '../support/findings-contract.ts'
import { describeLogStore } from '../support/log-store-contract.ts'
import { createMemoryLogStore } from '../support/memory-log-store.ts'

describeLogStore('memory', () => {
  const store = createMemoryLogStore()
  return {
    store,
    erase: async (key) => store.erase(key),
    schemaVersion: async (key) => store.schemaVersion(key),
    serverItems: async (key) => store.serverItems(key),
    marks: async (key) => store.marks(key),
    quarantined: async (key) => store.quarantined(key).map((row) => row.id),
  }
})

describeFindings('memory', () => {
  const store = createMemoryLogStore()
  let captures = 0
  return {
    store,
    erase: async (key) => store.erase(key),
    changes: async (key) => store.changes(key),
    conflicts: async (key) => new Map(store.conflicts(key).map(({ id, status }) => [id, status])),
    markRestored: async (until) => store.markRestored(until),
    async capture({ tenant }) {
      captures += 1
      store.capture(tenant, captures)
      return captures
    },
    captured: async (tenant, id) => store.captured(tenant, id),
  }
})

test('a dump is untouched by later writes, and restoring it rolls everything back', async () => {
  const store = createMemoryLogStore()
  const key = recordKey()
  const entries = await writeChain(store, key, 2)
  const dump = store.dump()
  const findings = found({
    conflicts: [conflict()],
    clients: [{ client: 1, owner: { sub: 'ada', role: 'rep' }, relayed: false }],
  })
  const later = entryOf(key, { sequence: 2, entry: entries[1]?.id ?? '' }, { findings })
  await store.insert([later])
  await store.setAside(setAsideRow(key))
  store.markRestored(Number.MAX_SAFE_INTEGER)
  expect(await store.ledger(key, 3)).not.toEqual(EMPTY_LEDGER)
  store.restore(dump)
  expect(await store.ledger(key, 3)).toEqual(EMPTY_LEDGER)
  const record = await store.load(key)
  expect(record && headOf(record)).toEqual({ sequence: 2, entry: entries[1]?.id })
  expect(await store.stored([later])).toEqual(new Set())
  await store.insert([later])
  store.restore(dump)
  expect((await store.load(key))?.tail).toHaveLength(2)
})

test.each([
  ['22P05', 'data'],
  ['23505', 'data'],
  ['54000', 'data'],
  ['08006', 'transient'],
  ['40001', 'transient'],
  ['42P01', 'transient'],
  ['53100', 'transient'],
  ['57P01', 'transient'],
  ['57P03', 'transient'],
  ['40P01', 'contended'],
  ['55P03', 'contended'],
  ['57014', 'contended'],
  ['XX001', 'contended'],
  ['XX002', 'contended'],
])('a failure %s of the database means: %s', (code, failure) => {
  expect(classifyFailure(Object.assign(new Error(), { name: 'PostgresError', code }))).toBe(failure)
})

test('what does not come from the database itself is transient', () => {
  const driver = Object.assign(new Error('write CONNECTION_CLOSED'), { code: 'CONNECTION_CLOSED' })
  const network = Object.assign(new Error('reset'), { code: '22000' })
  for (const thrown of [driver, network, undefined, null, 'text']) expect(classifyFailure(thrown)).toBe('transient')
})
