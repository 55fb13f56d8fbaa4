/**
 * Makes one rich text read like another, by replacing only what differs: paragraphs that stayed keep their identity, so what others
 * type into them meanwhile stays where it is. What is put in is a copy; the other text is left as it is.
 *
 * Alike are two texts whose elements, attributes, words and marks are; how their histories cut them into pieces is not asked.
 */
import { diff } from 'lib0/diff/patience'
import * as Y from 'yjs'
import { rewriteText } from './text-edit.ts'

/** What lies deeper is left out, lest a hostile document exhaust the stack; reading does the same. */
const MAX_DEPTH = 200
/** Children of one element among which those that stayed are sought: that takes time quadratic in their number. */
const MAX_COMPARED = 1_500

type Node = Y.XmlElement | Y.XmlText
type Parent = Y.XmlFragment | Y.XmlElement
type Marks = Readonly<Record<string, unknown>>

/** A stretch of a formatted text: characters, or one thing that is embedded among them. */
interface Run {
  readonly insert: unknown
  readonly marks: Marks
  /** Names marks and embedded content; of characters nothing but their marks. */
  readonly sign: string
}

export function readsAlike(one: Y.XmlFragment, other: Y.XmlFragment): boolean {
  return signOfChildren(one, 0) === signOfChildren(other, 0)
}

/** In one transaction, or in the one around it. */
export function rewriteRichText(fragment: Y.XmlFragment, then: Y.XmlFragment): void {
  const change = (): void => rewriteChildren(fragment, then, 0)
  if (fragment.doc === null) change()
  else fragment.doc.transact(change)
}

function rewriteChildren(parent: Parent, then: Parent, depth: number): void {
  const wanted = nodesOf(then)
  const held = parent.toArray() as unknown[]
  const hunks = changesOf(
    held.map((child) => signOf(child, depth)),
    wanted.map((child) => signOf(child, depth)),
  )
  // What a hunk puts in stands in `wanted` as far behind its place as earlier hunks have put in more than they took away.
  let shift = 0
  const placed = hunks.map((hunk) => {
    const from = hunk.index + shift
    shift += hunk.insert - hunk.remove
    return { ...hunk, nodes: wanted.slice(from, from + hunk.insert) }
  })
  for (const { index, remove, nodes } of placed.reverse()) {
    const replaced = held.slice(index, index + remove)
    const paired = replaced.length === nodes.length && nodes.every((node, at) => isCounterpart(replaced[at], node))
    if (paired) for (const [at, node] of nodes.entries()) rewriteNode(replaced[at] as Node, node, depth + 1)
    else {
      if (remove > 0) parent.delete(index, remove)
      if (nodes.length > 0) parent.insert(index, depth >= MAX_DEPTH ? [] : nodes.map((node) => copyOf(node, depth + 1)))
    }
  }
}

/** `remove` children at `index` leave, and `insert` others take their place; in ascending order. */
function changesOf(
  before: string[],
  after: string[],
): { readonly index: number; readonly remove: number; readonly insert: number }[] {
  if (Math.max(before.length, after.length) > MAX_COMPARED) {
    return [{ index: 0, remove: before.length, insert: after.length }]
  }
  return diff(before, after).map(({ index, remove, insert }) => ({ index, remove: remove.length, insert: insert.length }))
}

/** Whether the one can be made to read like the other and still be itself. */
function isCounterpart(held: unknown, then: Node): boolean {
  if (then instanceof Y.XmlText) return held instanceof Y.XmlText
  return held instanceof Y.XmlElement && held.nodeName === then.nodeName
}

function rewriteNode(held: Node, then: Node, depth: number): void {
  rewriteAttributes(held, then)
  if (held instanceof Y.XmlElement && then instanceof Y.XmlElement) rewriteChildren(held, then, depth)
  else if (held instanceof Y.XmlText && then instanceof Y.XmlText) rewriteFormatted(held, then, depth)
}

function rewriteAttributes(held: Node, then: Node): void {
  const [before, after] = [held.getAttributes() as Marks, then.getAttributes() as Marks]
  for (const name of Object.keys(before)) if (!(name in after)) held.removeAttribute(name)
  for (const [name, value] of Object.entries(after)) {
    if (stable(before[name]) !== stable(value)) held.setAttribute(name, value as string)
  }
}

function rewriteFormatted(held: Y.XmlText, then: Y.XmlText, depth: number): void {
  const [before, after] = [runsOf(held, depth), runsOf(then, depth)]
  if (isPlain(before) && isPlain(after)) {
    rewriteText(held, after.map(({ insert }) => insert).join(''))
    return
  }
  const start = commonStart(before, after)
  const most = Math.min(lengthOf(before), lengthOf(after)) - start
  const end = Math.min(commonStart(before.toReversed(), after.toReversed(), true), most)
  const removed = lengthOf(before) - start - end
  const added = deltaOf(cut(after, start, lengthOf(after) - end), depth)
  // One pass, however many pieces there are: each insertion by itself would look for its place anew.
  held.applyDelta([...(start > 0 ? [{ retain: start }] : []), ...(removed > 0 ? [{ delete: removed }] : []), ...added])
}

function isPlain(runs: readonly Run[]): boolean {
  return runs.every(({ insert, marks }) => typeof insert === 'string' && Object.keys(marks).length === 0)
}

/** In units of a Y.Text: UTF-16 units, and one for each thing that is embedded. No surrogate pair is cut. */
function commonStart(before: readonly Run[], after: readonly Run[], backwards = false): number {
  let length = 0
  for (const [index, run] of before.entries()) {
    const other = after[index]
    if (other === undefined || run.sign !== other.sign || typeof run.insert !== typeof other.insert) return length
    if (typeof run.insert !== 'string' || typeof other.insert !== 'string') length += 1
    else {
      const same = commonCharacters(run.insert, other.insert, backwards)
      length += same
      if (same < run.insert.length || same < other.insert.length) return length
    }
  }
  return length
}

function commonCharacters(one: string, other: string, backwards: boolean): number {
  const shorter = Math.min(one.length, other.length)
  const unit = (text: string, place: number): number => text.charCodeAt(backwards ? text.length - 1 - place : place)
  let same = 0
  while (same < shorter && unit(one, same) === unit(other, same)) same += 1
  const edge = same > 0 ? unit(one, same - 1) : 0
  const halved = backwards ? edge >= 0xdc00 && edge < 0xe000 : edge >= 0xd800 && edge < 0xdc00
  return halved && same < Math.max(one.length, other.length) ? same - 1 : same
}

function lengthOf(runs: readonly Run[]): number {
  return runs.reduce((sum, { insert }) => sum + (typeof insert === 'string' ? insert.length : 1), 0)
}

/** The runs between two places. */
function cut(runs: readonly Run[], from: number, to: number): Run[] {
  const found: Run[] = []
  let at = 0
  for (const run of runs) {
    const length = typeof run.insert === 'string' ? run.insert.length : 1
    const [start, end] = [Math.max(from - at, 0), Math.min(to - at, length)]
    if (start < end) found.push(typeof run.insert === 'string' ? { ...run, insert: run.insert.slice(start, end) } : run)
    at += length
  }
  return found
}

/** What puts these in. A shared type other than the two that rich text is made of has no place in it. */
function deltaOf(runs: readonly Run[], depth: number): object[] {
  return runs.flatMap(({ insert, marks }) => {
    if (insert instanceof Y.AbstractType && !isNode(insert)) return []
    return [{ insert: isNode(insert) ? copyOf(insert, depth + 1) : insert, attributes: { ...marks } }]
  })
}

/** Neighbours that read alike are one run. */
function runsOf(text: Y.XmlText, depth: number): Run[] {
  const runs: Run[] = []
  for (const { insert, attributes: marks = {} } of text.toDelta() as { insert: unknown; attributes?: Marks }[]) {
    const sign = stable(marks)
    const last = runs.at(-1)
    if (typeof insert !== 'string') {
      runs.push({
        insert,
        marks,
        sign: `${sign}${insert instanceof Y.AbstractType ? signOf(insert, depth + 1) : stable(insert)}`,
      })
    } else if (typeof last?.insert === 'string' && last.sign === sign) {
      runs[runs.length - 1] = { ...last, insert: last.insert + insert }
    } else runs.push({ insert, marks, sign })
  }
  return runs
}

/** A copy that belongs to no document yet. */
function copyOf(node: Node, depth: number): Node {
  if (node instanceof Y.XmlText) {
    const text = new Y.XmlText()
    for (const [name, value] of Object.entries(node.getAttributes() as Marks)) text.setAttribute(name, value)
    if (depth <= MAX_DEPTH) text.applyDelta(deltaOf(runsOf(node, depth), depth))
    return text
  }
  const element = new Y.XmlElement(node.nodeName)
  for (const [name, value] of Object.entries(node.getAttributes() as Marks)) element.setAttribute(name, value as string)
  const children = depth > MAX_DEPTH ? [] : nodesOf(node).map((child) => copyOf(child, depth + 1))
  if (children.length > 0) element.insert(0, children)
  return element
}

function nodesOf(parent: Parent): Node[] {
  return (parent.toArray() as unknown[]).filter(isNode)
}

function isNode(value: unknown): value is Node {
  return value instanceof Y.XmlElement || value instanceof Y.XmlText
}

function signOfChildren(parent: Parent, depth: number): string {
  return nodesOf(parent)
    .map((child) => signOf(child, depth))
    .join(',')
}

/** What two nodes have in common if they read alike, and otherwise not. No reading shows a shared type of another kind. */
function signOf(value: unknown, depth: number): string {
  if (depth > MAX_DEPTH || !isNode(value)) return '?'
  const attributes = stable(value.getAttributes())
  if (value instanceof Y.XmlElement)
    return `<${JSON.stringify(value.nodeName)}${attributes}[${signOfChildren(value, depth + 1)}]>`
  const runs = runsOf(value, depth).map(({ insert, sign }) => (typeof insert === 'string' ? JSON.stringify(insert) : '') + sign)
  return `"${attributes}[${runs.join(',')}]"`
}

/** JSON that does not depend on the order in which names were set. */
function stable(value: unknown): string {
  // Most elements have no attributes, and most words no marks.
  if (typeof value === 'object' && value !== null && Object.keys(value).length === 0) return Array.isArray(value) ? '[]' : '{}'
  const sorted = (_name: string, held: unknown): unknown =>
    typeof held === 'object' && held !== null && !Array.isArray(held)
      ? Object.fromEntries(Object.entries(held).sort(([one], [other]) => (one < other ? -1 : 1)))
      : held
  return JSON.stringify(value, sorted) ?? 'undefined'
}
