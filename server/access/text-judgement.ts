/**
 * Judges what one submission did to a text or a rich text, and undoes what may not stay, in the same transaction.
 */
import type { Issue } from '@rapport/shared/errors.ts'
import type { RichTextRoot, TextRoot } from '@rapport/shared/schema/record-type.ts'
import type * as Y from 'yjs'

/** What a submission did below one root. Items are valid until the transaction ends. */
export interface TextTouch {
  readonly name: string
  readonly root: TextRoot | RichTextRoot
  /** New items, nested ones and attributes included, in clock order; some may be deleted already. */
  readonly inserted: readonly Y.Item[]
  /** Items that were there before and that the submission deleted, nested ones and attributes included. */
  readonly deleted: readonly Y.Item[]
}

export interface TextCourt {
  readonly document: Y.Doc
  readonly transaction: Y.Transaction
  /** Whether the author may write in this root at all. */
  readonly permitted: boolean
  /** Runs a change under the server's client id, in this transaction, and notes its items as the server's. */
  readonly writeAsServer: (change: () => void) => void
}

export interface TextFinding {
  readonly issues: readonly Issue[]
  /** Something was undone. */
  readonly compensated: boolean
  /** For the history: what was visibly taken away and put in, shortened; both empty if nothing of the touch stays. */
  readonly before: string
  readonly after: string
}

export function judgeText(_court: TextCourt, _touch: TextTouch): TextFinding {
  return { issues: [], compensated: false, before: '', after: '' }
}
