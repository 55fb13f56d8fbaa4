/**
 * Submissions that need no judging, because all that they bring is stored: most answers to our question are such, and a record that
 * is only opened should cost no query and no live document.
 *
 * There is one thing that a stored deletion may still say. Where the server has shown a value again, by an item of its own, whoever has not
 * seen that item may have deleted the value while looking at an earlier one, which is dead by now. So a sender that lacks anything is
 * judged as long as such items stand.
 */
import * as Y from 'yjs'
import type { Ledger } from '../access/ledger.ts'
import type { UpdateSubmission } from '../access/submission.ts'
import type { Waiting } from './inbox.ts'
import type { Replica } from './replica.ts'

/** Whether all of these are known, as far as can be said by this ledger or, not having it, without one. */
export function allKnown(replica: Replica, ledger: Ledger | undefined, waiting: readonly Waiting[]): boolean {
  const showsAgain = ledger === undefined || hasAny(ledger.standIns())
  return waiting.every(({ submission }) => {
    if (submission.type !== 'update' || !replica.covers(submission.update)) return false
    return !showsAgain || submission.update.deletes.length === 0 || !mayMean(submission.vector, replica)
  })
}

/** Whether a deletion may be meant by a sender of whom it is known that it lacks something. */
function mayMean(vector: UpdateSubmission['vector'], replica: Replica): boolean {
  if (vector === undefined || vector === 'unknown') return vector === undefined
  for (const [client, clock] of Y.decodeStateVector(replica.stateVector())) if ((vector.get(client) ?? 0) < clock) return true
  return false
}

function hasAny(items: Iterable<unknown>): boolean {
  return items[Symbol.iterator]().next().done !== true
}
