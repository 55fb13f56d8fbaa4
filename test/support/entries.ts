/**
 * Entries as tests make them, judged by nobody, and chains of them.
 */
import { randomUUID } from 'node:crypto'
import { parseRecordId, parseTenant, type RecordId, type RecordKey, type Tenant } from '@rapport/shared/ids.ts'
import { type JudgedEntry, ORIGIN, type Position } from '../../server/log/entry.ts'
import { NO_FINDINGS } from '../../server/log/findings.ts'
import type { LogStore } from '../../server/log/log-store.ts'

export function freshTenant(): Tenant {
  return parseTenant(`t-${randomUUID()}`) as Tenant
}

export function recordKey(id = 'r1', tenant = freshTenant(), type = 'contact'): RecordKey {
  return { tenant, type, id: parseRecordId(id) as RecordId }
}

export function entryOf(key: RecordKey, previous: Position = ORIGIN, given: Partial<JudgedEntry> = {}): JudgedEntry {
  const entry = {
    key,
    id: randomUUID(),
    previous,
    schemaVersion: 1,
    update: Uint8Array.of(0, 0),
    authors: [{ sub: 'ada', role: 'rep' }],
    findings: NO_FINDINGS,
    at: 1_800_000_000_123,
    ...given,
  }
  return entry as unknown as JudgedEntry
}

export function positionOf(entry: JudgedEntry): Position {
  return { sequence: entry.previous.sequence + 1, entry: entry.id }
}

/** Writes `count` entries one behind the other, and answers with them. */
export async function writeChain(
  store: LogStore,
  key: RecordKey,
  count: number,
  from: Position = ORIGIN,
): Promise<JudgedEntry[]> {
  const entries: JudgedEntry[] = []
  let previous = from
  for (let written = 0; written < count; written++) {
    const entry = entryOf(key, previous, { update: Uint8Array.of(written & 255, written >> 8) })
    if (!(await store.insert([entry])).has(entry.id)) throw new Error(`entry ${written + 1} of the chain was not admitted`)
    entries.push(entry)
    previous = positionOf(entry)
  }
  return entries
}
