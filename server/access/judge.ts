/**
 * Decides what becomes of a record's waiting submissions, and makes of all that may stay one entry for the log.
 *
 * Everything happens in one Yjs transaction on the live document, one submission after the other, so that Yjs emits one update
 * and nobody ever sees a state between. What may not stay is written back in that same transaction: the entry holds the permitted
 * content and, of the forbidden, no bytes (P4). Afterwards document and ledger are ahead of the database until the entry is
 * committed; if it never is, both must be thrown away.
 *
 * What a submission did is judged in `submission-judgement.ts`; this is the frame around it.
 */
import type { Author, RecordKey } from '@rapport/shared/ids.ts'
import { materialise, writeMeta } from '@rapport/shared/schema/layout.ts'
import type { RecordType } from '@rapport/shared/schema/record-type.ts'
import type * as Y from 'yjs'
import { authorOf } from '../auth/principal.ts'
import type { JudgedEntry, Position } from '../log/entry.ts'
import type { Ledger } from './ledger.ts'
import type { Policy } from './policy.ts'
import type { ServerClient } from './server-client.ts'
import { createServerPen } from './server-pen.ts'
import type { Submission, Verdict } from './submission.ts'
import { type Bench, judgeEdit, judgeUpdate } from './submission-judgement.ts'

export interface Judgement {
  /** Absent if nothing new is to be stored; the document is then unchanged. */
  readonly entry: JudgedEntry | undefined
  /** In order, one for each submission that was judged; the rest, from the first one that was not, is as it was. */
  readonly verdicts: readonly Verdict[]
  /** The entry holds more than what its authors sent: they must hear it, too. */
  readonly altered: boolean
}

export interface Docket {
  readonly key: RecordKey
  readonly type: RecordType
  readonly policy: Policy
  /** The live document, equal to committed state as of `position`. */
  readonly document: Y.Doc
  /** As of `position`, too. */
  readonly ledger: Ledger
  readonly position: Position
  readonly submissions: readonly Submission[]
  /** Asked after each submission: whether those that follow are left for another entry. */
  readonly enough: () => boolean
  readonly server: ServerClient
  /** The subject that announced a client id in presence and has not written with it. */
  readonly presenceOwner: (client: number) => string | undefined
  /** A fresh UUID for the entry. */
  readonly entryId: string
  /** Draws further UUIDs. */
  readonly newId: () => string
  /** Wall time in milliseconds. */
  readonly now: number
}

export type Judge = (docket: Docket) => Judgement

/**
 * Throws whatever Yjs or a change throws: the document is then unusable, one of the submissions is guilty, and nothing says
 * which.
 */
export function judge(docket: Docket): Judgement {
  const { document, key, position, submissions, now, ledger, type, newId } = docket
  const verdicts: Verdict[] = []
  const authors = new Map<string, Author>()
  const emitted: Uint8Array[] = []
  const collect = (update: Uint8Array): void => {
    emitted.push(update)
  }
  let altered = false

  prepare(type, document)
  document.on('update', collect)
  try {
    document.transact((transaction) => {
      const pen = createServerPen(document, transaction, docket.server, ledger)
      const bench: Bench = {
        ...{ document, transaction, type, ledger, pen, newId },
        ...{ policy: docket.policy, server: docket.server, presenceOwner: docket.presenceOwner },
        alter: () => {
          altered = true
        },
      }
      for (const submission of submissions) {
        const author = authorOf(submission.principal)
        const ground = { sequence: authors.size > 0 ? undefined : position.sequence, document }
        const verdict = submission.type === 'update' ? judgeUpdate(bench, submission) : judgeEdit(bench, submission, ground)
        verdicts.push(verdict)
        if (verdict.type === 'admitted') authors.set(`${author.role}\0${author.sub}`, author)
        if (docket.enough()) break
      }
      const creator = authors.values().next().value
      if (creator !== undefined && position.sequence === 0) {
        altered = true
        pen.write(creator, () =>
          writeMeta(document, { schemaVersion: type.schemaVersion, createdAt: now, createdBy: creator.sub }),
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
  // What was found while nothing came of it, as whose the ids of a large submission are, is stored with what comes next.
  if (update === undefined) return { entry: undefined, verdicts, altered: false }
  const entry = {
    key,
    id: docket.entryId,
    previous: position,
    update,
    authors: [...authors.values()],
    findings: ledger.take(),
    schemaVersion: type.schemaVersion,
    at: now,
  } as unknown as JudgedEntry
  return { entry, verdicts, altered }
}

const prepared = new WeakSet<Y.Doc>()

/** Roots that came in an update have no class of their own yet. */
function prepare(type: RecordType, document: Y.Doc): void {
  if (prepared.has(document)) return
  materialise(type, document)
  prepared.add(document)
}

/** Nothing may be parked in a live document: it would go live later, with somebody else's update. True if anything was. */
function dropPending(document: Y.Doc): boolean {
  const { store } = document
  const parked = store.pendingStructs !== null || store.pendingDs !== null
  store.pendingStructs = null
  store.pendingDs = null
  return parked
}
