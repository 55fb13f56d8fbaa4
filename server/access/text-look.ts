/**
 * Whether formatting looks the same in two states of one text. Markers can come and go without effect: doubled ones, those without
 * text behind them, those that say what holds anyway.
 */
import { isDeepStrictEqual } from 'node:util'
import * as Y from 'yjs'
import type { IsAlive, SharedType } from './text-items.ts'

/** Of the characters and elements that both states have; items are in a state if its `IsAlive` says so. */
export function looksAlike(type: SharedType, before: IsAlive, after: IsAlive): boolean {
  const [then, now] = [new Map<string, unknown>(), new Map<string, unknown>()]
  const different = new Set<string>()
  for (let item = type._start; item !== null; item = item.right) {
    const { content } = item
    const [was, is] = [before(item), after(item)]
    if (content instanceof Y.ContentFormat) {
      if (was) then.set(content.key, content.value)
      if (is) now.set(content.key, content.value)
      if (isDeepStrictEqual(then.get(content.key) ?? null, now.get(content.key) ?? null)) different.delete(content.key)
      else different.add(content.key)
    } else if (was && is && different.size > 0) return false
  }
  return true
}
