/**
 * Conditional requests (RFC 9110, section 13) on records, whose entity tag is their sequence. Tags of ours are strong: a record
 * at one sequence always reads the same.
 */
import { SyncError } from '@rapport/shared/errors.ts'
import type { Condition } from '../inbound/refusals.ts'

const TAG = /(W\/)?"([^"]*)"/g

/** A request, as far as it sets conditions. */
interface Asked {
  header(name: string): string | undefined
}

interface Tag {
  readonly weak: boolean
  readonly value: string
}

export function etagOf(sequence: number): string {
  return `"${sequence}"`
}

/** Whether a record that stands at some sequence may be touched, by `If-Match`. Throws `malformed`. */
export function readIfMatch(request: Asked): Condition {
  const tags = readTags(request, 'If-Match')
  if (tags === undefined || tags === '*') return () => true
  // Strong comparison: a weak tag says too little about a state to build on it.
  return (sequence) => tags.some((tag) => !tag.weak && names(tag, sequence))
}

/** Whether the caller holds a record that stands at some sequence already, by `If-None-Match`. Throws `malformed`. */
export function readIfNoneMatch(request: Asked): Condition {
  const tags = readTags(request, 'If-None-Match')
  if (tags === undefined) return () => false
  if (tags === '*') return () => true
  return (sequence) => tags.some((tag) => names(tag, sequence))
}

/** Both headers, for a request that would change the record (13.2.2). Throws `malformed`. */
export function readWriteCondition(request: Asked): Condition {
  const matches = readIfMatch(request)
  const held = readIfNoneMatch(request)
  return (sequence) => matches(sequence) && !held(sequence)
}

/** None names a state that has not got a sequence yet. */
function names({ value }: Tag, sequence: number | undefined): boolean {
  return sequence !== undefined && value === String(sequence)
}

/** The tags of a list; `undefined` without the header. */
function readTags(request: Asked, header: string): readonly Tag[] | '*' | undefined {
  const text = request.header(header)
  if (text === undefined || text.trim() === '*') return text === undefined ? undefined : '*'
  const tags = Array.from(text.matchAll(TAG), ([, weak, value = '']) => ({ weak: weak !== undefined, value }))
  if (tags.length > 0 && /^[ \t,]*$/.test(text.replaceAll(TAG, ''))) return tags
  throw new SyncError('malformed', `${header} must be * or a list of entity tags in double quotes`)
}
