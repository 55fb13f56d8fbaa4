/**
 * What judging one submission has at hand: the document in the middle of a transaction, what was touched, whose it is, and the
 * means to write back.
 */
import type { Issue, IssueCode } from '@rapport/shared/errors.ts'
import type { Author } from '@rapport/shared/ids.ts'
import type { RecordType } from '@rapport/shared/schema/record-type.ts'
import type * as Y from 'yjs'
import type { Principal } from '../auth/principal.ts'
import type { Via } from '../log/findings.ts'
import type { Ledger, Value, Write } from './ledger.ts'
import type { Policy, Relation } from './policy.ts'
import type { ClockRange } from './pre-scan.ts'
import type { Sender } from './sender.ts'
import type { CutPair } from './text-pairs.ts'
import type { Touched } from './touched.ts'

export interface Court {
  readonly document: Y.Doc
  readonly transaction: Y.Transaction
  readonly type: RecordType
  readonly policy: Policy
  readonly ledger: Ledger
  readonly touched: Touched
  readonly principal: Principal
  readonly author: Author
  /** To the record as it was before the submission. */
  readonly relation: Relation
  readonly via: Via
  readonly sender: Sender
  /** A part of a larger submission, and not its last: what looks like an end may go on in the next part. */
  readonly unfinished: boolean
  /** What parts that follow will delete, beside what is gone already. */
  readonly leaving: readonly ClockRange[]
  /** Of an edit that was made in rows: whether its author had not seen what stands in this place. */
  readonly unseen: (path: readonly string[]) => boolean
  /** Characters that the submission cut in two. */
  readonly cuts: readonly CutPair[]
  /** Draws a UUID. */
  readonly newId: () => string
  /** Sets a key as the server: the item stands for that write. */
  readonly show: (map: Y.Map<unknown>, key: string, value: Value, write: Write, author: Author, cleared: boolean) => void
  /** Runs a change as the server; what it writes stands for itself. */
  readonly writeAsServer: (change: () => void) => void
  /** Something has no effect, and was written back. */
  readonly refuse: (path: readonly string[], code: IssueCode) => void
  /** The document is not what the submission made of it. */
  readonly alter: () => void
  readonly issues: readonly Issue[]
}
