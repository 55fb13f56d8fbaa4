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
import type { Judgement } from '../access/judge.ts'
import { dismissedByServer } from '../access/open-conflicts.ts'
import { createServerClient, type KeptClient } from '../access/server-client.ts'
import type { Hint } from '../fanout/hints.ts'
import type { AppendOutcome, DurableSequence, JudgedEntry, Position } from '../log/entry.ts'
import { createCatchUp } from './catch-up.ts'
import { CompactionGauge } from './compaction-gauge.ts'
import { allKnown } from './duplicates.ts'
import { GapQueue } from './gap-queue.ts'
import type { Rebuilt } from './history.ts'
import { Inbox, type Waiting } from './inbox.ts'
import { createLedgerKeeper } from './ledger-keeper.ts'
import type { LiveRoom, RoomDeps, RoomState } from './live-room.ts'
import { committed, Membership, NOT_OPEN } from './membership.ts'
import { createReading, ownerOf } from './reading.ts'
import { createSetAside } from './set-aside.ts'
import { overgrows, sizeBefore } from './size-limit.ts'
import { Slicing } from './slicing.ts'
import { createSubmitting } from './submitting.ts'
import { createVerdicts, isCurrent, soleAuthor } from './verdicts.ts'

/** Milliseconds for which another instance counts as writing the same record. */
const CONTENDED = 1_000

/** An entry on its way to the log, and what it was made of. */
interface Flight {
  readonly batch: readonly Waiting[]
  readonly judgement: Judgement
  readonly entry: JudgedEntry
}

const NEVER = Number.NEGATIVE_INFINITY

/** `kept` is the client id that this process used when it unloaded the record; `ended` is called once, when the room is over. */
export function createRoom(deps: RoomDeps, start: Rebuilt, kept: KeptClient | undefined, ended: () => void): LiveRoom {
  const { key, clock, logger, presence, maxRecordBytes } = deps
  const inbox = new Inbox()
  const reads = new GapQueue(clock)
  const members = new Membership(key.type, deps.policy)
  const server = createServerClient(clock, kept)
  const compaction = new CompactionGauge(start.tail)
  const slicing = new Slicing()
  const state: RoomState = { record: start, busy: false, over: undefined, replacedAt: NEVER, contendedAt: NEVER }
  const reading = createReading(deps, state, { reads, members, schedule })
  const aside = createSetAside(deps, state, {
    admit: (sender, update) => submitting.admit(sender, update),
    turnAway: (subscriber, error) => verdicts.turnAway(subscriber, error),
    idle: schedule,
  })
  const verdicts = createVerdicts(deps, state, { inbox, members, inGap: reading.inGap, recheck, setAside: aside.keep })
  const submitting = createSubmitting(state, { inbox, verdicts, reading, schedule })
  const ledger = createLedgerKeeper(deps, state, { awaiting: aside.learn, resume: goOn, end })
  const log = createCatchUp(deps, state, { members, server, compaction, ledger, moved, resume, end })
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
    if (!state.busy) consider(inbox.next())
    if (inbox.length > 0 || reads.length > 0) schedule()
    if (quiet()) for (const tell of awaitingQuiet.splice(0)) tell()
  }

  function followNews(): void {
    const hint = news
    news = undefined
    if (hint !== undefined) log.follow(hint)
  }

  /** Judges what arrived; what is new goes on its way to the log. */
  function consider(next: readonly Waiting[]): void {
    const { replica, position } = state.record
    if (next.length === 0) return
    const known = ledger.current()
    if (allKnown(replica, known, next)) return verdicts.conclude(inbox.take(), [], false)
    if (known === undefined) return ledger.load() ? consider(next) : undefined
    const document = replica.document()
    const taken = slicing.take(inbox, document)
    if (taken.length === 0) return
    verdicts.note(taken, document)
    const submissions = taken.map((waiting) => waiting.submission)
    const before = sizeBefore(replica, maxRecordBytes)
    const since = clock.elapsed()
    let judgement: Judgement
    try {
      judgement = deps.judge({
        policy: deps.policy,
        key,
        document,
        position,
        submissions,
        enough: () => clock.elapsed() - since >= slicing.enough,
        server,
        ledger: known,
        presenceOwner: (client) => deps.announced.ownerOf(client),
        newId: deps.newEntryId,
        type: deps.type,
        entryId: deps.newEntryId(),
        now: clock.now(),
      })
    } catch (error) {
      return disown(taken, error)
    }
    const { entry } = judgement
    const batch = taken.slice(0, judgement.verdicts.length)
    slicing.took(batch, clock.elapsed() - since)
    slicing.leave(taken.slice(batch.length), inbox)
    if (entry === undefined) return verdicts.conclude(batch, judgement.verdicts, false)
    if (overgrows(replica, before, entry, submissions.slice(0, batch.length), maxRecordBytes))
      return disown(batch, new SyncError('too_large', 'the record would exceed its size limit'))
    state.busy = true
    const sent = clock.elapsed()
    void deps.log
      .append(entry)
      .then((outcome) => guarded(() => settle({ batch, judgement, entry }, outcome, clock.elapsed() - sent)))
  }

  /** The answer for the entry in flight; `took` milliseconds. */
  function settle(flight: Flight, outcome: AppendOutcome, took: number): void {
    if (state.over !== undefined) {
      // Too late for subscribers; but whoever awaits an edit hears what became of it.
      if (outcome.type === 'committed') verdicts.conclude(flight.batch, flight.judgement.verdicts, true)
      else verdicts.abandon(flight.batch, state.over)
      return
    }
    switch (outcome.type) {
      case 'committed':
        slicing.committed()
        commit(flight, outcome.sequence)
        // Alone, a room goes on at once; with another instance at the same record, each leaves the other a turn.
        if (clock.elapsed() - state.contendedAt < CONTENDED) clock.after(took, resume)
        else resume()
        return
      case 'outrun':
        state.contendedAt = clock.elapsed()
        slicing.outrun()
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
  function commit({ batch, judgement, entry }: Flight, sequence: DurableSequence): void {
    const { id, previous, update, at, authors } = entry
    const { replica } = state.record
    const position = { sequence, entry: id }
    for (let left = dismissedByServer(entry.findings); left > 0; left -= 1) deps.limitHit('conflicts')
    replica.changed(update.length)
    state.record = { ...state.record, position, updatedAt: at }
    // What was set aside before the record was there is read before the next judging.
    if (previous.sequence === 0 && batch.some(({ submission }) => submission.type === 'update')) ledger.forget(true)
    if (previous.sequence === 0) state.record = { ...state.record, createdAt: at, createdBy: authors[0]?.sub ?? '' }
    moved()
    members.deliver(committed(sequence, update, replica), judgement.altered ? undefined : soleAuthor(batch, judgement.verdicts))
    verdicts.conclude(batch, judgement.verdicts, true)
    deps.hints.publish({ key, previous, position, update, at })
    compaction.grow(update.length)
    compactIfDue()
  }

  /** The document equals a later committed state, of which nobody has heard yet. */
  function moved(): void {
    if (state.record.position.sequence > 0) deps.announced.recordStored()
    for (const subscriber of members.barred(() => ownerOf(state))) verdicts.dismiss(subscriber, NOT_OPEN)
    aside.review()
  }

  /** The document equals committed state again. */
  function resume(): void {
    state.busy = false
    schedule()
  }

  /** The ledger is here: what was set aside may have had its time. */
  function goOn(): void {
    resume()
    aside.review()
  }

  /**
   * A batch cannot be applied, kept or stored. Of several submissions each is tried by itself, and what is alone once more on what is
   * read from the log: the document may have been at fault, or old.
   */
  function disown(batch: readonly Waiting[], error: unknown): void {
    const [only, ...more] = batch
    const { sequence } = state.record.position
    if (only === undefined || more.length > 0) {
      inbox.putBack(batch)
      inbox.isolate(batch.length)
    } else if (isTried(only, error, sequence)) verdicts.condemn(only, error)
    else {
      inbox.putBack([{ ...only, ...(only.submission.type === 'update' ? { retried: true } : { checked: sequence }) }])
      inbox.isolate(1)
    }
    void log.reload()
  }

  function recheck(batch: readonly Waiting[], anew: boolean): void {
    const asOf = state.record.position
    deps.log.heads([key]).then(
      ([head]) => {
        if (state.over !== undefined) return verdicts.abandon(batch, state.over)
        compare(head, asOf)
        if (anew) ledger.forget(true)
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

  function quiet(): boolean {
    return !state.busy && inbox.length === 0 && reads.length === 0 && !aside.busy()
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
    join: reading.join,
    leave: reading.leave,
    read: reading.read,
    view: reading.view,
    submit: submitting.submit,
    edit: submitting.edit,
    admit: submitting.admit,
    position: () => state.record.position,
    quiet,
    whenQuiet() {
      if (state.over !== undefined || quiet()) return Promise.resolve()
      return new Promise((resolve) => awaitingQuiet.push(resolve))
    },
    footprint: () => state.record.replica.footprint + ledger.footprint(),
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

/** Whether there is nothing left to try: it was judged again on what the log has, or the answer is about itself and no defect. */
function isTried(only: Waiting, error: unknown, sequence: number): boolean {
  if (only.submission.type === 'edit') return isCurrent(only, sequence)
  return only.retried === true || error instanceof SyncError
}
