/**
 * Why an edit is not made on the ground that it meets: each of these answers with the refusal, or `undefined` if it has no
 * objection. Preconditions are made of them.
 */
import { type Issue, SyncError } from '@rapport/shared/errors.ts'
import { readMeta } from '@rapport/shared/schema/layout.ts'
import type { RecordType } from '@rapport/shared/schema/record-type.ts'
import type * as Y from 'yjs'
import { mayWriteField, type Policy } from '../access/policy.ts'
import { mayOpenRecord, mayWriteRecord, relationIn } from '../access/record-access.ts'
import type { Ground } from '../access/submission.ts'
import type { Principal } from '../auth/principal.ts'
import type { MayWrite } from './patch-rights.ts'

/** Whether the caller's condition holds for a record that stands at this sequence, or (`undefined`) at one without a name. */
export type Condition = (sequence: number | undefined) => boolean

/** What somebody may write in a record as it stands. */
export function rightsIn(by: Principal, type: RecordType, document: Y.Doc, policy: Policy): MayWrite {
  const relation = relationIn(by, document)
  return (root, name) => mayWriteField(by, type.name, relation, root, name, policy)
}

export function absent({ sequence }: Ground): SyncError | undefined {
  return sequence === 0 ? notFound() : undefined
}

/** What somebody may not open looks like what is not there. */
export function hidden(by: Principal, type: RecordType, { document }: Ground, policy: Policy): SyncError | undefined {
  return mayOpenRecord(by, type.name, () => document, policy) ? undefined : notFound()
}

export function unwritable(by: Principal, type: RecordType, ground: Ground, policy: Policy): SyncError | undefined {
  return hidden(by, type, ground, policy) ?? (mayWriteRecord(by, type.name, ground.document, policy) ? undefined : forbidden())
}

export function deleted({ document }: Ground): SyncError | undefined {
  return readMeta(document).deletedAt === null ? undefined : new SyncError('gone', 'this record was deleted')
}

export function stale({ sequence }: Ground, condition: Condition): SyncError | undefined {
  return condition(sequence) ? undefined : new SyncError('stale', 'the record is not in the state that was asked for')
}

/** Of content: what does not fit, and what its author may not write. Where a place is forbidden, its value is not judged. */
export function refusal(unfit: readonly Issue[], denied: readonly Issue[]): SyncError | undefined {
  const isDenied = ({ path }: Issue): boolean => denied.some((issue) => issue.path.every((name, index) => name === path[index]))
  const others = unfit.filter((issue) => !isDenied(issue))
  if (others.length > 0) {
    return new SyncError('invalid', 'the content does not fit the record type', { issues: [...others, ...denied] })
  }
  return denied.length > 0 ? forbidden(denied) : undefined
}

export function forbidden(issues: readonly Issue[] = []): SyncError {
  return new SyncError('forbidden', 'no right to write this', { issues })
}

function notFound(): SyncError {
  return new SyncError('not_found', 'no such record')
}
