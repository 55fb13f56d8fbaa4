/**
 * One live record: its document, its subscribers, and the loop that orders all that happens to it.
 *
 * At most one entry is in flight. While it is, the document is ahead of the database and nothing is read from it; what arrives
 * waits in the inbox. Between two entries, in the gap, the document equals the committed one, and there every read is
 * served (P2), duplicates are acknowledged, and news from other instances is taken in. If an entry does not come back
 * committed, the document is thrown away and rebuilt from the log, and its submissions are judged again.
 *
 * Leaves out: permissions (`access/judge.ts`), storage (`log/`), keeping up with it (`catch-up.ts`), wire format (`gateway/`).
 */
import { SyncError, toSyncError } from '@rapport/shared/errors.ts'
import * as Y from 'yjs'
import { type Judgement, judge, type Verdict } from '../access/judge.ts'
import { preScan } from '../access/pre-scan.ts'
import { createServerClient, type KeptClient } from '../access/server-client.ts'
import { MalformedUpdate } from '../access/update-reader.ts'
import type { Hint } from '../fanout/hints.ts'
import type { AppendOutcome, DurableSequence, JudgedEntry, Position } from '../log/entry.ts'
import { createCatchUp } from './catch-up.ts'
import { CompactionGauge } from './compaction-gauge.ts'
import { GapQueue } from './gap-queue.ts'
import type { Answer, Terms } from './handle.ts'
import type { Rebuilt } from './history.ts'
import { Inbox, type Waiting } from './inbox.ts'
import type { LiveRoom, RoomDeps, RoomState } from './live-room.ts'
import { committed, Membership } from './membership.ts'
import { overgrows, sizeBefore } from './size-limit.ts'
import type { Subscriber } from './subscriber.ts'
import { createVerdicts, isCurrent, soleAuthor } from './verdicts.ts'

/** Bytes of a state vector that any record's replica may have: 5,000 client ids and more. */
const VECTOR_BYTES = 64 * 1024
/** Milliseconds that judging takes at a stretch, but for a single submission; what has not had its turn waits for the next entry. */
const JUDGING = 20
/** Milliseconds for which another instance counts as writing the same record. */
const CONTENDED = 1_000

const NO_TERMS: Terms = { bytes: 0, frees: false }

/** An entry on its way to the log, and what it was made of. */
interface Flight {
  readonly batch: readonly Waiting[]
  readonly verdicts: readonly Verdict[]
  readonly entry: JudgedEntry
}

/** `kept` is the client id that this process used when it unloaded the record; `ended` is called once, when the room is over. */
export function createRoom(deps: RoomDeps, start: Rebuilt, kept: KeptClient | undefined, ended: () => void): LiveRoom {
  const { key, clock, logger, presence, maxRecordBytes } = deps
  const inbox = new Inbox()
  const reads = new GapQueue(clock)
  const members = new Membership()
  const joining = new Set<Subscriber>()
  const server = createServerClient(clock, kept)
  const compaction = new CompactionGauge(start.tail)
  const state: RoomState = { record: start, busy: false, over: undefined, contendedAt: Number.NEGATIVE_INFINITY }
  const verdicts = createVerdicts(deps, state, { inbox, members, inGap, recheck })
  const log = createCatchUp(deps, state, { members, server, compaction, resume, end })
  let scheduled = false
  /** The newest hint that has not been followed. */
  let news: Hint | undefined
  const awaitingQuiet: (() => void)[] = []

  // The loop.

  /** Takes a turn once the events that are already here have been heard, so that they share its entry. */
  function schedule(): void {
    if (scheduled || state.busy || state.over !== undefined) return
    scheduled = true
    clock.soon(() => {
      scheduled = false
      guarded(turn)
    })
  }

  /** A defect of ours takes this record out of service, and nothing else with it. */
  function guarded(step: () => void): void {
    try {
      step()
    } catch (cause) {
      end(new SyncError('out_of_service', 'an unexpected failure', { cause }))
    }
  }

  function turn(): void {
    if (state.busy || state.over !== undefined) return
    reads.serve()
    followNews()
    if (!state.busy) consider(inbox.take())
    if (inbox.length > 0 || reads.length > 0) schedule()
    if (quiet()) for (const tell of awaitingQuiet.splice(0)) tell()
  }

  function followNews(): void {
    const hint = news
    news = undefined
    if (hint !== undefined) log.follow(hint)
  }

  /** Judges what arrived; what is new goes on its way to the log. */
  function consider(taken: readonly Waiting[]): void {
    const { replica, position } = state.record
    if (taken.length === 0) return
    const covered = taken.every(({ submission }) => submission.type === 'update' && replica.covers(submission.update))
    if (covered) return verdicts.conclude(taken, [], false)
    const submissions = taken.map((waiting) => waiting.submission)
    const before = sizeBefore(replica, maxRecordBytes)
    const since = clock.elapsed()
    let judgement: Judgement
    try {
      judgement = judge({
        key,
        document: replica.document(),
        position,
        submissions,
        enough: () => clock.elapsed() - since >= JUDGING,
        server,
        type: deps.type,
        entryId: deps.newEntryId(),
        now: clock.now(),
      })
    } catch (error) {
      return disown(taken, error)
    }
    const { entry } = judgement
    const batch = taken.slice(0, judgement.verdicts.length)
    inbox.putBack(taken.slice(batch.length))
    if (entry === undefined) return verdicts.conclude(batch, judgement.verdicts, false)
    if (overgrows(replica, before, entry, submissions.slice(0, batch.length), maxRecordBytes))
      return disown(batch, new SyncError('too_large', 'the record would exceed its size limit'))
    state.busy = true
    const sent = clock.elapsed()
    void deps.log
      .append(entry)
      .then((outcome) => guarded(() => settle({ batch, verdicts: judgement.verdicts, entry }, outcome, clock.elapsed() - sent)))
  }

  /** The answer for the entry in flight; `took` milliseconds. */
  function settle(flight: Flight, outcome: AppendOutcome, took: number): void {
    if (state.over !== undefined) {
      // Too late for subscribers; but whoever awaits an edit hears what became of it.
      if (outcome.type === 'committed') verdicts.conclude(flight.batch, flight.verdicts, true)
      else verdicts.abandon(flight.batch, state.over)
      return
    }
    switch (outcome.type) {
      case 'committed':
        commit(flight, outcome.sequence)
        // Alone, a room goes on at once; with another instance at the same record, each leaves the other a turn.
        if (clock.elapsed() - state.contendedAt < CONTENDED) clock.after(took, resume)
        else resume()
        return
      case 'outrun':
        state.contendedAt = clock.elapsed()
        inbox.putBack(flight.batch)
        return void log.reload()
      case 'refused':
        return disown(flight.batch, new SyncError('refused', outcome.reason))
      case 'closed':
        inbox.putBack(flight.batch)
        return end(new SyncError('draining', 'the server is shutting down'))
      default:
        return outcome satisfies never
    }
  }

  /** The entry is durable: everybody may see it now, and its authors hear that it is. */
  function commit({ batch, verdicts: given, entry }: Flight, sequence: DurableSequence): void {
    const { id, previous, update, at, authors, findings } = entry
    const { replica } = state.record
    const position = { sequence, entry: id }
    replica.changed(update.length)
    state.record = { ...state.record, position, updatedAt: at }
    if (previous.sequence === 0) state.record = { ...state.record, createdAt: at, createdBy: authors[0]?.sub ?? '' }
    members.deliver(committed(sequence, update, replica), findings.marks.length > 0 ? undefined : soleAuthor(batch, given))
    verdicts.conclude(batch, given, true)
    deps.hints.publish({ key, previous, position, update, at })
    compaction.grow(update.length)
    compactIfDue()
  }

  /** The document equals committed state again. */
  function resume(): void {
    state.busy = false
    schedule()
  }

  /**
   * A batch cannot be applied, kept or stored. Alone, a submission is guilty; of several, each is tried by itself, and so is an
   * edit once more on what is read from the log, which may be newer.
   */
  function disown(batch: readonly Waiting[], error: unknown): void {
    const [only, ...more] = batch
    const { sequence } = state.record.position
    if (only === undefined || more.length > 0) {
      inbox.putBack(batch)
      inbox.isolate(batch.length)
    } else if (only.submission.type === 'update' || isCurrent(only, sequence)) verdicts.condemn(only, error)
    else {
      inbox.putBack([{ ...only, checked: sequence }])
      inbox.isolate(1)
    }
    void log.reload()
  }

  function recheck(batch: readonly Waiting[]): void {
    const asOf = state.record.position
    deps.log.heads([key]).then(
      ([head]) => {
        if (state.over !== undefined) return verdicts.abandon(batch, state.over)
        compare(head, asOf)
        // Of several looks the earliest suffices, and the lowest: a database may have been put back meanwhile.
        const sequence = head?.sequence ?? 0
        for (const waiting of batch) inbox.add({ ...waiting, checked: Math.min(waiting.checked ?? sequence, sequence) })
        schedule()
      },
      (error: unknown) => {
        for (const waiting of batch) verdicts.refuse(waiting, toSyncError(error))
      },
    )
  }

  function compare(head: Position | undefined, asOf: Position): void {
    if (!state.busy && state.over === undefined && state.record.position.entry === asOf.entry) log.compare(head)
  }

  function compactIfDue(): void {
    if (compaction.claim()) void deps.log.compact(key).then((compacted) => compaction.done(compacted?.bytes))
  }

  // Reads. They are served in a gap: now, if this is one, or in the next.

  function inGap<T>(serve: () => T, answer: (outcome: Answer<T>) => void): void {
    const served = (): void => answer(outcomeOf(serve))
    const failed = (error: SyncError): void => answer({ type: 'unavailable', error })
    if (state.over !== undefined) return failed(state.over)
    if (!state.busy && reads.serveNow(served)) return
    reads.add(served, failed)
    schedule()
  }

  function quiet(): boolean {
    return !state.busy && inbox.length === 0 && reads.length === 0
  }

  function end(reason: SyncError): void {
    if (state.over !== undefined) return
    state.over = reason
    if (reason.level === 'error') logger.error({ err: reason, type: key.type, id: key.id }, 'a record went out of service')
    reads.fail(reason)
    verdicts.abandon(inbox.clear(), reason)
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
        return state.record.replica.stateVector()
      }
      inGap(register, answer)
    },
    leave(subscriber) {
      joining.delete(subscriber)
      members.remove(subscriber)
      presence.leave(subscriber)
    },
    read(stateVector, answer) {
      inGap(() => {
        const { replica } = state.record
        // A replica of this record knows about as many clients as the record does.
        const longest = Math.max(VECTOR_BYTES, 4 * replica.stateVector().length)
        if (stateVector.length <= longest && isStateVector(stateVector)) return replica.diff(stateVector)
        throw new SyncError('malformed', 'this is no state vector of the record')
      }, answer)
    },
    submit(subscriber, update) {
      const bytes = update.length
      if (state.over !== undefined) return subscriber.settled(1, bytes)
      try {
        const submission = { type: 'update', principal: subscriber.principal, update: preScan(update) } as const
        inbox.add({ submission, bytes, source: { type: 'socket', subscriber } })
        schedule()
      } catch (error) {
        if (!(error instanceof MalformedUpdate)) throw error
        subscriber.settled(1, bytes)
        verdicts.turnAway(subscriber, new SyncError('refused', `the update was refused: ${error.message}`))
      }
    },
    edit(principal, change, precondition, { bytes, frees, via = 'server', settles } = NO_TERMS) {
      if (state.over !== undefined) return Promise.reject(state.over)
      return new Promise((resolve, reject) => {
        const submission = { type: 'edit', principal, change, precondition, frees, via, settles } as const
        inbox.add({ submission, bytes, source: { type: 'caller', resolve, reject } })
        schedule()
      })
    },
    view(look) {
      const lookNow = () => {
        const { position, createdAt, createdBy, updatedAt, replica } = state.record
        return replica.look((document) => look({ key, sequence: position.sequence, createdAt, createdBy, updatedAt, document }))
      }
      return new Promise((resolve, reject) => {
        inGap(lookNow, (outcome) => (outcome.type === 'answer' ? resolve(outcome.value) : reject(outcome.error)))
      })
    },
    position: () => state.record.position,
    quiet,
    whenQuiet() {
      if (state.over !== undefined || quiet()) return Promise.resolve()
      return new Promise((resolve) => awaitingQuiet.push(resolve))
    },
    footprint: () => state.record.replica.footprint,
    hear(hint) {
      if (hint.position.sequence <= (news?.position.sequence ?? 0)) return
      news = hint
      schedule()
    },
    compare,
    cool() {
      if (quiet()) guarded(() => state.record.replica.freeze())
    },
    keep: () => server.keep(state.record.replica.stateVector()),
    end,
  }
}

/** What throws here must not take the room's turn with it. */
function outcomeOf<T>(serve: () => T): Answer<T> {
  try {
    return { type: 'answer', value: serve() }
  } catch (error) {
    return { type: 'unavailable', error: toSyncError(error) }
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
