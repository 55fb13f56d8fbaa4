/**
 * The rooms of this process: each record is loaded once, held while somebody uses it, and kept in memory afterwards as long
 * as there is room for it.
 *
 * What nobody edits goes back to bytes; what nobody holds leaves when memory is needed, least recently used first. A room that
 * is not quiet is never unloaded. Rooms in use are compared with the log's heads once a second, so a lost hint costs a
 * second; one that was only kept is compared before it is handed out again.
 */
import type { Clock, Timer } from '@rapport/shared/clock.ts'
import { SyncError } from '@rapport/shared/errors.ts'
import { keyString, type RecordKey } from '@rapport/shared/ids.ts'
import type { RecordType } from '@rapport/shared/schema/record-type.ts'
import { type Judge, judge } from '../access/judge.ts'
import { type Policy, shippedPolicy } from '../access/policy.ts'
import type { KeptClient } from '../access/server-client.ts'
import type { Hints } from '../fanout/hints.ts'
import type { UpdateLog } from '../log/update-log.ts'
import { limitHits } from '../observability/limits.ts'
import type { Logger } from '../observability/logger.ts'
import type { Metrics } from '../observability/metrics.ts'
import { Announced } from './announced.ts'
import { ClaimBook } from './claim-book.ts'
import type { Room } from './handle.ts'
import { rebuild } from './history.ts'
import type { LiveRoom } from './live-room.ts'
import { createPresence } from './presence.ts'
import { Recent } from './recent.ts'
import { Restoration } from './restoration.ts'
import { createRoom } from './room.ts'

export interface Registry {
  /**
   * The room of a record, loaded if need be; concurrent callers share the load. Rejects with a `SyncError`: `gone` (erased),
   * `out_of_service` (its log cannot be read back), `overload` (database away), `draining`. Each caller releases it once.
   */
  acquire(key: RecordKey): Promise<Room>
  release(room: Room): void
  /** Commits what was received, up to `milliseconds`, and ends all subscribers with `draining`. */
  drain(milliseconds: number): Promise<void>
}

export interface RegistryDeps {
  readonly log: UpdateLog
  readonly hints: Hints
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly newEntryId: () => string
  /** The declaration under a type's name. Throws `not_found` if there is none. */
  readonly typeOf: (name: string) => RecordType
  /** Largest encoded record, bytes. */
  readonly maxRecordBytes: number
  /** The one that ships, unless said otherwise. */
  readonly policy?: Policy
  /** The judge, but for a bench that measures what judging costs. */
  readonly judge?: Judge
  /** What rooms that nobody holds may take of memory together, bytes. */
  readonly idleBytes?: number
}

/** Milliseconds. */
const HEADS_EVERY = 1_000
const COOL_EVERY = 5_000
/** Heads asked for in one statement; with more rooms in use they take turns. */
const HEADS_AT_ONCE = 2_000
const IDLE_BYTES = 64 * 1024 * 1024
/** Share of that which may be loaded between two looks at how much there is. */
const CHECK_SHARE = 1 / 8
/** Milliseconds that freezing may take at a stretch. */
const SWEEP_BUDGET = 10
/** What a room takes besides its content, bytes, roughly. */
const ROOM_BYTES = 4 * 1024
/** Unloaded records of which this process's client id is remembered, and records without a row, of which whose ids were announced. */
const KEPT_CLIENTS = 10_000
const KEPT_ANNOUNCED = 1_000

interface Resident {
  readonly room: LiveRoom
  holders: number
  /** Where it stood when it was last swept: a room that moved since is being edited. */
  swept: string
}

export function createRegistry(deps: RegistryDeps): Registry {
  const { log, clock, logger } = deps
  const idleBytes = deps.idleBytes ?? IDLE_BYTES
  /** In order of last use. */
  const residents = new Map<string, Resident>()
  const loading = new Map<string, Promise<Resident>>()
  const kept = new Recent<KeptClient>(KEPT_CLIENTS)
  const unwritten = new Recent<Announced>(KEPT_ANNOUNCED)
  const timers = new Map<() => void, Timer>()
  let draining = false
  let turn = 0
  let loadedBytes = 0
  deps.metrics.gauge('rapport_records_loaded', 'Records in memory', [], (gauge) => gauge.set(residents.size))
  const limitHit = limitHits(deps.metrics)
  const book = new ClaimBook(log, clock, logger, limitHit)
  const restoration = new Restoration(clock)
  const refusals = deps.metrics.counter('rapport_updates_refused_total', 'Submissions that were refused, by reason', ['reason'])

  const stopHearing = deps.hints.subscribe((hint) => residents.get(keyString(hint.key))?.room.hear(hint))
  every(HEADS_EVERY, compareHeads)
  every(COOL_EVERY, () => sweep())

  async function load(name: string, key: RecordKey): Promise<Resident> {
    const start = await rebuild(log, key, deps.clock)
    const client = kept.take(name)
    const announced = unwritten.take(name) ?? new Announced(key, book)
    if (start.position.sequence > 0) announced.recordStored()
    const room = createRoom(
      {
        key,
        type: deps.typeOf(key.type),
        log,
        hints: deps.hints,
        clock,
        logger,
        refusals,
        policy: deps.policy ?? shippedPolicy,
        judge: deps.judge ?? judge,
        presence: createPresence(
          clock,
          () => limitHit('presence'),
          (...claim) => announced.add(...claim),
        ),
        announced,
        restoration,
        limitHit,
        newEntryId: deps.newEntryId,
        maxRecordBytes: deps.maxRecordBytes,
      },
      start,
      client,
      () => {
        residents.delete(name)
        if (announced.onlyHere) unwritten.put(name, announced)
      },
    )
    // Before the new one is among them, which nobody holds yet.
    loadedBytes += room.footprint() + ROOM_BYTES
    if (loadedBytes > idleBytes * CHECK_SHARE) makeRoom()
    const resident = { room, holders: 0, swept: '' }
    residents.set(name, resident)
    // It was on its way when everything else ended.
    if (draining) room.end(new SyncError('draining', 'the server is shutting down'))
    return resident
  }

  /** A kept room may have missed hints while nobody held it. */
  async function compareKept(resident: Resident): Promise<void> {
    const asOf = resident.room.position()
    const [head] = await log.heads([resident.room.key])
    resident.room.compare(head, asOf)
  }

  /** Loads the record, or makes sure that what was kept of it is current; whoever asks meanwhile shares the answer. */
  async function current(name: string, key: RecordKey): Promise<Resident> {
    const here = residents.get(name)
    if (here !== undefined && here.holders > 0) return here
    let found = loading.get(name)
    if (found === undefined) {
      found = (here === undefined ? load(name, key) : compareKept(here).then(() => here)).finally(() => loading.delete(name))
      loading.set(name, found)
    }
    return found
  }

  function makeRoom(): void {
    loadedBytes = 0
    let idle = 0
    for (const { room, holders } of residents.values()) if (holders === 0) idle += room.footprint() + ROOM_BYTES
    for (const [name, { room, holders }] of residents) {
      if (idle <= idleBytes) return
      if (holders > 0 || !room.quiet()) continue
      idle -= room.footprint() + ROOM_BYTES
      unload(name, room)
    }
  }

  function unload(name: string, room: LiveRoom): void {
    const client = room.keep()
    if (client !== undefined) kept.put(name, client)
    room.end(new SyncError('draining', 'the record was unloaded'))
  }

  /** Takes a step of freezing at a time, since it encodes each record that was edited and then left alone. */
  function sweep(left: Iterator<Resident> = [...residents.values()].values()): void {
    const start = clock.elapsed()
    for (let next = left.next(); !next.done; next = left.next()) {
      const { entry } = next.value.room.position()
      if (entry === next.value.swept) next.value.room.cool()
      next.value.swept = entry
      if (clock.elapsed() - start > SWEEP_BUDGET) return clock.soon(() => sweep(left))
    }
    makeRoom()
  }

  async function compareHeads(): Promise<void> {
    const held = [...residents.values()].filter(({ holders }) => holders > 0)
    if (held.length === 0) return
    turn = turn < held.length ? turn : 0
    const asked = held.slice(turn, turn + HEADS_AT_ONCE).map(({ room }) => ({ room, asOf: room.position() }))
    turn += HEADS_AT_ONCE
    try {
      const heads = await log.heads(asked.map(({ room }) => room.key))
      for (const [index, { room, asOf }] of asked.entries()) room.compare(heads[index], asOf)
    } catch (error) {
      logger.debug({ err: error }, 'heads were not read; the next second will do')
    }
  }

  function every(milliseconds: number, run: () => void | Promise<void>): void {
    const again = (): void => {
      timers.set(run, clock.after(milliseconds, tick))
    }
    const tick = (): void => {
      void Promise.resolve(run()).then(() => {
        if (!draining) again()
      })
    }
    again()
  }

  /** While one room is waited for, another may be given something to commit. */
  async function allQuiet(): Promise<void> {
    for (;;) {
      const busy = [...residents.values()].filter(({ room }) => !room.quiet())
      if (busy.length === 0) return
      await Promise.all(busy.map(({ room }) => room.whenQuiet()))
    }
  }

  return {
    async acquire(key) {
      const name = keyString(key)
      for (;;) {
        if (draining) throw new SyncError('draining', 'the server is shutting down')
        const found = await current(name, key)
        // Between the answer and this line it may have been unloaded again.
        if (residents.get(name) !== found) continue
        found.holders += 1
        residents.delete(name)
        residents.set(name, found)
        return found.room
      }
    },
    release(room) {
      const resident = residents.get(keyString(room.key))
      if (resident?.room !== room) return
      resident.holders -= 1
      if (resident.holders === 0 && resident.room.position().sequence === 0 && resident.room.quiet())
        resident.room.end(new SyncError('draining', 'nobody uses the record'))
    },
    async drain(milliseconds) {
      draining = true
      for (const timer of timers.values()) timer.cancel()
      stopHearing()
      const settled = allQuiet().then(() => book.close())
      await Promise.race([settled, new Promise<void>((resolve) => clock.after(milliseconds, resolve))])
      for (const { room } of [...residents.values()]) room.end(new SyncError('draining', 'the server is shutting down'))
    },
  }
}
