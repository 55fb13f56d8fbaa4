/**
 * Server processes for tests of rooms: the real log, registry, rooms and judge, on a store in memory whose calls can be held
 * back, watched and made to fail, and on a clock that stands still until a test moves it.
 */

import type { Clock } from '@rapport/shared/clock.ts'
import type { SyncError } from '@rapport/shared/errors.ts'
import type { RecordKey } from '@rapport/shared/ids.ts'
import { requireType } from '@rapport/shared/records/record-types.ts'
import * as Y from 'yjs'
import type { Policy } from '../../../server/access/policy.ts'
import type { Principal, Role } from '../../../server/auth/principal.ts'
import type { Room } from '../../../server/document/handle.ts'
import { createRegistry, type Registry } from '../../../server/document/registry.ts'
import type { CommittedEntry, Subscriber } from '../../../server/document/subscriber.ts'
import { createLocalHints, type Hints } from '../../../server/fanout/hints.ts'
import type { LogStore } from '../../../server/log/log-store.ts'
import { createUpdateLog, type UpdateLog } from '../../../server/log/update-log.ts'
import { createMetrics, type Metrics } from '../../../server/observability/metrics.ts'
import { silent } from '../../support/database.ts'
import { createMemoryLogStore, type MemoryLogStore } from '../../support/memory-log-store.ts'
import { createFakeClock, type FakeClock } from '../gateway/fake-clock.ts'

export interface Instance {
  readonly registry: Registry
  readonly log: UpdateLog
  readonly clock: FakeClock
  readonly metrics: Metrics
}

export interface Stage extends Instance {
  readonly memory: MemoryLogStore
  /** Calls of the store so far, by name; failed ones count. */
  calls(name: keyof LogStore): number
  /** From now on calls of this name wait for the answer's `let`, or throw what is given. */
  hold(name: keyof LogStore, thrown?: unknown): { let(): void }
  /** Puts another call in place of one of the store's. */
  replace<Name extends keyof LogStore>(name: Name, call: LogStore[Name]): void
  /** Another process on the same store; it hears no hints unless it is `hinted`. */
  another(hinted?: boolean): Instance
}

export interface StageOptions {
  readonly maxRecordBytes?: number
  readonly idleBytes?: number
  readonly policy?: Policy
}

/** A value that the database refuses, always. */
/** Somebody holds a row that the statement needs. */
export class RowHeld extends Error {}

export class DataRefused extends Error {}

export function createStage(options: StageOptions = {}): Stage {
  const memory = createMemoryLogStore()
  const counts = new Map<string, number>()
  const held = new Map<string, { thrown: unknown; open: Promise<void> }>()
  const bus = createLocalHints()
  const target: LogStore = { ...memory }

  async function pass(name: string): Promise<void> {
    counts.set(name, (counts.get(name) ?? 0) + 1)
    const hold = held.get(name)
    if (hold?.thrown !== undefined) throw hold.thrown
    await hold?.open
  }
  const store = Object.fromEntries(
    Object.keys(memory).map((name) => [
      name,
      async (...given: readonly unknown[]) => {
        await pass(name)
        return await (target as unknown as Record<string, (...given: readonly unknown[]) => unknown>)[name]?.(...given)
      },
    ]),
  ) as unknown as LogStore

  const instance = (hints: Hints): Instance => {
    const clock = createSteadyClock()
    const metrics = createMetrics()
    const classify = (thrown: unknown) =>
      thrown instanceof DataRefused ? 'data' : thrown instanceof RowHeld ? 'contended' : 'transient'
    const log = createUpdateLog({ store, classify, clock, log: silent, metrics })
    const registry = createRegistry({
      log,
      hints,
      clock,
      logger: silent,
      metrics,
      newEntryId: () => `entry-${clock.random32()}`,
      typeOf: requireType,
      maxRecordBytes: options.maxRecordBytes ?? 1024 * 1024,
      ...(options.idleBytes !== undefined && { idleBytes: options.idleBytes }),
      ...(options.policy !== undefined && { policy: options.policy }),
    })
    return { registry, log, clock, metrics }
  }

  return {
    ...instance(bus.join()),
    memory,
    calls: (name) => counts.get(name) ?? 0,
    hold(name, thrown) {
      let open: () => void = () => undefined
      const hold = { thrown, open: new Promise<void>((resolve) => (open = resolve)) }
      held.set(name, hold)
      return {
        let() {
          if (held.get(name) === hold) held.delete(name)
          open()
        },
      }
    },
    replace(name, call) {
      target[name] = call
    },
    another: (hinted = false) => instance(hinted ? bus.join() : createLocalHints().join()),
  }
}

let drawn = 0

/** Timers wait for the test; the end of a turn comes by itself. Never draws a number twice, in no process. */
export function createSteadyClock(): FakeClock {
  const clock: Clock = createFakeClock()
  return {
    ...(clock as FakeClock),
    soon: (run) => setImmediate(run),
    random32() {
      drawn += 1
      return 0x8000_0000 + drawn
    },
  }
}

/** Resolves when everything has happened that could without time passing. */
export async function settled(): Promise<void> {
  for (let turns = 0; turns < 12; turns += 1) await new Promise((resolve) => setImmediate(resolve))
}

/** Lets time pass in steps, so that what a timer starts can finish before the next one. */
export async function passing(clock: FakeClock, milliseconds: number): Promise<void> {
  const step = Math.max(milliseconds / 40, 1)
  for (let passed = 0; passed < milliseconds; passed += step) {
    await settled()
    clock.pass(step)
  }
  await settled()
}

export function principalOf(sub: string, role: Role = 'rep'): Principal {
  return { sub, roles: [role], teams: [], tenant: 't', expiresAt: Number.POSITIVE_INFINITY } as unknown as Principal
}

/** A connection that notes everything the room says to it, and a device behind it that takes in what it hears. */
export class Listener implements Subscriber {
  readonly principal: Principal
  readonly echo: boolean
  readonly document = new Y.Doc()
  readonly entries: { readonly sequence: number; readonly update: Uint8Array }[] = []
  readonly repeats: Uint8Array[] = []
  readonly asks: Uint8Array[] = []
  /** Submissions and bytes that are done with. */
  readonly done = { count: 0, bytes: 0 }
  readonly ends: SyncError[] = []

  constructor(sub: string, given: { readonly role?: Role; readonly echo?: boolean } = {}) {
    this.principal = principalOf(sub, given.role)
    this.echo = given.echo === true
  }

  update({ sequence, update }: CommittedEntry): void {
    this.entries.push({ sequence, update })
    Y.applyUpdate(this.document, update, 'server')
  }

  repeat(stored: () => Uint8Array): void {
    this.repeats.push(stored())
  }

  ask(stateVector: Uint8Array): void {
    this.asks.push(stateVector)
  }

  settled(count: number, bytes: number): void {
    this.done.count += count
    this.done.bytes += bytes
  }

  presence(): void {
    throw new Error('nobody announced any presence')
  }

  end(reason: SyncError): void {
    this.ends.push(reason)
  }

  /** The update of an edit on the device. */
  edit(change: (document: Y.Doc) => void): Uint8Array {
    return updateOf(this.document, change)
  }

  set(name: string, value: string): Uint8Array {
    return this.edit((document) => document.getMap('fields').set(name, value))
  }

  field(name: string): unknown {
    return this.document.getMap('fields').get(name)
  }
}

export function updateOf(document: Y.Doc, change: (document: Y.Doc) => void): Uint8Array {
  const updates: Uint8Array[] = []
  const collect = (update: Uint8Array): number => updates.push(update)
  document.on('update', collect)
  change(document)
  document.off('update', collect)
  return Y.mergeUpdates(updates)
}

/** Joins and takes in the committed state, as a connection does. */
export async function join(room: Room, listener: Listener): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    room.join(listener, (joined) => {
      if (joined.type === 'unavailable') return reject(joined.error)
      room.read(Y.encodeStateVector(listener.document), (diff) => {
        if (diff.type === 'unavailable') return reject(diff.error)
        Y.applyUpdate(listener.document, diff.value, 'server')
        resolve()
      })
    })
  })
}

/** What the store holds of a record. */
export async function storedDocument(store: LogStore, key: RecordKey): Promise<Y.Doc> {
  const stored = await store.load(key)
  const document = new Y.Doc()
  if (stored?.snapshot !== undefined) Y.applyUpdate(document, stored.snapshot.update)
  for (const row of stored?.tail ?? []) Y.applyUpdate(document, row.update)
  return document
}
