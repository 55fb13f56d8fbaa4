/**
 * Rich text as plain text: the words without formatting and attributes, a line per block. An element among text that holds no
 * elements itself is part of its line, as editors write mentions; a break begins another. Never throws, whatever an update put
 * into the fragment.
 */
import * as Y from 'yjs'

/** What lies deeper is left out, lest a hostile document exhaust the stack. */
const MAX_DEPTH = 200

/** As the common editors name it, in lower case. */
const BREAKS: ReadonlySet<string> = new Set(['br', 'hardbreak', 'hard_break'])

export function plainTextOf(fragment: Y.XmlFragment): string {
  const lines: string[] = []
  /** Whether the next text begins a line. */
  let fresh = true

  function write(text: string): void {
    if (fresh) lines.push(text)
    else lines.push(`${lines.pop() ?? ''}${text}`)
    fresh = false
  }

  function children(parent: Y.XmlFragment, amongText: boolean, depth: number): void {
    for (const child of parent.toArray() as unknown[]) {
      if (child instanceof Y.XmlText) text(child, depth + 1)
      else if (child instanceof Y.XmlElement) element(child, amongText, depth + 1)
    }
  }

  function element(found: Y.XmlElement, amongText: boolean, depth: number): void {
    if (depth > MAX_DEPTH) return
    const inside = found.toArray() as unknown[]
    if (amongText && !inside.some((child) => child instanceof Y.XmlElement)) {
      if (BREAKS.has(String(found.nodeName).toLowerCase())) write('\n')
      children(found, true, depth)
      return
    }
    const isLine = inside.length === 0 || inside.some((child) => child instanceof Y.XmlText)
    fresh = true
    if (isLine) write('')
    children(found, isLine, depth)
    fresh = true
  }

  function text(found: Y.XmlText, depth: number): void {
    if (depth > MAX_DEPTH) return
    for (const { insert } of found.toDelta() as { insert: unknown }[]) {
      if (typeof insert === 'string') write(insert)
      else if (insert instanceof Y.XmlElement) element(insert, true, depth + 1)
      else if (insert instanceof Y.XmlText) {
        // Editors that keep a whole document in one text write its blocks as texts in it.
        fresh = true
        write('')
        text(insert, depth + 1)
        fresh = true
      }
    }
  }

  children(fragment, false, 0)
  return lines.join('\n')
}
