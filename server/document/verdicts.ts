/**
 * Tells every source what became of its submission, and turns away what may not stay.
 *
 * A refusal is final for the submission and for the connection it came from, and for nothing else. Everything here happens in
 * a gap, so what is said of the record is committed.
 */
import { SyncError, toSyncError } from '@rapport/shared/errors.ts'
import * as Y from 'yjs'
import { isEmpty, type ScannedUpdate } from '../access/pre-scan.ts'
import type { Submission, Verdict } from '../access/submission.ts'
import { signatureOf } from '../auth/principal.ts'
import type { ItemId } from '../log/findings.ts'
import type { Answer } from './handle.ts'
import type { Inbox, Waiting } from './inbox.ts'
import type { RoomDeps, RoomState } from './live-room.ts'
import type { Membership } from './membership.ts'
import type { SetAside } from './set-aside.ts'
import type { Subscriber } from './subscriber.ts'

export interface Verdicts {
  /**
   * One verdict for each submission of the batch; one that is missing counts as known. `proven`: the log took an entry on the
   * state that they were judged by, so that was the newest.
   */
  conclude(batch: readonly Waiting[], verdicts: readonly Verdict[], proven: boolean): void
  /** Before a batch is judged, on this document. */
  note(batch: readonly Waiting[], document: Y.Doc): void
  refuse(waiting: Waiting, error: SyncError): void
  /** The room is over, and nothing will become of these any more. */
  abandon(batch: readonly Waiting[], reason: SyncError): void
  /** It cannot be applied or stored: kept in quarantine for a person to look at; unless it is merely too large. */
  condemn(waiting: Waiting, error: unknown): void
  /** Counts the refusal, ends the connection for good, and forgets what else it sent. */
  turnAway(subscriber: Subscriber, error: SyncError): void
  /** Ends the connection, and forgets what else it sent. */
  dismiss(subscriber: Subscriber, error: SyncError): void
  /** Whether nothing that this connection sends counts any more, though it is not over yet. */
  ignores(subscriber: Subscriber): boolean
}

const EMPTY_UPDATE = Uint8Array.of(0, 0)
/** The state vector of an empty document. */
const NOTHING_KNOWN = Uint8Array.of(0)
const KNOWN: Verdict = { type: 'known' }
/** Why what was held back cannot be admitted yet. */
const UNFIT = {
  gap: new SyncError('stale', 'the update builds on edits that are not here'),
  foreign: new SyncError('foreign', "the update carries other people's edits that they have not delivered"),
} as const

interface Parts {
  readonly inbox: Inbox
  readonly members: Membership
  /** Runs a read in this gap or the next one, within the time that a gap has for reads. */
  readonly inGap: <T>(read: () => T, answer: (outcome: Answer<T>) => void) => void
  /** Compares the room with the log and judges these once more; `anew`: by what the database knows beside the log, too. */
  readonly recheck: (batch: readonly Waiting[], anew: boolean) => void
  readonly setAside: SetAside['keep']
}

export function createVerdicts(deps: RoomDeps, state: RoomState, { inbox, members, inGap, recheck, setAside }: Parts): Verdicts {
  const { key, log, clock, logger } = deps
  /** Authors who are owed a repeat. */
  const owed = new Set<Subscriber>()
  /** Updates that were stored in part before they came, of those who want to have all of it back. */
  const partlyStored = new WeakSet<object>()
  /** What these sent is being set aside: what they send on leans on it. */
  const ignored = new WeakSet<Subscriber>()

  function conclude(batch: readonly Waiting[], verdicts: readonly Verdict[], proven: boolean): void {
    const doubtful: Waiting[] = []
    let anew = false
    for (const [index, waiting] of batch.entries()) {
      const verdict = verdicts[index] ?? KNOWN
      const checked = isCurrent(waiting, state.record.position.sequence)
      const final = checked || !dependsOnOthers(waiting, verdict, proven)
      if (final) tell(waiting, verdict)
      else {
        doubtful.push(waiting)
        anew ||= verdict.type === 'foreign'
      }
    }
    if (doubtful.length > 0) recheck(doubtful, anew)
  }

  function note(batch: readonly Waiting[], { store }: Y.Doc): void {
    for (const { source, submission, part } of batch) {
      if (source.type === 'caller' || !source.subscriber.echo || submission.type === 'edit') continue
      const { structs } = submission.update
      if (structs.some(({ client, start }) => start < Y.getState(store, client))) partlyStored.add(part ?? submission)
    }
  }

  function tell(waiting: Waiting, verdict: Verdict): void {
    const { source, submission, part } = waiting
    if (part?.settled === true) return
    if (verdict.type === 'admitted') for (const { code } of verdict.issues) deps.refusals.inc({ reason: code })
    // The next piece goes on.
    if ((verdict.type === 'admitted' || verdict.type === 'known') && isUnfinished(submission)) return
    if (part !== undefined && source.type === 'caller') part.settled = true
    if (verdict.type === 'refused') return refuse(waiting, verdict.error)
    if (source.type === 'caller')
      return verdict.type === 'gap' || verdict.type === 'foreign' ? source.reject(UNFIT[verdict.type]) : source.resolve()
    const { subscriber } = source
    if (verdict.type === 'foreign') return putAside(waiting, subscriber, verdict.awaits)
    settle(waiting)
    if (verdict.type === 'admitted') members.advanced(subscriber)
    const repeats = verdict.type === 'known' || partlyStored.has(waiting.part ?? waiting.submission)
    if (verdict.type === 'gap') members.ask(subscriber, state.record.replica.stateVector())
    else if (repeats && subscriber.echo && submission.type === 'update') owe(subscriber, submission.whole ?? submission.update)
  }

  function putAside(waiting: Waiting, subscriber: Subscriber, awaits: readonly ItemId[]): void {
    const { submission } = waiting
    settle(waiting)
    if (submission.type !== 'update' || ignored.has(subscriber)) return
    ignored.add(subscriber)
    forgetSent(subscriber)
    const { update, whole = update } = submission
    setAside(subscriber, whole.bytes, awaits)
  }

  /**
   * All that one author repeats in a gap is acknowledged by one copy of the whole record: whoever repeats what is stored has missed the
   * answer, and with it what the server had put in the place of what may not stay, which may lean on anything.
   */
  function owe(subscriber: Subscriber, update: ScannedUpdate): void {
    if (isEmpty(update)) return members.has(subscriber) ? subscriber.repeat(() => EMPTY_UPDATE) : undefined
    if (owed.has(subscriber)) return
    owed.add(subscriber)
    const repeat = (): void => {
      owed.delete(subscriber)
      if (members.has(subscriber)) subscriber.repeat(() => state.record.replica.diff(NOTHING_KNOWN))
    }
    clock.soon(() => inGap(repeat, () => owed.delete(subscriber)))
  }

  function refuse(waiting: Waiting, error: SyncError): void {
    const { source } = waiting
    if (source.type === 'socket') {
      settle(waiting)
      return turnAway(source.subscriber, error)
    }
    if (waiting.part !== undefined) waiting.part.settled = true
    deps.refusals.inc({ reason: error.code })
    source.reject(error)
  }

  function abandon(batch: readonly Waiting[], reason: SyncError): void {
    for (const waiting of batch) {
      if (waiting.source.type === 'caller') waiting.source.reject(reason)
      else settle(waiting)
    }
  }

  function turnAway(subscriber: Subscriber, error: SyncError): void {
    deps.refusals.inc({ reason: error.code })
    dismiss(subscriber, error)
  }

  function dismiss(subscriber: Subscriber, error: SyncError): void {
    forgetSent(subscriber)
    if (members.remove(subscriber)) subscriber.end(error)
  }

  function forgetSent(subscriber: Subscriber): void {
    for (const waiting of inbox.drop(subscriber)) settle(waiting)
  }

  function condemn(waiting: Waiting, error: unknown): void {
    if (error instanceof SyncError && error.code === 'too_large') {
      deps.limitHit('record')
      return refuse(waiting, error)
    }
    if (waiting.submission.type === 'edit') return refuse(waiting, toSyncError(error))
    // Whoever admits what was held back still has it.
    if (waiting.source.type === 'caller')
      return refuse(waiting, new SyncError('refused', 'the update cannot be applied', { cause: error }))
    const { principal, update, whole = update } = waiting.submission
    logger.error({ err: error, type: key.type, id: key.id, bytes: waiting.bytes }, 'an update was put into quarantine')
    refuse(waiting, new SyncError('refused', 'the update cannot be applied', { cause: error }))
    const reason = error instanceof SyncError ? error.message : 'it cannot be applied'
    log
      .quarantine({ id: deps.newEntryId(), key, reason, ...signatureOf(principal), at: clock.now(), bytes: whole.bytes })
      .catch((cause: unknown) => logger.error({ err: cause, type: key.type, id: key.id }, 'a quarantined update was not kept'))
  }

  return { conclude, note, refuse, abandon, condemn, turnAway, dismiss, ignores: (subscriber) => ignored.has(subscriber) }
}

/** The connection is done with it; of something that came in pieces, with all of it, once. */
function settle({ source, bytes, part }: Waiting): void {
  if (part?.settled === true || source.type === 'caller') return
  if (part !== undefined) part.settled = true
  source.subscriber.settled(1, part?.bytes ?? bytes)
}

function isUnfinished(submission: Submission): boolean {
  return submission.type === 'update' && submission.unfinished === true
}

/** Whether what this was judged by, at this sequence, is known to be no older than it is. */
export function isCurrent({ checked }: Waiting, sequence: number): boolean {
  return checked !== undefined && sequence >= checked
}

/**
 * Whether the verdict might be another one if this instance knew what others have written by now. `proven`: no. Of an edit that is to
 * change nothing no entry is made that the log could refuse; what a reader hands over may be stored already; and whether other
 * people's items may come is said in the ledger, which may be older than the document.
 */
function dependsOnOthers({ submission }: Waiting, verdict: Verdict, proven: boolean): boolean {
  if (verdict.type === 'foreign') return true
  if (proven) return false
  if (submission.type === 'update') return verdict.type === 'refused' && verdict.error.code === 'forbidden'
  return verdict.type === 'known' || verdict.type === 'refused'
}

/** The one connection that needs no copy of an entry: all of it came from there, and it wants no echo. */
export function soleAuthor(batch: readonly Waiting[], verdicts: readonly Verdict[]): Subscriber | undefined {
  const authors = new Set<Subscriber | undefined>()
  for (const [index, { source }] of batch.entries()) {
    if (verdicts[index]?.type === 'admitted') authors.add(source.type === 'socket' ? source.subscriber : undefined)
  }
  const [only] = authors
  return authors.size === 1 && only?.echo === false ? only : undefined
}
