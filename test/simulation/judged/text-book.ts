/**
 * What people typed into the summary and the notes, character by character: every character of a run is another one, so what
 * became of it can be read off the document. A character must be there at the end unless somebody deleted it, or the paragraph
 * around it. Text that no record may hold, or that its author may not write, carries a marker and none of these characters.
 */
import * as Y from 'yjs'

/** Sorts of refused text, chosen by a move's number; the last is too long. */
export const SPOILS = 4

/** Written by somebody in one transaction, which has a number among all of his. */
interface Part {
  readonly root: TextRootName
  readonly author: object
  readonly edit: number
}

interface Glyph extends Part {
  /** The nodes around it, in rich text. */
  readonly nodes: readonly string[]
  deleted: boolean
  /** Somebody deleted it who may not: it stays or comes back as a copy, which a permitted deletion of the first may miss. */
  copied: boolean
  /** It was sent together with text of the same root that is refused: Yjs may have joined both in one run. */
  doubtful: boolean
  sent: boolean
}

export type TextRootName = 'summary' | 'notes'
export type TextMove = 'type' | 'erase' | 'format' | 'block' | 'spoil'

const FIRST = 0x4e00
/** Of a character that no database holds, a part may be all that a colleague's typing leaves in one piece. */
const REFUSED = /FORBID|\0/
const GLYPHS = /[\u4e00-\u9fff]/g

export class TextBook {
  readonly #glyphs = new Map<string, Glyph>()
  readonly #gone = new Set<string>()
  /** Refused text that has not arrived. */
  #refused: Part[] = []
  #next = FIRST

  /** One move of a person in one root, at a place near `at`; inside a transaction. */
  move(document: Y.Doc, part: Part, move: TextMove, at: number, permitted: boolean): void {
    const { root } = part
    const before = visible(document, root)
    if (root === 'summary') this.#inText(document, part, move, at, permitted)
    else this.#inNotes(document, part, move, at, permitted)
    if (move === 'spoil') this.#refused.push(part)
    if (move !== 'erase') return
    const after = visible(document, root)
    for (const glyph of before) {
      const known = this.#glyphs.get(glyph)
      if (known === undefined || after.has(glyph)) continue
      if (permitted) known.deleted = true
      else known.copied = true
    }
  }

  /** A message with these transactions of an author was committed. */
  arrived(author: object, first: number, last: number): void {
    const isIn = (part: Part): boolean => part.author === author && first <= part.edit && part.edit <= last
    const refused = this.#refused.filter(isIn)
    this.#refused = this.#refused.filter((part) => !isIn(part))
    for (const glyph of this.#glyphs.values()) {
      if (glyph.sent || !isIn(glyph)) continue
      glyph.sent = true
      glyph.doubtful = refused.some(({ root }) => root === glyph.root)
    }
  }

  /** Throws unless the document shows what it must, and nothing that was deleted or refused. */
  check(document: Y.Doc): void {
    for (const root of ['summary', 'notes'] as const) {
      if (REFUSED.test(textOf(document, root))) throw new Error(`P4: refused text shows in ${root}`)
      const shown = visible(document, root)
      for (const [glyph, { root: own, deleted, copied, doubtful, nodes }] of this.#glyphs) {
        if (own !== root) continue
        const gone = deleted || nodes.some((node) => this.#gone.has(node))
        if (!gone && !doubtful && !shown.has(glyph)) throw new Error(`P4: permitted text in ${root} is not there`)
        if (gone && !copied && shown.has(glyph)) throw new Error(`P4: deleted text in ${root} came back`)
      }
    }
  }

  #inText(document: Y.Doc, part: Part, move: TextMove, at: number, permitted: boolean): void {
    const text = document.getText('summary')
    const where = at % (text.length + 1)
    const rest = text.length - where
    if (move === 'type') text.insert(where, permitted ? this.#glyph(part) + this.#glyph(part) : 'FORBID')
    else if (move === 'spoil') spoilText(text, where, at)
    else if (move === 'erase' && rest > 0) text.delete(where, Math.min(2, rest))
    else if (rest > 0) text.format(where, Math.min(3, rest), { bold: at % 3 === 0 ? null : true })
  }

  #inNotes(document: Y.Doc, part: Part, move: TextMove, at: number, permitted: boolean): void {
    const notes = document.getXmlFragment('notes')
    if (move === 'spoil') return notes.insert(at % (notes.length + 1), [spoiledBlock(at)])
    if (move === 'block') {
      const block = new Y.XmlElement('paragraph')
      notes.insert(at % (notes.length + 1), [block])
      block.insert(0, [new Y.XmlText()])
      return this.#typeInto(block, part, at, permitted)
    }
    const block = notes.length === 0 ? undefined : notes.get(at % notes.length)
    if (!(block instanceof Y.XmlElement)) return
    if (move === 'type') return this.#typeInto(block, part, at, permitted)
    if (move === 'format') return formatBlock(block, at)
    if (permitted) this.#gone.add(nodeOf(block))
    notes.delete(at % notes.length, 1)
  }

  #typeInto(block: Y.XmlElement, part: Part, at: number, permitted: boolean): void {
    const text = block.length > 0 ? block.get(0) : undefined
    if (!(text instanceof Y.XmlText)) return
    const nodes = [nodeOf(block), nodeOf(text)]
    text.insert(at % (text.length + 1), permitted ? this.#glyph(part, nodes) : 'FORBID')
  }

  #glyph(part: Part, nodes: readonly string[] = []): string {
    const glyph = String.fromCharCode(this.#next)
    this.#next += 1
    this.#glyphs.set(glyph, { ...part, nodes, deleted: false, copied: false, doubtful: false, sent: false })
    return glyph
  }
}

function spoilText(text: Y.Text, where: number, at: number): void {
  if (at % SPOILS === 0) text.insert(where, '\0\0\0')
  else if (at % SPOILS === 1) text.setAttribute('size', 'FORBID')
  else if (at % SPOILS === 2) text.insertEmbed(where, new Y.Map([['inner', 'FORBID']]))
  else text.insert(where, 'FORBID'.repeat(80))
}

function spoiledBlock(at: number): Y.XmlElement {
  if (at % 3 === 0) return new Y.XmlElement('FORBID name!')
  if (at % 3 === 1) return new Y.Map([['inner', 'FORBID']]) as unknown as Y.XmlElement
  const block = new Y.XmlElement('paragraph')
  block.insert(0, [new Y.XmlText('\0\0\0')])
  return block
}

function formatBlock(block: Y.XmlElement, at: number): void {
  const text = block.length > 0 ? block.get(0) : undefined
  if (at % 2 === 0) block.setAttribute('level', String(at % 5))
  else if (text instanceof Y.XmlText && text.length > 0) text.format(at % text.length, 1, { bold: true })
}

function nodeOf({ _item }: { readonly _item: Y.Item | null }): string {
  if (_item === null) throw new Error('a node that is in no document')
  return `${_item.id.client}:${_item.id.clock}`
}

function visible(document: Y.Doc, root: TextRootName): ReadonlySet<string> {
  return new Set(textOf(document, root).match(GLYPHS))
}

function textOf(document: Y.Doc, root: TextRootName): string {
  return root === 'summary' ? document.getText(root).toString() : document.getXmlFragment(root).toString()
}
