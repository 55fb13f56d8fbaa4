/**
 * Judges what one submission did to a text or a rich text, and undoes what may not stay, in the same transaction.
 *
 * Runs right after the submission was applied, while nothing that it deleted has been collected yet; so Yjs emits one update that has
 * not a byte of what is undone, and from which the author's own replica heals. A wrong item goes alone, with what stands below it;
 * an author who may not write in the root at all leaves it as it was. Text that comes back is a copy.
 */
import type { Issue, IssueCode } from '@rapport/shared/errors.ts'
import type { RichTextRoot, TextRoot } from '@rapport/shared/schema/record-type.ts'
import * as Y from 'yjs'
import type { ClockRange } from './pre-scan.ts'
import { forgetSize, knownSize, measured, sizeAfter } from './rich-text-size.ts'
import { asShared, codePoints, isAlive, isPresent, parentOf, pointsWithin, type SharedType } from './text-items.ts'
import { type CutPair, mendPairs } from './text-pairs.ts'
import { restorationOf, restoreAttribute } from './text-restoration.ts'
import { flawOf } from './text-rules.ts'
import { FORMATTED, summaryOf } from './text-summary.ts'

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
  /** Characters that the update was about to cut, by `pairsCutBy`. */
  readonly cuts?: readonly CutPair[] | undefined
  /** What later parts of the submission will delete: it makes place for what this one brings. */
  readonly leaving?: readonly ClockRange[] | undefined
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

export function judgeText(court: TextCourt, touch: TextTouch): TextFinding {
  // A root that arrived in an update has no class until it is asked for.
  if (touch.root.kind === 'text') court.document.getText(touch.name)
  else court.document.getXmlFragment(touch.name)
  forgetPositions(touch)
  return court.permitted ? judgeContent(court, touch) : undo(court, touch, 'forbidden')
}

/** Yjs remembers positions in a text, and forgets them after remote changes; but to it this transaction is a local one. */
function forgetPositions({ inserted, deleted }: TextTouch): void {
  for (const items of [inserted, deleted]) {
    for (const item of items) {
      const markers = parentOf(item)._searchMarker
      if (markers !== null) markers.length = 0
    }
  }
}

/** Nothing of the submission stays in this root. */
function undo(
  { document, transaction, cuts = [], writeAsServer }: TextCourt,
  { name, root, inserted, deleted }: TextTouch,
  code: IssueCode,
): TextFinding {
  let compensated = false
  for (const item of inserted) {
    if (item.deleted) continue
    item.delete(transaction)
    compensated = true
  }
  const gone = new Set(deleted)
  const shared = asShared(root.kind === 'text' ? document.getText(name) : document.getXmlFragment(name))
  const restoration = restorationOf(gone, mendPairs(transaction, shared, cuts, gone))
  if (!restoration.idle) {
    writeAsServer(() => restoration.run(document, transaction))
    compensated = true
  }
  if (root.kind === 'richText') forgetSize(document.getXmlFragment(name))
  return { issues: compensated ? [{ path: [name], code }] : [], compensated, before: '', after: '' }
}

function judgeContent(court: TextCourt, touch: TextTouch): TextFinding {
  const { name, root, inserted, deleted } = touch
  const outgrows = root.kind === 'text' ? outgrowsText : outgrowsXml
  const codes = new Set<IssueCode>()
  const wrong: Y.Item[] = []
  for (const item of inserted) {
    const flaw = item.deleted ? undefined : flawOf(root.kind, item)
    if (flaw === undefined) continue
    codes.add(flaw)
    wrong.push(item)
  }
  const restored = new Set(withdraw(court, touch, wrong))
  if (wrong.length > 0) mendCuts(court, touch)
  // What was deleted to make place for it comes back, too: whoever pastes too much over a paragraph, or breaks one in a full text,
  // would otherwise lose what was there.
  if (outgrows(court, touch) && inserted.some(isAlive)) return undo(court, touch, 'length')
  const rescued = root.kind === 'richText' && rescueAttributes(court, touch)
  if (rescued) sizeOf(court, touch)
  const summary = summaryOf(
    inserted,
    deleted.filter((item) => !restored.has(item)),
  )
  const after = rescued && summary.before === '' && summary.after === '' ? FORMATTED : summary.after
  const issues = [...codes].map((code) => ({ path: [name], code }))
  return { issues, compensated: codes.size > 0, before: summary.before, after }
}

/** Deletes new items; an attribute that one of them had replaced shows again what it showed before. Gives what came back so. */
function withdraw(
  { document, transaction, writeAsServer }: TextCourt,
  { deleted }: TextTouch,
  items: readonly Y.Item[],
): readonly Y.Item[] {
  const keys = new Map<SharedType, Set<string>>()
  for (const item of items) {
    if (item.deleted) continue
    item.delete(transaction)
    if (item.parentSub !== null) keys.set(parentOf(item), (keys.get(parentOf(item)) ?? new Set()).add(item.parentSub))
  }
  if (keys.size === 0) return []
  const replaced = deleted.filter((item) => {
    const parent = parentOf(item)
    return item.parentSub !== null && isPresent(parent) && keys.get(parent)?.has(item.parentSub) === true
  })
  if (replaced.length === 0) return []
  writeAsServer(() => {
    for (const item of replaced) restoreAttribute(document, transaction, item)
  })
  return replaced
}

/**
 * A value that was deleted on arrival because Yjs prefers one that is deleted itself, perhaps since it was forbidden, is written again:
 * setting an attribute wins over removing it, and nobody loses to what may not be there. True if there was one.
 */
function rescueAttributes({ document, transaction, writeAsServer }: TextCourt, { inserted }: TextTouch): boolean {
  const own = new Set(inserted)
  const lost = inserted.filter((item) => {
    if (item.parentSub === null || !item.deleted || !(item.content instanceof Y.ContentAny)) return false
    const rightmost = parentOf(item)._map.get(item.parentSub)
    if (rightmost === undefined || !rightmost.deleted || !isPresent(parentOf(item))) return false
    return !own.has(rightmost) && flawOf('richText', item) === undefined
  })
  if (lost.length === 0) return false
  writeAsServer(() => {
    // The last one first: it is the one that counts.
    for (const item of lost.toReversed()) restoreAttribute(document, transaction, item)
  })
  return true
}

/** A character that was cut for nothing but what had to go again is put together. */
function mendCuts({ document, transaction, cuts = [], writeAsServer }: TextCourt, { name, root }: TextTouch): void {
  if (cuts.length === 0) return
  const shared = asShared(root.kind === 'text' ? document.getText(name) : document.getXmlFragment(name))
  const gone = new Set<Y.Item>()
  const restoration = restorationOf(gone, mendPairs(transaction, shared, cuts, gone))
  if (!restoration.idle) writeAsServer(() => restoration.run(document, transaction))
}

/**
 * Whether the root is longer than it may be, and longer than it was: one that is too long can still be shortened. What is on its way out
 * does not count, up to as much again, since it may never go.
 */
function outgrowsText({ document, leaving = [] }: TextCourt, { name, root, inserted, deleted }: TextTouch): boolean {
  const text = document.getText(name)
  const most = root.maxLength
  // In UTF-16 units, of which no text has fewer than code points.
  if (asShared(text)._length <= most) return false
  const length = codePoints(text.toString())
  if (length <= most || (length <= 2 * most && length - pointsWithin(leaving, document, asShared(text)) <= most)) return false
  return pointsOf(inserted.filter(isAlive)) > pointsOf(deleted)
}

function pointsOf(items: readonly Y.Item[]): number {
  return items.reduce((sum, { content }) => sum + (content instanceof Y.ContentString ? codePoints(content.str) : 0), 0)
}

function outgrowsXml(court: TextCourt, touch: TextTouch): boolean {
  const { name, root, inserted, deleted } = touch
  const fragment = court.document.getXmlFragment(name)
  const known = knownSize(fragment)
  const size = sizeOf(court, touch)
  const most = root.maxLength
  if (size <= most) return false
  if (size <= 2 * most && size - pointsWithin(court.leaving ?? [], court.document, asShared(fragment)) <= most) return false
  if (known !== undefined) return size > known
  const [fresh, gone] = [new Set(inserted), new Set(deleted)]
  return size > measured(fragment, (item) => gone.has(item) || (!item.deleted && !fresh.has(item)))
}

function sizeOf({ document, transaction }: TextCourt, { name, inserted, deleted }: TextTouch): number {
  return sizeAfter(document.getXmlFragment(name), transaction, [...inserted, ...deleted])
}
