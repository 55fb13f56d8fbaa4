/** The writers of a fault run: several records, several writers each, and the comparison of their books with what is stored. */

import { systemClock } from '@rapport/shared/clock.ts'
import { uuidv7 } from '@rapport/shared/ids.ts'
import { readKeys } from './keys.ts'
import { createWriter, type Writer } from './writer.ts'

/** Where a server is reached, and with which token. */
export interface Address {
  readonly host: string
  readonly token: string
}

export interface FleetRecord {
  readonly id: string
  readonly writers: readonly Writer[]
}

export interface Verdict {
  readonly acknowledged: number
  /** Acknowledged, and missing: must be 0 (P1). */
  readonly lost: number
  /** Shown to another client, and missing: must be 0 (P2). */
  readonly unsaved: number
  /** Stored, although its author had not been told: it was in the middle of its commit when the fault came. */
  readonly caughtInCommit: number
}

export const NOTHING: Verdict = { acknowledged: 0, lost: 0, unsaved: 0, caughtInCommit: 0 }

const RECORDS = 8
const WRITERS_PER_RECORD = 2
/** Edits that each writer keeps unacknowledged: enough that a commit is nearly always under way. */
const WINDOW = 8

export function createFleet(): readonly FleetRecord[] {
  return Array.from({ length: RECORDS }, () => ({
    id: uuidv7(systemClock),
    writers: Array.from({ length: WRITERS_PER_RECORD }, createWriter),
  }))
}

export function writersOf(fleet: readonly FleetRecord[]): readonly Writer[] {
  return fleet.flatMap(({ writers }) => writers)
}

export async function connectFleet(fleet: readonly FleetRecord[], address: Address): Promise<void> {
  await Promise.all(fleet.flatMap(({ id, writers }) => writers.map((writer) => writer.connect(`${urlOf(id, address)}&ack=echo`))))
}

export function startWriting(fleet: readonly FleetRecord[]): void {
  for (const writer of writersOf(fleet)) writer.write(WINDOW)
}

/** What a fresh reader finds of a fleet's records, against the books. */
export async function judgeFleet(fleet: readonly FleetRecord[], address: Address): Promise<Verdict> {
  let verdict = NOTHING
  for (const { id, writers } of fleet) {
    const stored = await readKeys(urlOf(id, address))
    const missing = (keys: readonly string[]): number => keys.filter((key) => !stored.has(key)).length
    for (const writer of writers) {
      const open = writer.unacknowledged()
      verdict = add(verdict, {
        acknowledged: writer.acknowledged().length,
        lost: missing(writer.acknowledged()),
        unsaved: missing(writer.shown()),
        caughtInCommit: open.length - missing(open),
      })
    }
  }
  return verdict
}

/** Waits until every writer has been told that all it wrote is saved; `false` if that takes longer than `limit` milliseconds. */
export async function settled(fleet: readonly FleetRecord[], limit: number): Promise<boolean> {
  const deadline = performance.now() + limit
  for (const writer of writersOf(fleet)) {
    while (writer.unacknowledged().length > 0) {
      if (performance.now() > deadline) return false
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  return true
}

export function add(one: Verdict, other: Verdict): Verdict {
  return {
    acknowledged: one.acknowledged + other.acknowledged,
    lost: one.lost + other.lost,
    unsaved: one.unsaved + other.unsaved,
    caughtInCommit: one.caughtInCommit + other.caughtInCommit,
  }
}

function urlOf(id: string, { host, token }: Address): string {
  return `ws://${host}/sync/contact/${id}?token=${token}`
}
