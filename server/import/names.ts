/** Names in one piece. */
import { fold } from './values.ts'

export interface SplitName {
  readonly first: string
  readonly last: string
}

/** Words that belong to the family name behind them. */
const PARTICLES = new Set('af al ben bin da de del della den der di dos du el ibn la le ten ter van von zu zum zur'.split(' '))
/** What follows a comma and is no given name. */
const SUFFIXES = new Set('jr sr ii iii iv phd md dds esq mba cpa inc llc ltd gmbh ag'.split(' '))

/** `Ann Smith`, `Smith, Ann`, `Ludwig van Beethoven`. A single word is a given name. */
export function splitName(full: string): SplitName {
  const [before = '', after = '', ...more] = full.split(',').map((part) => part.trim())
  const turned = before !== '' && after !== '' && more.length === 0 && !SUFFIXES.has(after.toLowerCase().replaceAll('.', ''))
  if (turned) return { first: after, last: before }
  const words = full.split(/\s+/).filter((word) => word !== '')
  if (words.length < 2) return { first: words.join(' '), last: '' }
  let start = words.length - 1
  while (start > 1 && PARTICLES.has(words[start - 1]?.toLowerCase() ?? '')) start -= 1
  return { first: words.slice(0, start).join(' '), last: words.slice(start).join(' ') }
}

/** Whether the text has a word that is in none of the parts. */
export function saysMore(text: string, parts: readonly string[]): boolean {
  const known = new Set(wordsOf(parts.join(' ')))
  return wordsOf(text).some((word) => !known.has(word))
}

function wordsOf(text: string): string[] {
  return fold(text).match(/[\p{L}\p{N}\p{M}]+/gu) ?? []
}
