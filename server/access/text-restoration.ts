/**
 * Brings back what one submission deleted in a text or a rich text and may not have.
 *
 * Yjs cannot undelete: what comes back is a copy under the server's id, right behind what was deleted, so what others have put between
 * stays between. What they put *inside* a run of characters without knowing of the deletion, and deliver later, ends up beside the copy.
 * Elements are rebuilt with the children and attributes that were alive before, and no others.
 */
import * as Y from 'yjs'
import { attributeItem, isAlive, isPresent, nestedType, parentOf, type SharedType } from './text-items.ts'
import { looksAlike } from './text-look.ts'

export interface Restoration {
  /** Nothing needs to come back. */
  readonly idle: boolean
  /** To be run under the server's client id, in the transaction of the deletion, and before its items are collected. */
  readonly run: (document: Y.Doc, transaction: Y.Transaction) => void
}

/** Where something else comes back in an item's place. */
type Contents = ReadonlyMap<Y.Item, Y.ContentString>

const NO_CONTENTS: Contents = new Map()

/**
 * `gone`: every item that the submission deleted and that was alive before, nested ones included; all that it inserted must be dead
 * by now. Formatting that had no effect may go: stock replicas tidy it up by themselves and would do so again, for ever.
 */
export function restorationOf(gone: ReadonlySet<Y.Item>, contents = NO_CONTENTS): Restoration {
  const lists = new Map<SharedType, boolean>()
  const attributes: Y.Item[] = []
  for (const item of gone) {
    const parent = parentOf(item)
    // Below something that was deleted, it comes back with that.
    if (!isPresent(parent)) continue
    if (item.parentSub !== null) attributes.push(item)
    else lists.set(parent, (lists.get(parent) ?? true) && item.content instanceof Y.ContentFormat)
  }
  const wasAlive = (item: Y.Item): boolean => !item.deleted || gone.has(item)
  for (const [type, onlyFormats] of lists) if (onlyFormats && looksAlike(type, wasAlive, isAlive)) lists.delete(type)
  return {
    idle: lists.size === 0 && attributes.length === 0,
    run(document, transaction) {
      const copier = createCopier(document, transaction, gone, contents)
      for (const type of lists.keys()) restoreList(type, gone, copier)
      for (const item of attributes) copier.setAttribute(parentOf(item), item)
    },
  }
}

/** Makes an attribute show again what `item` held, unless something else is there now. To be run under the server's client id. */
export function restoreAttribute(document: Y.Doc, transaction: Y.Transaction, item: Y.Item): void {
  createCopier(document, transaction, new Set(), NO_CONTENTS).setAttribute(parentOf(item), item)
}

/**
 * Items of one stretch, with nothing alive between them, come back together behind its last one: their copies merge, so that deleting
 * the same text over and over does not leave ever more pieces.
 */
function restoreList(type: SharedType, gone: ReadonlySet<Y.Item>, copier: Copier): void {
  let stretch: Y.Item[] = []
  const flush = (): void => {
    let left = stretch.at(-1)
    for (const item of stretch) left = copier.insert(item, type, left)
    stretch = []
  }
  for (let item = type._start; item !== null; item = item.right) {
    if (gone.has(item)) stretch.push(item)
    else if (!item.deleted) flush()
  }
  flush()
}

interface Copier {
  /** A copy of `item` among the children of `type`, right behind `left`, or as the first. */
  insert(item: Y.Item, type: SharedType, left: Y.Item | undefined): Y.Item
  setAttribute(type: SharedType, item: Y.Item): void
}

function createCopier(document: Y.Doc, transaction: Y.Transaction, gone: ReadonlySet<Y.Item>, contents: Contents): Copier {
  function place(item: Y.Item, type: SharedType, left: Y.Item | null, right: Y.Item | null): Y.Item {
    const id = Y.createID(document.clientID, Y.getState(document.store, document.clientID))
    const origin = left === null ? null : left.lastId
    const content = contents.get(item) ?? item.content.copy()
    const copy = new Y.Item(id, left, origin, right, right?.id ?? null, type, item.parentSub, content)
    copy.integrate(transaction, 0)
    const [from, to] = [nestedType(item), nestedType(copy)]
    if (from !== undefined && to !== undefined) fill(to, from)
    return copy
  }

  function fill(to: SharedType, from: SharedType): void {
    let left: Y.Item | undefined
    for (let item = from._start; item !== null; item = item.right) if (gone.has(item)) left = copier.insert(item, to, left)
    for (const rightmost of from._map.values()) {
      const item = attributeItem(rightmost, (one) => gone.has(one))
      if (item !== undefined) copier.setAttribute(to, item)
    }
  }

  const copier: Copier = {
    insert: (item, type, left) => place(item, type, left ?? null, left === undefined ? type._start : left.right),
    setAttribute(type, item) {
      const current = item.parentSub === null ? undefined : type._map.get(item.parentSub)
      if (current === undefined || current.deleted) place(item, type, current ?? null, null)
    },
  }
  return copier
}
