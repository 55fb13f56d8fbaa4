/**
 * Decides what becomes of a record's waiting submissions, and makes of all that may stay one entry for the log.
 *
 * Everything happens in one Yjs transaction on the live document, one submission after the other, so that Yjs emits one update
 * and nobody ever sees a state between. Afterwards the document is ahead of the database until the entry is committed; if
 * it never is, the document must be thrown away. First form: a principal's right to write at all, gaps, duplicates, the
 * server's own writes. Values and fields are not judged yet; that work belongs behind `apply`, inside the same transaction.
 */
import { type Issue, SyncError } from '@rapport/shared/errors.ts'
import type { Author, RecordKey } from '@rapport/shared/ids.ts'
import { writeMeta } from '@rapport/shared/schema/layout.ts'
import type { RecordType } from '@rapport/shared/schema/record-type.ts'
import * as Y from 'yjs'
import { authorOf, type Principal } from '../auth/principal.ts'
import type { JudgedEntry, Position } from '../log/entry.ts'
import { type ConflictStatus, type ItemId, type Mark, NO_FINDINGS, type Via } from '../log/findings.ts'
import { mayWrite } from './policy.ts'
import { type ClockRange, hasGap, type ScannedUpdate } from './pre-scan.ts'
import type { ServerClient } from './server-client.ts'

/** What an edit would be applied to. */
export interface Ground {
  /**
   * Of the committed state; 0: the record was never written. `undefined` if an earlier submission of the same entry has brought
   * content already: then the record exists, in a state that nobody has seen.
   */
  readonly sequence: number | undefined
  /** Only for the duration of the call, and only to be read. */
  readonly document: Y.Doc
}

/** Why an edit may not be made on this ground, or `undefined` if it may. Runs anew whenever the edit is judged anew. */
export type Precondition = (ground: Ground) => SyncError | undefined

export type Submission =
  | {
      readonly type: 'update'
      readonly principal: Principal
      readonly update: ScannedUpdate
      /** The sender's state vector, where the update answers our question for what it has more: clock by client. */
      readonly vector?: ReadonlyMap<number, number> | undefined
      /** Other people's items in it are taken as relayed: an administrator says so. */
      readonly relayed?: boolean
    }
  | {
      readonly type: 'edit'
      readonly principal: Principal
      readonly change: (document: Y.Doc) => void
      readonly precondition?: Precondition | undefined
      readonly via: Via
      /** The conflict that it settles. */
      readonly settles?: { readonly id: string; readonly status: ConflictStatus } | undefined
      /** It takes content away, or writes in `meta` alone. */
      readonly frees: boolean
    }

export type Verdict =
  /** It has content in the entry. */
  | {
      readonly type: 'admitted'
      /** What of it has no effect: it was refused, and written back in the same entry. */
      readonly issues: readonly Issue[]
    }
  /** The document holds all of it already, perhaps thanks to an earlier submission of the same entry. */
  | { readonly type: 'known' }
  /** Something that it builds on is missing; nothing of it was kept. */
  | { readonly type: 'gap' }
  /** It carries other people's items that they have not delivered; nothing of it was kept. */
  | { readonly type: 'foreign'; readonly awaits: readonly ItemId[] }
  /** Nothing of it was kept, nor would be another time. */
  | { readonly type: 'refused'; readonly error: SyncError }

export interface Judgement {
  /** Absent if nothing new is to be stored; the document is then unchanged. */
  readonly entry: JudgedEntry | undefined
  /** In order, one for each submission that was judged; the rest, from the first one that was not, is as it was. */
  readonly verdicts: readonly Verdict[]
}

export interface Docket {
  readonly key: RecordKey
  /** The live document, equal to committed state as of `position`. */
  readonly document: Y.Doc
  readonly position: Position
  readonly submissions: readonly Submission[]
  /** Asked after each submission: whether those that follow are left for another entry. */
  readonly enough: () => boolean
  readonly server: ServerClient
  readonly type: RecordType
  /** A fresh UUID for the entry. */
  readonly entryId: string
  /** Wall time in milliseconds. */
  readonly now: number
}

const ADMITTED: Verdict = { type: 'admitted', issues: [] }
const KNOWN: Verdict = { type: 'known' }
const GAP: Verdict = { type: 'gap' }
const FORBIDDEN: Verdict = { type: 'refused', error: new SyncError('forbidden', 'this role may not write in this record') }

/**
 * Throws whatever Yjs or a change throws: the document is then unusable, one of the submissions is guilty, and nothing says
 * which.
 */
export function judge(docket: Docket): Judgement {
  const { document, key, position, submissions, server, now } = docket
  const verdicts: Verdict[] = []
  const authors = new Map<string, Author>()
  const marks: Mark[] = []
  const emitted: Uint8Array[] = []
  const collect = (update: Uint8Array): void => {
    emitted.push(update)
  }

  /** True if anything was written or deleted. */
  const writeAsServer = (transaction: Y.Transaction, author: Author, write: () => void): boolean => {
    const client = server.claim(document)
    const clock = Y.getState(document.store, client)
    const deletions = deletionsOf(transaction)
    write()
    const length = Y.getState(document.store, client) - clock
    if (length > 0) marks.push({ client, clock, length, author, standsFor: { client, clock }, cleared: false })
    return length > 0 || deletionsOf(transaction) > deletions
  }

  document.on('update', collect)
  try {
    document.transact((transaction) => {
      for (const submission of submissions) {
        const author = authorOf(submission.principal)
        const ground = { sequence: authors.size > 0 ? undefined : position.sequence, document }
        const verdict =
          submission.type === 'update'
            ? apply(document, transaction, submission.principal, submission.update, server)
            : edit(submission, ground, () => writeAsServer(transaction, author, () => submission.change(document)))
        verdicts.push(verdict)
        if (verdict.type === 'admitted') authors.set(`${author.role}\0${author.sub}`, author)
        if (docket.enough()) break
      }
      const creator = authors.values().next().value
      if (creator !== undefined && position.sequence === 0) {
        writeAsServer(transaction, creator, () =>
          writeMeta(document, { schemaVersion: docket.type.schemaVersion, createdAt: now, createdBy: creator.sub }),
        )
      }
      // An apply makes the transaction remote. A remote one that moved the document's own client id on makes Yjs replace that
      // id behind our back, and one with formatting makes it tidy up afterwards, in this replica alone.
      transaction.local = true
    }, judge)
  } finally {
    document.off('update', collect)
  }
  if (dropPending(document)) throw new Error('an update left structs pending that the scan had seen complete')
  const [update, ...more] = emitted
  if (more.length > 0) throw new Error('Yjs made a change of its own behind the entry')
  if (update === undefined) return { entry: undefined, verdicts }
  const entry = {
    key,
    id: docket.entryId,
    previous: position,
    update,
    authors: [...authors.values()],
    findings: { ...NO_FINDINGS, marks },
    schemaVersion: docket.type.schemaVersion,
    at: now,
  } as unknown as JudgedEntry
  return { entry, verdicts }
}

function apply(
  document: Y.Doc,
  transaction: Y.Transaction,
  principal: Principal,
  update: ScannedUpdate,
  server: ServerClient,
): Verdict {
  const known = { clock: (client: number) => Y.getState(document.store, client) }
  const bringsStructs = update.structs.some((range) => range.end > known.clock(range.client))
  if (!mayWrite(principal)) {
    // A reader's client answers our question for its content like any other; what we hold already is no offence. Nor is it
    // that Yjs, in every replica for itself, deletes formatting that has no effect any more; but nothing comes of it here.
    const offends = bringsStructs || update.deletes.some((range) => !isIdle(document, range))
    return offends ? FORBIDDEN : KNOWN
  }
  if (hasGap(update, known)) return GAP
  server.beware(update, known)
  const before = deletionsOf(transaction)
  Y.applyUpdate(document, update.bytes, judge)
  return bringsStructs || deletionsOf(transaction) > before ? ADMITTED : KNOWN
}

function edit({ principal, precondition }: Extract<Submission, { type: 'edit' }>, ground: Ground, write: () => boolean): Verdict {
  if (!mayWrite(principal)) return FORBIDDEN
  const error = precondition?.(ground)
  if (error !== undefined) return { type: 'refused', error }
  return write() ? ADMITTED : KNOWN
}

/** How many deletions a transaction has made so far. */
function deletionsOf(transaction: Y.Transaction): number {
  let count = 0
  for (const items of transaction.deleteSet.clients.values()) count += items.length
  return count
}

/** Whether all of a range is known, and either deleted already or formatting. */
function isIdle(document: Y.Doc, { client, start, end }: ClockRange): boolean {
  const structs = document.store.clients.get(client)
  if (structs === undefined || end > Y.getState(document.store, client)) return false
  for (let index = Y.findIndexSS(structs, start); index < structs.length; index += 1) {
    const struct = structs[index]
    if (struct === undefined || struct.id.clock >= end) break
    if (!struct.deleted && !(struct instanceof Y.Item && struct.content instanceof Y.ContentFormat)) return false
  }
  return true
}

/** Nothing may be parked in a live document: it would go live later, with somebody else's update. True if anything was. */
function dropPending(document: Y.Doc): boolean {
  const { store } = document
  const parked = store.pendingStructs !== null || store.pendingDs !== null
  store.pendingStructs = null
  store.pendingDs = null
  return parked
}
