/**
 * Where editors format: never from or to the middle of a character of two units. Yjs makes U+FFFD of both halves then, in that replica
 * alone, and tells nobody.
 */
import type * as Y from 'yjs'

/** The nearest stretch of whole characters that holds this one, as Yjs counts: an embedded thing is one unit. */
export function wholeCharacters(
  text: Y.Text,
  start: number,
  length: number,
): { readonly start: number; readonly length: number } {
  const units = (text.toDelta() as { readonly insert: unknown }[])
    .map(({ insert }) => (typeof insert === 'string' ? insert : '\uFFFC'))
    .join('')
  const cuts = (index: number): boolean => /[\ud800-\udbff][\udc00-\udfff]/.test(units.slice(Math.max(0, index - 1), index + 1))
  const from = start > 0 && cuts(start) ? start - 1 : start
  const end = start + length
  return { start: from, length: (end < units.length && cuts(end) ? end + 1 : end) - from }
}
