/**
 * A server's document with texts in it, and stock devices around it: each submission is applied and judged in one transaction, as a
 * room does, and everybody hears the one update that comes of it.
 */

import type { RichTextRoot, TextRoot } from '@rapport/shared/schema/record-type.ts'
import * as Y from 'yjs'
import { preScan } from '../../server/access/pre-scan.ts'
import { judgeText, type TextFinding } from '../../server/access/text-judgement.ts'
import { pairsCutBy } from '../../server/access/text-pairs.ts'

export interface Judged {
  readonly findings: readonly TextFinding[]
  /** Everything that the document emitted. */
  readonly updates: readonly Uint8Array[]
}

export class TextStage {
  readonly document = new Y.Doc()
  readonly #roots: Readonly<Record<string, TextRoot | RichTextRoot>>
  readonly #serverClient: number

  constructor(roots: Readonly<Record<string, TextRoot | RichTextRoot>>, serverClient = 77_000) {
    this.#roots = roots
    this.#serverClient = serverClient
    this.open(this.document)
  }

  /** Gives the roots their classes, as an application does: Yjs tidies formatting up in those alone. */
  open(document: Y.Doc): void {
    for (const [name, root] of Object.entries(this.#roots)) {
      if (root.kind === 'text') document.getText(name)
      else document.getXmlFragment(name)
    }
  }

  /** One entry of one or several submissions, each by an author who may write in these roots or not. */
  judge(...submissions: readonly { readonly update: Uint8Array; readonly permitted: boolean }[]): Judged {
    const { document } = this
    const updates: Uint8Array[] = []
    const findings: TextFinding[] = []
    const collect = (update: Uint8Array): void => {
      updates.push(update)
    }
    document.on('update', collect)
    document.transact((transaction) => {
      for (const { update, permitted } of submissions) findings.push(...this.#apply(transaction, update, permitted))
      transaction.local = true
    })
    document.off('update', collect)
    return { findings, updates }
  }

  #apply(transaction: Y.Transaction, update: Uint8Array, permitted: boolean): readonly TextFinding[] {
    const { document } = this
    const known = Y.decodeStateVector(Y.encodeStateVector(document))
    const noted = new Map([...transaction.deleteSet.clients].map(([client, ranges]) => [client, ranges.length]))
    const cuts = permitted ? undefined : pairsCutBy(preScan(update), document)
    Y.applyUpdate(document, update)
    const touches = new Map<string, { inserted: Y.Item[]; deleted: Y.Item[] }>()
    const touch = (item: Y.Item) => {
      let parent = item.parent as Y.AbstractType<unknown>
      while (parent._item !== null) parent = parent._item.parent as Y.AbstractType<unknown>
      const name = [...document.share].find(([, type]) => type === parent)?.[0] ?? ''
      const found = touches.get(name) ?? { inserted: [], deleted: [] }
      touches.set(name, found)
      return found
    }
    for (const [client, structs] of document.store.clients) {
      for (const struct of structs) {
        if (struct instanceof Y.Item && struct.id.clock >= (known.get(client) ?? 0)) touch(struct).inserted.push(struct)
      }
    }
    for (const [client, ranges] of transaction.deleteSet.clients) {
      for (const { clock, len } of ranges.slice(noted.get(client) ?? 0)) {
        for (const struct of document.store.clients.get(client) ?? []) {
          if (!(struct instanceof Y.Item) || struct.id.clock < clock || struct.id.clock >= clock + len) continue
          if (struct.id.clock < (known.get(client) ?? 0)) touch(struct).deleted.push(struct)
        }
      }
    }
    const writeAsServer = (change: () => void): void => {
      document.clientID = this.#serverClient
      change()
    }
    return [...touches].map(([name, items]) => {
      const root = this.#roots[name]
      if (root === undefined) throw new Error(`no such root: ${name}`)
      return judgeText({ document, transaction, permitted, cuts, writeAsServer }, { name, root, ...items })
    })
  }
}

/** A stock replica, in step with the server's document, under a client id of its own. */
export function device(stage: TextStage, client: number, gc = true): Y.Doc {
  const document = new Y.Doc({ gc })
  document.clientID = client
  stage.open(document)
  catchUp(stage, document)
  return document
}

/** Takes in all that the server's document has and this one lacks. */
export function catchUp(stage: TextStage, document: Y.Doc): void {
  Y.applyUpdate(document, Y.encodeStateAsUpdate(stage.document, Y.encodeStateVector(document)), 'server')
}

/** What a replica has and the server's document lacks, with all deletions. */
export function pending(stage: TextStage, document: Y.Doc): Uint8Array {
  return Y.encodeStateAsUpdate(document, Y.encodeStateVector(stage.document))
}

/** All that one edit makes the replica send, its own clean-up of formatting included. */
export function sent(document: Y.Doc, edit: (document: Y.Doc) => void): Uint8Array {
  const updates: Uint8Array[] = []
  const collect = (update: Uint8Array): void => {
    updates.push(update)
  }
  document.on('update', collect)
  document.transact(() => edit(document))
  document.off('update', collect)
  return updates.length === 1 && updates[0] !== undefined ? updates[0] : Y.mergeUpdates(updates)
}

/** What people see: text with formatting, elements with attributes; the same for equal content however it came about. */
export function seen(document: Y.Doc, name: string, kind: 'text' | 'richText'): unknown {
  return kind === 'text' ? pieces(document.getText(name)) : nodes(document.getXmlFragment(name))
}

function nodes(fragment: Y.XmlFragment): unknown[] {
  return (fragment.toArray() as unknown[]).map(node)
}

function node(child: unknown): unknown {
  if (child instanceof Y.XmlElement) return { name: child.nodeName, attributes: child.getAttributes(), children: nodes(child) }
  if (child instanceof Y.XmlText) return { attributes: child.getAttributes(), text: pieces(child) }
  return String(child)
}

/** Neighbouring pieces of equal formatting count as one: where Yjs cuts depends on what a replica has tidied up. */
function pieces(text: Y.Text): unknown[] {
  const found: { insert: unknown; attributes: string }[] = []
  for (const { insert, attributes } of text.toDelta() as { insert: unknown; attributes?: object }[]) {
    const formatting = JSON.stringify(Object.entries(attributes ?? {}).sort(([one], [other]) => (one < other ? -1 : 1)))
    const last = found.at(-1)
    if (typeof insert === 'string' && typeof last?.insert === 'string' && last.attributes === formatting) last.insert += insert
    else found.push({ insert: typeof insert === 'string' ? insert : node(insert), attributes: formatting })
  }
  return found
}
