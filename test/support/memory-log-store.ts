/**
 * The log's database in memory, for simulations: each call takes effect at once and as a whole, and answers in a later
 * microtask. `dump` and `restore` stand for a backup: restoring an older dump rolls the database back under whoever uses it.
 * Passes the contract suite that the SQL store passes (`log-store-contract.ts`).
 */
import { keyString, type RecordId, type RecordKey } from '@rapport/shared/ids.ts'
import type {
  HeldBack,
  JudgedEntry,
  LogRow,
  Position,
  QuarantineRow,
  SetAsideRow,
  Snapshot,
  StoredRecord,
} from '../../server/log/entry.ts'
import type { AbsorbedChange, Mark } from '../../server/log/findings.ts'
import type { LogStore } from '../../server/log/log-store.ts'
import {
  addFindings,
  announce,
  contests,
  ledgerOf,
  type MemoryChange,
  type MemoryConflict,
  type MemoryFindings,
  noFindings,
} from './memory-findings.ts'

const QUARANTINE_PER_RECORD = 20

interface MemoryRow extends LogRow {
  readonly authors: JudgedEntry['authors']
}

interface MemoryRecord {
  readonly key: RecordKey
  readonly schemaVersion: number
  readonly createdAt: number
  readonly createdBy: string
  erased: boolean
  snapshot: Snapshot | undefined
  /** Wall time of the entry that the snapshot ends with. */
  snapshotAt: number
  /** Dense, from sequence 1; index is sequence − 1. */
  readonly rows: MemoryRow[]
  findings: MemoryFindings
}

/** A copy of everything stored, unaffected by later calls. */
export interface MemoryDump {
  readonly records: ReadonlyMap<string, MemoryRecord>
  readonly quarantine: ReadonlyMap<string, readonly QuarantineRow[]>
  readonly aside: ReadonlyMap<string, ReadonlyMap<string, SetAsideRow>>
  readonly announced: ReadonlyMap<string, MemoryFindings>
  readonly restoredUntil: number | undefined
  readonly inbound: ReadonlyMap<string, Captured>
}

/** A captured change of a row, as far as the log has to do with it. */
export type Captured = Pick<AbsorbedChange, 'reason'> & { readonly status: AbsorbedChange['status'] | 'pending' }

export interface MemoryLogStore extends LogStore {
  dump(): MemoryDump
  restore(dump: MemoryDump): void
  /** Marks a record as erased and removes what it held; there is no call for that in the seam yet. */
  erase(key: RecordKey): void
  /** The version of its type's declaration that a record was created under. */
  schemaVersion(key: RecordKey): number | undefined
  /** Other people's items are taken as relayed until then, in wall time; `undefined`: no more. */
  markRestored(until: number | undefined): void
  /** What is stored of a record's items that say nothing of their author, in the order of its entries. */
  serverItems(key: RecordKey): readonly Mark[]
  changes(key: RecordKey): readonly MemoryChange[]
  /** Settled ones, too. */
  conflicts(key: RecordKey): readonly MemoryConflict[]
  quarantined(key: RecordKey): readonly QuarantineRow[]
  /** A change of a row waits from now on. */
  capture(tenant: RecordKey['tenant'], id: number): void
  captured(tenant: RecordKey['tenant'], id: number): Captured | undefined
  /** Sequences of the entries that left a mark: nothing takes them away here. */
  marks(key: RecordKey): readonly number[]
}

/** `now` is wall time in milliseconds. */
export function createMemoryLogStore(now: () => number = Date.now): MemoryLogStore {
  let records = new Map<string, MemoryRecord>()
  /** By record, oldest first; a record whose very first submission was refused has rows here and nowhere else. */
  let quarantine = new Map<string, readonly QuarantineRow[]>()
  /** By record and sender. */
  let aside = new Map<string, Map<string, SetAsideRow>>()
  /** What was announced in records that nobody has written yet. */
  let announced = new Map<string, MemoryFindings>()
  let restoredUntil: number | undefined
  let inbound = new Map<string, Captured>()
  const waits = ({ key, findings }: JudgedEntry): boolean =>
    findings.absorbed.every(({ id }) => inbound.get(`${key.tenant} ${id}`)?.status === 'pending')
  const find = (key: RecordKey): MemoryRecord | undefined => records.get(keyString(key))
  const heldBack = (): HeldBack[] => [
    ...[...quarantine.values()].flat().map((row) => ({ state: 'quarantined', ...row }) as const),
    ...[...aside.values()].flatMap((rows) => [...rows.values()]).map((row) => ({ state: 'set-aside', ...row }) as const),
  ]

  return {
    async insert(entries) {
      const admitted = new Set<string>()
      for (const entry of entries) {
        const name = keyString(entry.key)
        const record = find(entry.key) ?? emptyRecord(entry, announced.get(name) ?? noFindings())
        if (!admits(record, entry) || !waits(entry)) continue
        for (const { id, status, reason } of entry.findings.absorbed) inbound.set(`${entry.key.tenant} ${id}`, { status, reason })
        addFindings(record.findings, entry)
        records.set(name, record)
        announced.delete(name)
        record.rows.push({
          position: { sequence: entry.previous.sequence + 1, entry: entry.id },
          update: entry.update.slice(),
          authors: structuredClone(entry.authors),
          at: entry.at,
        })
        admitted.add(entry.id)
      }
      return admitted
    },

    async stored(entries) {
      const found = entries.filter((entry) => {
        const record = find(entry.key)
        return record !== undefined && entryAt(record, entry.previous.sequence + 1) === entry.id
      })
      return new Set(found.map((entry) => entry.id))
    },

    async load(key): Promise<StoredRecord | undefined> {
      const record = find(key)
      if (record === undefined) return undefined
      const { createdAt, createdBy, erased, snapshot } = record
      const tail = record.rows.slice(snapshot?.position.sequence ?? 0).map(copyRow)
      const updatedAt = tail.at(-1)?.at ?? record.snapshotAt
      return { key: record.key, createdAt, createdBy, erased, snapshot: snapshot && copySnapshot(snapshot), updatedAt, tail }
    },

    async readAfter(key, after, limit) {
      return (find(key)?.rows ?? []).slice(after, after + limit).map(copyRow)
    },

    async heads(keys) {
      return keys.map((key) => {
        const record = find(key)
        return record && headOf(record)
      })
    },

    async swapSnapshot(key, from, snapshot) {
      const record = find(key)
      const { sequence, entry } = snapshot.position
      if (record === undefined || record.erased) return false
      if ((record.snapshot?.position.sequence ?? 0) !== from || sequence <= from) return false
      const row = record.rows[sequence - 1]
      if (row?.position.entry !== entry) return false
      record.snapshot = copySnapshot(snapshot)
      record.snapshotAt = row.at
      return true
    },

    async quarantine(row) {
      const rows = quarantine.get(keyString(row.key)) ?? []
      if (rows.some((kept) => kept.id === row.id)) return
      quarantine.set(keyString(row.key), [...rows, { ...row, bytes: row.bytes.slice() }].slice(-QUARANTINE_PER_RECORD))
    },

    async ledger(key, sequence) {
      const waiting = [...(aside.get(keyString(key))?.values() ?? [])].sort((one, other) => one.at - other.at)
      const restored = restoredUntil !== undefined && restoredUntil > now()
      const findings = find(key)?.findings ?? announced.get(keyString(key)) ?? noFindings()
      return ledgerOf(findings, sequence, waiting, restored)
    },

    async bind(claims) {
      for (const claim of claims) {
        const record = find(claim.key)
        if (record?.erased === true) continue
        const name = keyString(claim.key)
        const findings = record?.findings ?? announced.get(name) ?? noFindings()
        if (record === undefined) announced.set(name, findings)
        announce(findings, claim)
      }
    },

    async setAside(row) {
      const rows = aside.get(keyString(row.key)) ?? new Map<string, SetAsideRow>()
      aside.set(keyString(row.key), rows.set(row.author.sub, structuredClone(row)))
    },

    async heldBack(tenant, id) {
      return structuredClone(heldBack().find((row) => row.key.tenant === tenant && row.id === id))
    },

    async dropHeldBack(tenant, id) {
      const row = heldBack().find((held) => held.key.tenant === tenant && held.id === id)
      if (row === undefined) return false
      const place = keyString(row.key)
      if (row.state === 'set-aside') aside.get(place)?.delete(row.author.sub)
      else quarantine.set(place, quarantine.get(place)?.filter((kept) => kept.id !== id) ?? [])
      return true
    },

    async page(tenant, type, after, limit) {
      const ids: RecordId[] = []
      for (const { key, erased } of records.values()) {
        if (key.tenant === tenant && key.type === type && key.id > after && !erased) ids.push(key.id)
      }
      return ids.sort().slice(0, limit)
    },

    async hasOthers(tenant) {
      return [...records.values()].some(({ key }) => key.tenant !== tenant)
    },

    dump: () => structuredClone({ records, quarantine, aside, announced, restoredUntil, inbound }),
    restore(dump) {
      const copy = structuredClone(dump)
      records = new Map(copy.records)
      quarantine = new Map(copy.quarantine)
      aside = new Map([...copy.aside].map(([key, rows]) => [key, new Map(rows)]))
      announced = new Map(copy.announced)
      restoredUntil = copy.restoredUntil
      inbound = new Map(copy.inbound)
    },
    erase(key) {
      const record = find(key)
      if (record === undefined) return
      record.erased = true
      record.snapshot = undefined
      record.rows.length = 0
      record.findings = noFindings()
      quarantine.delete(keyString(key))
      aside.delete(keyString(key))
    },
    markRestored(until) {
      restoredUntil = until
    },
    schemaVersion: (key) => find(key)?.schemaVersion,
    serverItems: (key) => (find(key)?.findings.marks ?? []).map(({ sequence: _, ...mark }) => mark),
    changes: (key) => find(key)?.findings.changes ?? [],
    conflicts: (key) => [...(find(key)?.findings.conflicts.values() ?? [])],
    marks: (key) => (find(key)?.rows ?? []).map((row) => row.position.sequence),
    capture: (tenant, id) => void inbound.set(`${tenant} ${id}`, { status: 'pending', reason: null }),
    captured: (tenant, id) => inbound.get(`${tenant} ${id}`),
    quarantined: (key) => quarantine.get(keyString(key)) ?? [],
  }
}

function emptyRecord(first: JudgedEntry, findings: MemoryFindings): MemoryRecord {
  return {
    key: first.key,
    schemaVersion: first.schemaVersion,
    createdAt: first.at,
    createdBy: first.authors[0]?.sub ?? '',
    erased: false,
    snapshot: undefined,
    snapshotAt: 0,
    rows: [],
    findings,
  }
}

function admits(record: MemoryRecord, entry: JudgedEntry): boolean {
  const head = headOf(record)
  if (contests(record.findings, entry)) return false
  return !record.erased && head.sequence === entry.previous.sequence && head.entry === entry.previous.entry
}

function headOf(record: MemoryRecord): Position {
  return record.rows.at(-1)?.position ?? { sequence: 0, entry: '' }
}

function entryAt(record: MemoryRecord, sequence: number): string | undefined {
  return record.rows[sequence - 1]?.position.entry
}

function copyRow({ position, update, at }: MemoryRow): LogRow {
  return { position: { ...position }, update: update.slice(), at }
}

function copySnapshot({ position, update, stateVector }: Snapshot): Snapshot {
  return { position: { ...position }, update: update.slice(), stateVector: stateVector.slice() }
}
