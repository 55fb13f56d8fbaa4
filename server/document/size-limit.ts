/**
 * How large a record may become. What only takes away, or leaves the record no larger than it was, is always welcome: a full
 * record can be emptied. To mark something as deleted takes some bytes itself, for which there is a reserve above the limit.
 */
import type { Submission } from '../access/submission.ts'
import type { JudgedEntry } from '../log/entry.ts'
import type { Replica } from './replica.ts'

/** Bytes of the reserve: for the marks of some entries in a small record, and of every entry in a large one. */
const RESERVE = 4 * 1024
const RESERVE_SHARE = 1 / 16

/** Of the committed state, in bytes: an upper estimate within the limit, and exact above it. */
export function sizeBefore(replica: Replica, limit: number): number {
  return replica.size > limit ? replica.measure() : replica.size
}

/** Whether an entry, which the live document holds already, takes the record over its limit; `before`: as `sizeBefore` says. */
export function overgrows(
  replica: Replica,
  before: number,
  entry: JudgedEntry,
  submissions: readonly Submission[],
  limit: number,
): boolean {
  if (submissions.every(onlyDeletes)) return false
  const allowed = submissions.every(frees) ? limit * (1 + RESERVE_SHARE) + RESERVE : limit
  if (before + entry.update.length <= allowed) return false
  // The size is an estimate while edits add to it; encoding makes it exact.
  return replica.measure() > Math.max(allowed, before)
}

function onlyDeletes(submission: Submission): boolean {
  return submission.type === 'update' && submission.update.structs.length === 0
}

function frees(submission: Submission): boolean {
  return onlyDeletes(submission) || (submission.type === 'edit' && submission.frees)
}
