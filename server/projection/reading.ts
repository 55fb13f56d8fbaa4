/**
 * Reads records back from the log and maps them, before any transaction begins: nothing that takes long happens while rows are
 * locked. What is read is committed, and at least as new as any mark that was seen before.
 */
import type { Clock } from '@rapport/shared/clock.ts'
import type { RecordKey } from '@rapport/shared/ids.ts'
import { forward } from '@rapport/shared/mapping/forward.ts'
import type { Plan, Projection } from '@rapport/shared/mapping/plan.ts'
import * as Y from 'yjs'
import { headOf, type StoredRecord, updatesOf } from '../log/entry.ts'
import { applyStoredInTurns } from '../log/replay.ts'
import type { UpdateLog } from '../log/update-log.ts'
import { classifyFailure } from './failure.ts'
import type { Faulty } from './marks.ts'

/** A record as its rows should be. */
export interface Mapped {
  readonly type: 'mapped'
  readonly key: RecordKey
  /** Of the newest entry in it. */
  readonly sequence: number
  readonly projection: Projection
}

/** A record that cannot be read or mapped, or that its mapping keeps from its rows, by nobody else's fault. */
export interface Unreadable extends Faulty {
  readonly type: 'unreadable'
}

export interface Reading {
  /** In the order asked. */
  readonly items: readonly (Mapped | Unreadable)[]
  /** Erased, or not there. */
  readonly gone: readonly RecordKey[]
  /** How many of the keys were looked at: the rest would have been too much at once. */
  readonly taken: number
}

export interface ReadingDeps {
  readonly log: Pick<UpdateLog, 'load'>
  readonly clock: Clock
}

/** UTF-16 units of all projections of a batch as JSON, of which the first may exceed it alone. */
const BATCH_UNITS = 2_000_000

/** Throws only when the database is lost. Lets other work have its turn between records. */
export async function readRecords(deps: ReadingDeps, plan: Plan, keys: readonly RecordKey[]): Promise<Reading> {
  const items: (Mapped | Unreadable)[] = []
  const gone: RecordKey[] = []
  let units = 0
  let taken = 0
  for (const key of keys) {
    if (units > BATCH_UNITS) break
    taken += 1
    const item = await readRecord(deps, plan, key)
    if (item === undefined) gone.push(key)
    else items.push(item)
    if (item?.type === 'mapped') units += JSON.stringify(item.projection).length
    await new Promise<void>((resolve) => deps.clock.soon(resolve))
  }
  return { items, gone, taken }
}

async function readRecord({ log, clock }: ReadingDeps, plan: Plan, key: RecordKey): Promise<Mapped | Unreadable | undefined> {
  // Of a record that cannot even be loaded all marks go; it is tried again when it is time.
  let sequence = Number.MAX_SAFE_INTEGER
  try {
    const stored = await log.load(key)
    if (stored === undefined || stored.erased) return undefined
    sequence = headOf(stored).sequence
    const projection = await project(plan, stored, clock)
    if (projection.blocked !== undefined) return { type: 'unreadable', key, sequence, fault: projection.blocked }
    return { type: 'mapped', key, sequence, projection }
  } catch (thrown) {
    const cause = (thrown as { readonly cause?: unknown } | undefined)?.cause
    if (sequence === Number.MAX_SAFE_INTEGER && classifyFailure(cause) !== 'refused') throw cause
    return { type: 'unreadable', key, sequence, fault: 'The log of the record cannot be read back.' }
  }
}

async function project(plan: Plan, stored: StoredRecord, clock: Clock): Promise<Projection> {
  const document = new Y.Doc()
  try {
    await applyStoredInTurns(document, updatesOf(stored), clock)
    return forward(plan, { key: stored.key, sequence: headOf(stored).sequence, document })
  } finally {
    document.destroy()
  }
}
