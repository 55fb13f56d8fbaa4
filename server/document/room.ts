/**
 * One live record: its document, its subscribers, and the loop that orders all that happens to it.
 *
 * At most one entry is in flight. While it is, the document is ahead of the database and nothing is read from it; what arrives
 * waits in the inbox. Between two entries, in the gap, the document equals the committed one, and there every read is
 * served (P2), duplicates are acknowledged, and news from other instances is taken in. If an entry does not come back
 * committed, the document is thrown away and rebuilt from the log, and its submissions are judged again.
 *
 * Leaves out: permissions (`access/judge.ts`), storage (`log/`), reading the log back (`history.ts`), wire format (`gateway/`).
 */
import { sleep } from '@rapport/shared/clock.ts'
import { SyncError, toSyncError } from '@rapport/shared/errors.ts'
import * as Y from 'yjs'
import { type Judgement, judge, type Verdict } from '../access/judge.ts'
import { isEmpty, preScan, type ScannedUpdate } from '../access/pre-scan.ts'
import { createServerClient, type KeptClient } from '../access/server-client.ts'
import { MalformedUpdate } from '../access/update-reader.ts'
import { authorOf } from '../auth/principal.ts'
import type { Hint } from '../fanout/hints.ts'
import type { AppendOutcome, DurableSequence, JudgedEntry, LogRow } from '../log/entry.ts'
import { durable } from '../log/update-log.ts'
import { CompactionGauge } from './compaction-gauge.ts'
import { GapQueue } from './gap-queue.ts'
import type { Answer } from './handle.ts'
import { type Missed, missedSince, type Rebuilt, rebuild } from './history.ts'
import { Inbox, type Waiting } from './inbox.ts'
import type { LiveRoom, RoomDeps } from './live-room.ts'
import { Membership } from './membership.ts'
import type { CommittedEntry, Subscriber } from './subscriber.ts'

/** Milliseconds: how long another instance counts as writing the same record; pauses between attempts to reach the log. */
const CONTENDED = 1_000
const FIRST_RETRY = 50
const LAST_RETRY = 2_000

const EMPTY_UPDATE = Uint8Array.of(0, 0)
const KNOWN: Verdict = { type: 'known' }

/** `kept` is the client id that this process used when it unloaded the record; `ended` is called once, when the room is over. */
export function createRoom(deps: RoomDeps, start: Rebuilt, kept: KeptClient | undefined, ended: () => void): LiveRoom {
  const { key, log, clock, logger, presence } = deps
  const inbox = new Inbox()
  const reads = new GapQueue(clock)
  const members = new Membership()
  const joining = new Set<Subscriber>()
  const server = createServerClient(clock, kept)
  const compaction = new CompactionGauge(start.tail)
  let record = start
  /** The document does not equal committed state: an entry is in flight, or it is being rebuilt. */
  let busy = false
  let scheduled = false
  /** Why the room serves nobody any more. */
  let over: SyncError | undefined
  /** The newest hint that has not been followed. */
  let news: Hint | undefined
  /** When another instance was last seen to write here. */
  let contendedAt = Number.NEGATIVE_INFINITY
  const awaitingQuiet: (() => void)[] = []

  // The loop.

  /** Takes a turn once the events that are already here have been heard, so that they share its entry. */
  function schedule(): void {
    if (scheduled || busy || over !== undefined) return
    scheduled = true
    clock.soon(() => {
      scheduled = false
      turn()
    })
  }

  function turn(): void {
    if (busy || over !== undefined) return
    reads.serve()
    if (news !== undefined) followNews(news)
    if (!busy && over === undefined) consider(inbox.take())
    if (inbox.length > 0 || reads.length > 0) schedule()
    if (quiet()) for (const tell of awaitingQuiet.splice(0)) tell()
  }

  /** Judges what arrived; what is new goes on its way to the log. */
  function consider(arrived: readonly Waiting[]): void {
    const batch = arrived.filter(fits)
    if (batch.length === 0) return
    if (batch.every(({ submission }) => submission.type === 'update' && record.replica.covers(submission.update))) {
      return conclude(
        batch,
        batch.map(() => KNOWN),
      )
    }
    let judgement: Judgement
    try {
      judgement = judge({
        key,
        document: record.replica.document(),
        position: record.position,
        submissions: batch.map((waiting) => waiting.submission),
        server,
        schemaVersion: deps.schemaVersion,
        entryId: deps.newEntryId(),
        now: clock.now(),
      })
    } catch (error) {
      return disown(batch, error)
    }
    const { entry, verdicts } = judgement
    if (entry === undefined) return conclude(batch, verdicts)
    busy = true
    const since = clock.elapsed()
    void log.append(entry).then((outcome) => settle(batch, verdicts, entry, outcome, clock.elapsed() - since))
  }

  function settle(
    batch: readonly Waiting[],
    verdicts: readonly Verdict[],
    entry: JudgedEntry,
    outcome: AppendOutcome,
    took: number,
  ): void {
    if (over !== undefined) return
    switch (outcome.type) {
      case 'committed':
        busy = false
        commit(batch, verdicts, entry, outcome.sequence)
        // Alone, a room goes on at once; with another instance at the same record, each leaves the other a turn.
        if (clock.elapsed() - contendedAt >= CONTENDED) return schedule()
        busy = true
        clock.after(took, resume)
        return
      case 'outrun':
        contendedAt = clock.elapsed()
        inbox.putBack(batch)
        return void reload()
      case 'refused':
        return disown(batch, new SyncError('refused', outcome.reason))
      case 'closed':
        inbox.putBack(batch)
        return end(new SyncError('draining', 'the server is shutting down'))
      default:
        return outcome satisfies never
    }
  }

  /** The entry is durable: everybody may see it now, and its authors hear that it is. */
  function commit(batch: readonly Waiting[], verdicts: readonly Verdict[], entry: JudgedEntry, sequence: DurableSequence): void {
    const { previous, update, at } = entry
    record.replica.changed(update.length)
    record = { ...record, position: { sequence, entry: entry.id }, updatedAt: at }
    if (previous.sequence === 0) record = { ...record, createdAt: at, createdBy: entry.authors[0]?.sub ?? '' }
    members.deliver(committed(sequence, update), entry.serverItems.length > 0 ? undefined : soleAuthor(batch, verdicts))
    conclude(batch, verdicts)
    deps.hints.publish({ key, previous, position: record.position, update, at })
    compaction.grow(update.length)
    compactIfDue()
  }

  function resume(): void {
    busy = false
    schedule()
  }

  /** One connection that all of an entry came from, and that wants no echo, needs no copy of it. */
  function soleAuthor(batch: readonly Waiting[], verdicts: readonly Verdict[]): Subscriber | undefined {
    const authors = new Set<Subscriber | undefined>()
    batch.forEach(({ source }, index) => {
      if (verdicts[index]?.type === 'admitted') authors.add(source.type === 'socket' ? source.subscriber : undefined)
    })
    const [only] = authors
    return authors.size === 1 && only?.echo === false ? only : undefined
  }

  // Verdicts. All of this happens in a gap.

  function conclude(batch: readonly Waiting[], verdicts: readonly Verdict[]): void {
    for (const [index, waiting] of batch.entries()) tell(waiting, verdicts[index] ?? KNOWN)
  }

  function tell(waiting: Waiting, verdict: Verdict): void {
    const { source, submission, bytes } = waiting
    if (verdict.type === 'refused') return refuse(waiting, verdict.error)
    if (source.type === 'caller') return source.resolve()
    const { subscriber } = source
    subscriber.settled(1, bytes)
    if (verdict.type === 'admitted') members.advanced(subscriber)
    else if (verdict.type === 'gap') members.ask(subscriber, record.replica.stateVector())
    else if (subscriber.echo && submission.type === 'update' && members.has(subscriber))
      subscriber.repeat(storedOf(submission.update))
  }

  function storedOf(update: ScannedUpdate): Uint8Array {
    return isEmpty(update) ? EMPTY_UPDATE : record.replica.contentOf(update)
  }

  /** Final for this submission and for the connection it came from. */
  function refuse(waiting: Waiting, error: SyncError): void {
    deps.refusals.inc({ reason: error.code })
    const { source } = waiting
    if (source.type === 'caller') return source.reject(error)
    const { subscriber } = source
    subscriber.settled(1, waiting.bytes)
    for (const dropped of inbox.drop(subscriber)) subscriber.settled(1, dropped.bytes)
    if (members.remove(subscriber)) subscriber.end(error)
  }

  /** Whether the record stays within its limit; only what adds structs can make it grow. */
  function fits(waiting: Waiting): boolean {
    const { submission, bytes } = waiting
    if (submission.type !== 'update' || submission.update.structs.length === 0) return true
    if (record.replica.size + bytes <= deps.maxRecordBytes) return true
    // The size is an estimate while edits add to it; encoding makes it exact.
    record.replica.freeze()
    if (record.replica.size + bytes <= deps.maxRecordBytes) return true
    refuse(waiting, new SyncError('too_large', 'the record would exceed its size limit'))
    return false
  }

  /** A batch could not be applied or stored. Alone, a submission is guilty; of several, each is tried by itself. */
  function disown(batch: readonly Waiting[], error: unknown): void {
    const [only] = batch
    if (batch.length === 1 && only !== undefined) condemn(only, error)
    else {
      inbox.putBack(batch)
      inbox.isolate(batch.length)
    }
    void reload()
  }

  function condemn(waiting: Waiting, error: unknown): void {
    if (waiting.submission.type === 'edit') return refuse(waiting, toSyncError(error))
    const { principal, update } = waiting.submission
    logger.error({ err: error, type: key.type, id: key.id, bytes: waiting.bytes }, 'an update was put into quarantine')
    refuse(waiting, new SyncError('refused', 'the update cannot be applied', { cause: error }))
    const reason = error instanceof SyncError ? error.message : 'it cannot be applied'
    log
      .quarantine({ id: deps.newEntryId(), key, reason, author: authorOf(principal), at: clock.now(), bytes: update.bytes })
      .catch((cause: unknown) => logger.error({ err: cause, type: key.type, id: key.id }, 'a quarantined update was not kept'))
  }

  // The log, and what others wrote to it.

  /** Throws the document away and takes what is stored, however long that takes. */
  async function reload(): Promise<void> {
    busy = true
    for (let pause = FIRST_RETRY; over === undefined; pause = Math.min(pause * 2, LAST_RETRY)) {
      try {
        const rebuilt = await rebuild(log, key)
        const missed = await missedSince(log, key, record.position)
        if (over === undefined) adopt(rebuilt, missed)
        return
      } catch (error) {
        const reason = toSyncError(error)
        if (reason.code !== 'overload') return end(reason)
        await sleep(clock, pause)
      }
    }
  }

  function adopt(rebuilt: Rebuilt, missed: Missed): void {
    const known = record.position
    record = rebuilt
    server.renew()
    compaction.reset(rebuilt.tail)
    const { replica, position } = record
    if (missed.type === 'replaced')
      logger.warn({ type: key.type, id: key.id }, 'the log no longer holds what was committed; asking clients')
    if (position.entry !== known.entry) {
      const rows = missed.type === 'continued' ? missed.rows.filter((row) => row.position.sequence <= position.sequence) : []
      // Rows that do not lead to what was loaded, or none: the whole state serves every subscriber.
      if (rows.at(-1)?.position.entry === position.entry) deliverRows(rows)
      else members.deliver(committed(durable(position), replica.diff(Uint8Array.of(0))), undefined)
    }
    if (missed.type === 'replaced') members.askAll(replica.stateVector())
    resume()
  }

  function followNews(hint: Hint): void {
    news = undefined
    const { position } = record
    if (hint.position.sequence <= position.sequence) return
    contendedAt = clock.elapsed()
    const next = hint.previous.entry === position.entry && hint.previous.sequence === position.sequence
    if (next && position.sequence > 0) absorb([hint])
    else void catchUp()
  }

  async function catchUp(): Promise<void> {
    // Who created the record, and when, stands in the record and not in its entries.
    if (record.position.sequence === 0) return reload()
    busy = true
    try {
      const missed = await missedSince(log, key, record.position)
      if (over !== undefined) return
      if (missed.type !== 'continued') return reload()
      busy = false
      absorb(missed.rows)
      schedule()
    } catch {
      return reload()
    }
  }

  function absorb(rows: readonly LogRow[]): void {
    try {
      for (const row of rows) record.replica.absorb(row.update)
    } catch (error) {
      logger.warn({ err: error, type: key.type, id: key.id }, 'a stored entry does not fit; rebuilding')
      return void reload()
    }
    const last = rows.at(-1)
    if (last === undefined) return
    record = { ...record, position: last.position, updatedAt: last.at }
    for (const row of rows) compaction.grow(row.update.length)
    deliverRows(rows)
  }

  function deliverRows(rows: readonly LogRow[]): void {
    const [last] = rows.slice(-1)
    if (last === undefined) return
    const update = rows.length === 1 ? last.update : Y.mergeUpdates(rows.map((row) => row.update))
    members.deliver(committed(durable(last.position), update), undefined)
  }

  function committed(sequence: DurableSequence, update: Uint8Array): CommittedEntry {
    return { sequence, update, stateVector: () => record.replica.stateVector() }
  }

  function compactIfDue(): void {
    if (compaction.claim()) void log.compact(key).then(() => compaction.done())
  }

  // Reads. They are served in a gap: now, if this is one, or in the next.

  function inGap<T>(serve: () => T, answer: (outcome: Answer<T>) => void): void {
    const served = (): void => answer({ type: 'answer', value: serve() })
    const failed = (error: SyncError): void => answer({ type: 'unavailable', error })
    if (over !== undefined) failed(over)
    else if (busy || reads.length > 0) reads.add(served, failed)
    else served()
  }

  function quiet(): boolean {
    return !busy && inbox.length === 0 && reads.length === 0
  }

  function end(reason: SyncError): void {
    if (over !== undefined) return
    over = reason
    if (reason.level === 'error') logger.error({ err: reason, type: key.type, id: key.id }, 'a record went out of service')
    reads.fail(reason)
    for (const { source, bytes } of inbox.clear()) {
      if (source.type === 'caller') source.reject(reason)
      else source.subscriber.settled(1, bytes)
    }
    members.endAll(reason)
    for (const tell of awaitingQuiet.splice(0)) tell()
    ended()
  }

  compactIfDue()

  return {
    key,
    presence,
    join(subscriber, answer) {
      joining.add(subscriber)
      const register = (): Uint8Array => {
        if (joining.delete(subscriber)) members.add(subscriber)
        return record.replica.stateVector()
      }
      inGap(register, answer)
    },
    leave(subscriber) {
      joining.delete(subscriber)
      members.remove(subscriber)
      presence.leave(subscriber)
    },
    read(stateVector, answer) {
      if (!isStateVector(stateVector)) {
        return answer({ type: 'unavailable', error: new SyncError('malformed', 'the state vector cannot be decoded') })
      }
      inGap(() => record.replica.diff(stateVector), answer)
    },
    submit(subscriber, update) {
      const bytes = update.length
      if (over !== undefined) return subscriber.settled(1, bytes)
      try {
        const submission = { type: 'update', principal: subscriber.principal, update: preScan(update) } as const
        inbox.add({ submission, bytes, source: { type: 'socket', subscriber } })
        schedule()
      } catch (error) {
        if (!(error instanceof MalformedUpdate)) throw error
        deps.refusals.inc({ reason: 'malformed' })
        subscriber.settled(1, bytes)
        for (const dropped of inbox.drop(subscriber)) subscriber.settled(1, dropped.bytes)
        if (members.remove(subscriber)) subscriber.end(new SyncError('refused', `the update was refused: ${error.message}`))
      }
    },
    edit(principal, change) {
      if (over !== undefined) return Promise.reject(over)
      return new Promise((resolve, reject) => {
        inbox.add({ submission: { type: 'edit', principal, change }, bytes: 0, source: { type: 'caller', resolve, reject } })
        schedule()
      })
    },
    view(look) {
      const lookNow = () => {
        const { position, createdAt, createdBy, updatedAt, replica } = record
        return replica.look((document) => look({ key, sequence: position.sequence, createdAt, createdBy, updatedAt, document }))
      }
      return new Promise((resolve, reject) => {
        inGap(lookNow, (outcome) => (outcome.type === 'answer' ? resolve(outcome.value) : reject(outcome.error)))
      })
    },
    position: () => record.position,
    quiet,
    whenQuiet() {
      if (over !== undefined || quiet()) return Promise.resolve()
      return new Promise((resolve) => awaitingQuiet.push(resolve))
    },
    footprint: () => record.replica.footprint,
    hear(hint) {
      if (hint.position.sequence <= (news?.position.sequence ?? 0)) return
      news = hint
      schedule()
    },
    compare(head, asOf) {
      if (busy || over !== undefined || record.position.entry !== asOf.entry || head?.entry === asOf.entry) return
      contendedAt = clock.elapsed()
      if (head !== undefined && head.sequence > asOf.sequence) void catchUp()
      else if (head !== undefined || asOf.sequence > 0) void reload()
    },
    cool() {
      if (quiet()) record.replica.freeze()
    },
    keep: () => server.keep(record.replica.stateVector()),
    end,
  }
}

function isStateVector(bytes: Uint8Array): boolean {
  try {
    Y.decodeStateVector(bytes)
    return true
  } catch {
    return false
  }
}
