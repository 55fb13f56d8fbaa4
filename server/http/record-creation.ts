/** Making a record once, however often it is asked for: an attempt that was cut off after its commit meets its own record. */
import { toSyncError } from '@rapport/shared/errors.ts'
import type { RecordEdit } from '../inbound/record-edits.ts'
import type { Attempt } from './keyed-writes.ts'
import { type RecordResource, resourceOf, toResource } from './record-resource.ts'
import type { Target } from './record-target.ts'
import type { Admitted } from './write-request.ts'

/**
 * The record as it was made, or, if an earlier attempt made it, as it stands. Rejects with `exists` if somebody else did, or this
 * principal by another request.
 */
export async function createOnce(
  { perform, inRoom }: Admitted,
  target: Target,
  edit: RecordEdit,
  { resumedSince }: Attempt,
): Promise<RecordResource> {
  try {
    return await perform(target, edit, (room) => resourceOf(target.type, room))
  } catch (thrown) {
    if (resumedSince === undefined || toSyncError(thrown).code !== 'exists') throw thrown
    const nothing = (): Promise<void> => Promise.resolve()
    const own = await inRoom(target.key, nothing, (room) =>
      room.view((view) => {
        const mine = view.createdBy === target.principal.sub && view.createdAt >= resumedSince
        return mine ? toResource(target.type, view) : undefined
      }),
    )
    if (own === undefined) throw thrown
    return own
  }
}
